"""paho-mqtt (Python) against the broker: a line a case, "FEATURE QOS ok" or what went wrong instead of ok.

with_paho.py VERSION TRANSPORT PORT CA
"""

import queue
import sys
import threading
import uuid

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

version, transport, port, ca = sys.argv[1:]
V5 = version == "5.0"
PROTOCOL = {"3.1": mqtt.MQTTv31, "3.1.1": mqtt.MQTTv311, "5.0": mqtt.MQTTv5}[version]
PATIENCE = 15


def name():
    return uuid.uuid4().hex[:20]


class Client:
    """A client whose events wait in queues."""

    def __init__(self, client_id=None, clean=True, will=None, user=None, connect=True):
        extra = {} if V5 else {"clean_session": clean}
        self.c = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=PROTOCOL, client_id=client_id or name(),
                             transport="websockets" if transport.startswith("ws") else "tcp",
                             reconnect_on_failure=False, **extra)
        if transport in ("tls", "wss"):
            self.c.tls_set(ca)
        if will:
            self.c.will_set(*will)
        if user:
            self.c.username_pw_set(*user)
        self.messages, self.connacks, self.subacks, self.ends, self.acks = (queue.Queue() for _ in range(5))
        self.c.on_message = lambda c, u, m: self.messages.put(m)
        self.c.on_connect = lambda c, u, flags, reason, p: self.connacks.put((flags.session_present, reason))
        self.c.on_subscribe = lambda c, u, mid, reasons, p: self.subacks.put(reasons)
        self.c.on_disconnect = lambda c, u, flags, reason, p: self.ends.put(reason)
        self.c.on_publish = lambda c, u, mid, reason, p: self.acks.put(reason)
        options = {}
        if V5:
            properties = Properties(PacketTypes.CONNECT)
            properties.SessionExpiryInterval = 0 if clean else 100
            options = {"clean_start": clean, "properties": properties}
        self.c.connect("localhost", int(port), **options)
        self.c.loop_start()
        if connect:
            self.present, reason = self.connacks.get(timeout=PATIENCE)
            assert not reason.is_failure, reason

    def subscribe(self, topic, qos):
        self.c.subscribe(topic, qos)
        return self.subacks.get(timeout=PATIENCE)[0]

    def publish(self, topic, payload, qos, retain=False):
        info = self.c.publish(topic, payload, qos, retain)
        info.wait_for_publish(PATIENCE)
        assert info.is_published(), "not published"

    def message(self):
        return self.messages.get(timeout=PATIENCE)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.c.disconnect()
        self.c.loop_stop()


def in_order(qos):
    topic = name()
    with Client() as sub, Client() as pub:
        sub.subscribe(topic, qos)
        for n in range(20):
            pub.publish(topic, f"{n}", qos)
        got = [sub.message() for _ in range(20)]
    assert [(int(m.payload), m.qos, m.retain) for m in got] == [(n, qos, False) for n in range(20)], got


def retained(qos):
    topic = name()
    with Client() as pub:
        pub.publish(topic, "kept", qos, retain=True)
        # At QoS 0 nobody would know when it is done, so something is acknowledged behind it.
        pub.publish(name(), b"", 1)
        with Client() as sub:
            sub.subscribe(topic, qos)
            got = sub.message()
            assert (got.payload, got.qos, got.retain) == (b"kept", qos, True), got
        pub.publish(topic, b"", max(qos, 1), retain=True)
        with Client() as sub:
            sub.subscribe(topic, qos)
            pub.publish(topic, "live", qos)
            assert sub.message().payload == b"live", "the removed message came"


def will(qos):
    topic = name()
    with Client() as sub:
        sub.subscribe(topic, qos)
        dying = Client(will=(topic, "gone", qos))
        dying.c.socket().close()
        got = sub.message()
        dying.c.loop_stop()
    assert (got.payload, got.qos) == (b"gone", qos), got


def session(qos):
    topic, client = name(), name()
    with Client(client, clean=False) as sub:
        sub.subscribe(topic, qos)
    with Client() as pub:
        if qos:
            pub.publish(topic, "waited", qos)
        with Client(client, clean=False) as sub:
            # CONNACK of 3.1 has no Session Present.
            assert sub.present or version == "3.1", "no session"
            if not qos:
                pub.publish(topic, "waited", qos)
            got = sub.message()
            assert (got.payload, got.qos) == (b"waited", qos), got
    Client(client, clean=True).__exit__()


def large(qos):
    topic, payload = name(), bytes(range(256)) * 350
    with Client() as sub, Client() as pub:
        sub.subscribe(topic, qos)
        pub.publish(topic, payload, qos)
        assert sub.message().payload == payload, "another payload"


def password(_):
    with Client(user=("alice", "secret")):
        pass
    client = Client(user=("alice", "wrong"), connect=False)
    _, reason = client.connacks.get(timeout=PATIENCE)
    client.c.loop_stop()
    assert reason.is_failure, reason


def denied(_):
    client = Client()
    client.c.subscribe("secret/x", 1)
    if version == "3.1":
        # SUBACK of 3.1 cannot refuse, so the connection ends.
        client.ends.get(timeout=PATIENCE)
    else:
        reason = client.subacks.get(timeout=PATIENCE)[0]
        assert reason.value == (0x87 if V5 else 0x80), reason
    if V5:
        client.c.publish("secret/x", "a", 1)
        reason = client.acks.get(timeout=PATIENCE)
        assert reason.value == 0x87, reason
    client.__exit__()


def takeover(_):
    client = name()
    first = Client(client)
    with Client(client) as second:
        reason = first.ends.get(timeout=PATIENCE)
        assert not V5 or reason.value == 0x8E, reason
        assert second.subscribe(name(), 0).value == 0
    first.c.loop_stop()


def oversized(qos):
    topic = name()
    with Client() as sub:
        sub.subscribe(topic, qos)
        client = Client()
        client.c.publish(topic, b"x" * 200_000, qos)
        reason = client.ends.get(timeout=PATIENCE)
        assert not V5 or reason.value == 0x95, reason
        client.c.loop_stop()
        with Client() as pub:
            pub.publish(topic, "small", qos)
        assert sub.message().payload == b"small", "the oversized message came"


CASES = [(test, qos) for test in (in_order, retained, will, session, large, oversized) for qos in (0, 1, 2)]
CASES += [(test, None) for test in (password, denied, takeover)]
for test, qos in CASES:
    try:
        test(qos)
        outcome = "ok"
    except Exception as error:  # the line says what went wrong
        outcome = f"{type(error).__name__}: {error}".replace("\n", " ")
    print(test.__name__, "-" if qos is None else qos, outcome, flush=True)
