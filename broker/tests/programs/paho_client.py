"""A client on paho-mqtt for the tests.

paho_client.py PORT VERSION sub QOS FILTER...       prints `topic payload qos retain` for each message
paho_client.py PORT VERSION pub QOS TOPIC PAYLOAD [retain] [key=value...]   with user properties in 5.0
VERSION is 3, 4 or 5.
"""

import sys

import paho.mqtt.client as mqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties


def fail(what):
    print(what, file=sys.stderr)
    sys.exit(1)


def connected(client, _userdata, _flags, code, _properties):
    if code.is_failure:
        fail(f"refused: {code}")
    if command == "sub":
        client.subscribe([(topic_filter, qos) for topic_filter in rest])


def subscribed(_client, _userdata, _mid, codes, _properties):
    if any(code.is_failure for code in codes):
        fail(f"not subscribed: {codes}")


def message(_client, _userdata, message):
    pairs = getattr(message.properties, "UserProperty", []) if message.properties else []
    line = [message.topic, message.payload.decode(), str(message.qos), str(int(message.retain))]
    print(*line, *(f"{key}={value}" for key, value in pairs), flush=True)


port, version, command, qos, *rest = sys.argv[1:]
qos = int(qos)
client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, protocol=int(version))
client.on_connect = connected
client.on_subscribe = subscribed
client.on_message = message
client.connect("127.0.0.1", int(port))
if command == "sub":
    client.loop_forever(retry_first_connection=False)
else:
    topic, payload, *options = rest
    properties = None
    if version == "5":
        properties = Properties(PacketTypes.PUBLISH)
        properties.UserProperty = [tuple(pair.split("=", 1)) for pair in options if "=" in pair]
    client.loop_start()
    sent = client.publish(topic, payload, qos, "retain" in options, properties)
    sent.wait_for_publish(10)
    if not sent.is_published():
        fail("not acknowledged")
    client.disconnect()
    client.loop_stop()
