#!/usr/bin/env bash
# MQTT traffic by mosquitto_pub, mosquitto_sub and mosquitto_rr, for captures; or, with MQTT_CLIENT in the environment, by
# that program, which takes the same options after pub, sub and rr.
#
#     mosqcli.sh 3.1|3.1.1|5 HOST PORT SCENARIO...
#
# Every scenario uses topics under "m/". MAX_QOS in the environment is the highest QoS that the broker has, 2 by default;
# with MQTT_USER clients have that user name, and a password.
set -euo pipefail

usage() { echo "usage: mosqcli.sh 3.1|3.1.1|5 HOST PORT SCENARIO..." >&2; exit 2; }
[ $# -ge 4 ] || usage
readonly VERSION=$1 HOST=$2 PORT=$3
shift 3
case $VERSION in
    3.1) readonly LEVEL=mqttv31 ;;
    3.1.1) readonly LEVEL=mqttv311 ;;
    5) readonly LEVEL=mqttv5 ;;
    *) usage ;;
esac
readonly QOS=${MAX_QOS:-2}
readonly PATIENCE=15 # seconds until a client gives up

v5() { [ "$VERSION" = 5 ]; }
PUB=(mosquitto_pub) SUB=(mosquitto_sub) RR=(mosquitto_rr)
if [ -n "${MQTT_CLIENT:-}" ]; then PUB=("$MQTT_CLIENT" pub) SUB=("$MQTT_CLIENT" sub) RR=("$MQTT_CLIENT" rr); fi
readonly PUB SUB RR
COMMON=(-V "$LEVEL" -h "$HOST" -p "$PORT")
if [ -n "${MQTT_USER:-}" ]; then COMMON+=(-u "$MQTT_USER" -P secret); fi
readonly COMMON
pub() { timeout "$PATIENCE" "${PUB[@]}" "${COMMON[@]}" "$@"; }
sub() { exec timeout "$PATIENCE" "${SUB[@]}" "${COMMON[@]}" "$@" >/dev/null; }

# Lets a subscriber in the background subscribe.
settle() { sleep 0.4; }

scenario_qos() {
    sub -i m-sub -q 2 -t 'm/qos/#' -t m/other -C $((2 * QOS + 6)) &
    local subscriber=$!
    settle
    for qos in $(seq 0 "$QOS"); do
        pub -i "m-pub-$qos" -q "$qos" -t "m/qos/$qos" -m "QoS $qos"
        pub -q "$qos" -t "m/qos/ключ/$qos" -m 'Größe ✓' -k 5
    done
    pub -q 1 -t m/qos/empty -n
    seq 1 3 | sed 's/^/line /' | pub -q "$QOS" -t m/qos/lines -l
    wait "$subscriber"
}

scenario_wills() {
    sub -i m-will-watch -q 2 -t m/will -C 1 &
    local watcher=$!
    settle
    timeout -s KILL 1 "${SUB[@]}" "${COMMON[@]}" -i m-will -t m/nothing \
        --will-topic m/will --will-payload gone --will-qos 1 --will-retain || [ $? -eq 137 ]
    wait "$watcher"
    pub -r -n -q 1 -t m/will
}

scenario_retained() {
    pub -r -q 1 -t m/ret/a -m kept
    pub -r -q "$QOS" -t m/ret/b -m 'kept too'
    (sub -i m-ret -q 1 -t 'm/ret/#' --retained-only -C 2)
    # it does not count what it removes, and ends by its own time-out
    (sub -i m-ret-away -q 1 -t 'm/ret/#' --remove-retained -W 1) || [ $? -eq 27 ]
}

scenario_session() {
    local keep=(-i m-session -c -q 2 -t 'm/session/#')
    if v5; then keep+=(-x 60); fi
    (sub "${keep[@]}" -E)
    for qos in $(seq 0 "$QOS"); do pub -q "$qos" -t "m/session/$qos" -m "queued at QoS $qos"; done
    (sub "${keep[@]}" -C "$QOS")
    (sub -i m-session -t m/session/none -U 'm/session/#' -E)
}

scenario_shared() {
    for member in 1 2; do
        sub -i "m-shared-$member" -q 1 -t '$share/team/m/shared/+' -C 2 &
    done
    settle
    for n in 1 2 3 4; do pub -q 1 -t "m/shared/$n" -m "task $n"; done
    wait
}

# Until MQTT 5 the answer's topic is an agreement, which mosquitto_rr then uses.
scenario_request() {
    (timeout "$PATIENCE" "${SUB[@]}" "${COMMON[@]}" -i m-answer -q 1 -t m/ask -C 1 >/dev/null
     pub -q 1 -t m/answer -m 'the answer') &
    settle
    local more=()
    if v5; then more=(-D publish correlation-data 'c 1' -D publish user-property asked twice); fi
    timeout "$PATIENCE" "${RR[@]}" "${COMMON[@]}" -i m-ask -q 1 -t m/ask -e m/answer \
        -m 'the question' "${more[@]}" >/dev/null
    wait
}

scenario_properties() {
    v5 || { echo "mosqcli.sh: scenario properties is for MQTT 5" >&2; return 1; }
    sub -i m-prop -q 1 -t 'm/prop/#' -C 6 -D connect receive-maximum 7 -D connect maximum-packet-size 100000 \
        -D connect user-property client one -D subscribe subscription-identifier 128 \
        -D subscribe user-property why because -D disconnect reason-string 'seen enough' \
        -D connect session-expiry-interval 30 &
    local subscriber=$!
    settle
    pub -q 1 -t m/prop/alias -m 'with an alias' --repeat 4 --repeat-delay 0.05 \
        -D publish topic-alias 3 -D connect topic-alias-maximum 4
    pub -q 1 -t m/prop/all -m '{"on":true}' -D publish content-type application/json \
        -D publish payload-format-indicator 1 -D publish message-expiry-interval 3600 \
        -D publish response-topic m/answers -D publish correlation-data 0102 \
        -D publish user-property k v -D publish user-property k w
    pub -q 0 -t m/prop/will -m x --will-topic m/prop/never --will-payload bye --will-qos 1 \
        -D will will-delay-interval 5 -D will content-type text/plain -D will user-property a b \
        -D disconnect session-expiry-interval 0
    wait "$subscriber"
}

scenario_large() {
    sub -i m-large -q 1 -t m/large -C 1 &
    local subscriber=$!
    settle
    head -c 70000 /dev/zero | tr '\0' '#' | pub -q 1 -t m/large -s
    wait "$subscriber"
}

# Connections that a broker with users refuses, and publications that it takes or not.
scenario_refused() {
    refused() { ! pub -q 1 -t open/a -m 'let me in' "$@" 2>/dev/null; }
    refused -i m-nobody
    refused -i m-wrong -u reader -P wrong
    refused -i m-nameless -u '' -P secret
    sub -i m-reader -u reader -P secret -q 1 -t 'open/#' -t 'closed/#' -C 3 &
    local reader=$!
    settle
    for topic in open/a closed/a; do
        for qos in 0 1 2; do
            # 5.0 tells that a publication is not allowed, and mosquitto_pub fails
            pub -u writer -P secret -q "$qos" -t "$topic" -m 'may I?' 2>/dev/null || v5
        done
    done
    wait "$reader"
}

for scenario in "$@"; do
    declare -F "scenario_$scenario" >/dev/null || usage
    if ! (set -e; "scenario_$scenario"); then
        echo "mosqcli.sh: scenario $scenario failed" >&2
        exit 1
    fi
done
