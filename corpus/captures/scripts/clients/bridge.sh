#!/usr/bin/env bash
# MQTT traffic over a bridge between two brokers, for captures.
#
#     bridge.sh HOST NEAR_PORT FAR_PORT
#
# The far broker bridges out/# to the near one and in/# from it.
set -euo pipefail

[ $# -eq 3 ] || { echo "usage: bridge.sh HOST NEAR_PORT FAR_PORT" >&2; exit 2; }
readonly HOST=$1 NEAR=$2 FAR=$3
readonly PATIENCE=15

pub() { timeout "$PATIENCE" mosquitto_pub -V mqttv311 -h "$HOST" "$@"; }

sleep 1 # the bridge subscribes
timeout "$PATIENCE" mosquitto_sub -V mqttv311 -h "$HOST" -p "$FAR" -q 2 -t 'in/#' -C 6 >/dev/null &
sleep 0.4
for qos in 0 1 2; do
    pub -p "$FAR" -q "$qos" -t "out/$qos" -m "out at QoS $qos"
    pub -p "$NEAR" -q "$qos" -t "in/$qos" -m "in at QoS $qos"
    pub -p "$NEAR" -q "$qos" -t "in/kept/$qos" -m "kept at QoS $qos" -r
done
wait
sleep 6 # the bridge's keep alive
