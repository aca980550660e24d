#!/usr/bin/env bash
# MQTT traffic by curl, which has 3.1.1 and QoS 0 only, for captures.
#
#     curl.sh 3.1.1 HOST PORT SCENARIO...
#
# Every scenario uses topics under "u/".
set -euo pipefail

[ $# -ge 4 ] && [ "$1" = 3.1.1 ] || { echo "usage: curl.sh 3.1.1 HOST PORT SCENARIO..." >&2; exit 2; }
readonly AT="mqtt://$2:$3"
shift 3

# curl ends a subscription when its time is over, and reports that as a failure.
sub() { curl -s -N -u user:secret --max-time "$1" "$AT/$2" >/dev/null || [ $? -eq 28 ]; }

scenario_qos() {
    sub 2 u/qos/+ &
    sleep 0.5
    curl -s -u user:secret -d 'by curl' "$AT/u/qos/1"
    curl -s -d 'without a name' "$AT/u/qos/2" || true # not every broker lets it in
    head -c 20000 /dev/zero | tr '\0' '#' | curl -s -u user:secret --data-binary @- "$AT/u/qos/large"
    curl -s -u user:secret -d '' "$AT/u/qos/empty" || true
    wait
}

for scenario in "$@"; do "scenario_$scenario"; done
