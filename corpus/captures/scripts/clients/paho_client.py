#!/usr/bin/env python3
"""MQTT traffic by paho-mqtt, for captures.

    paho_client.py --version 3.1|3.1.1|5 --host HOST --port PORT [--websocket] SCENARIO...

Every scenario uses clients of its own and topics under "p/".
"""

import argparse
import os
import socket
import sys
import threading
import time

import paho.mqtt.client as paho
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

PROTOCOLS = {"3.1": paho.MQTTv31, "3.1.1": paho.MQTTv311, "5": paho.MQTTv5}
PATIENCE = 15  # seconds until a scenario is given up
settings = None  # the command line


def is_v5():
    return settings.version == "5"


def properties(packet, **values):
    """Properties for a packet, or None where the version has none."""
    if not is_v5():
        return None
    out = Properties(packet)
    for name, value in values.items():
        for one in value if isinstance(value, list) else [value]:
            setattr(out, name, one)
    return out


class Peer:
    """One client, with calls that return when the broker has answered."""

    def __init__(self, client_id, clean=True, keepalive=60, user=None, will=None, connect=None):
        version5 = is_v5()
        self.client = paho.Client(
            paho.CallbackAPIVersion.VERSION2, client_id=client_id, protocol=PROTOCOLS[settings.version],
            clean_session=None if version5 else clean, transport="websockets" if settings.websocket else "tcp",
            reconnect_on_failure=False)
        self.clean, self.keepalive, self.connect_properties = clean, keepalive, connect
        self.messages, self.done, self.code = [], {}, None
        self.connected, self.gone, self.news = threading.Event(), threading.Event(), threading.Condition()
        if user:
            self.client.username_pw_set(*user)
        if will:
            self.client.will_set(**will)
        self.client.on_connect = self._on_connect
        self.client.on_disconnect = lambda *_: self.gone.set()
        self.client.on_message = lambda _client, _data, message: self._tell(lambda: self.messages.append(message))
        for event in ("on_subscribe", "on_unsubscribe", "on_publish"):
            setattr(self.client, event, lambda _client, _data, mid, *_rest, event=event:
                    self._tell(lambda: self.done.setdefault((event, mid), True)))

    def _tell(self, change):
        with self.news:
            change()
            self.news.notify_all()

    def _on_connect(self, _client, _data, _flags, code, _properties):
        self.code = code
        self.connected.set()

    def _until(self, condition, what):
        with self.news:
            if not self.news.wait_for(condition, PATIENCE):
                raise TimeoutError(f"no {what}")

    def open(self, expect_refusal=False):
        extra = {"clean_start": self.clean, "properties": self.connect_properties} if is_v5() else {}
        self.client.connect(settings.host, settings.port, self.keepalive, **extra)
        self.client.loop_start()
        if not self.connected.wait(PATIENCE):
            raise TimeoutError("no CONNACK")
        if self.code.is_failure != expect_refusal:
            raise RuntimeError(f"the broker answered the connection with {self.code}")
        return self

    def subscribe(self, *filters, **values):
        """filters: (filter, QoS or SubscribeOptions)"""
        if is_v5():
            filters = [(name, o if isinstance(o, SubscribeOptions) else SubscribeOptions(qos=o)) for name, o in filters]
            _, mid = self.client.subscribe(list(filters), properties=properties(PacketTypes.SUBSCRIBE, **values) if values else None)
        else:
            _, mid = self.client.subscribe(list(filters))
        self._until(lambda: ("on_subscribe", mid) in self.done, "SUBACK")

    def unsubscribe(self, *filters, **values):
        extra = {"properties": properties(PacketTypes.UNSUBSCRIBE, **values)} if values and is_v5() else {}
        _, mid = self.client.unsubscribe(list(filters), **extra)
        self._until(lambda: ("on_unsubscribe", mid) in self.done, "UNSUBACK")

    def publish(self, topic, payload, qos=0, retain=False, **values):
        extra = {"properties": properties(PacketTypes.PUBLISH, **values)} if values and is_v5() else {}
        mid = self.client.publish(topic, payload, qos, retain, **extra).mid
        self._until(lambda: ("on_publish", mid) in self.done, f"acknowledgement of QoS {qos}")

    def publish_over_two_connections(self, *messages):
        """Publishes, loses the connection before an answer is read, connects and publishes again with DUP."""
        self.client.loop_stop()  # reads nothing any more
        sent = [self.client.publish(topic, f"sent twice at QoS {qos}", qos).mid for topic, qos in messages]
        self.end_connection()
        self.client.reconnect()
        self.client.loop_start()
        for mid in sent:
            self._until(lambda mid=mid: ("on_publish", mid) in self.done, "acknowledgement on the second connection")

    def expect(self, count):
        self._until(lambda: len(self.messages) >= count, f"{count} messages")

    def close(self, reason=None, **values):
        extra = {}
        if is_v5() and (reason or values):
            code = ReasonCode(PacketTypes.DISCONNECT, reason or "Normal disconnection")
            extra = {"reasoncode": code, "properties": properties(PacketTypes.DISCONNECT, **values) if values else None}
        self.client.disconnect(**extra)
        self.client.loop_stop()

    def end_connection(self):
        """Ends the TCP connection without DISCONNECT."""
        connection = self.client.socket()
        getattr(connection, "_socket", connection).shutdown(socket.SHUT_RDWR)

    def drop(self):
        self.end_connection()
        self.gone.wait(PATIENCE)
        self.client.loop_stop()

    def await_end(self):
        if not self.gone.wait(PATIENCE):
            raise TimeoutError("the broker did not end the connection")
        self.client.loop_stop()


def scenario_qos():
    """Every QoS published to a subscription of every QoS."""
    subscriber = Peer("p-qos-sub").open()
    subscriber.subscribe(("p/qos/0/+", 0), ("p/qos/1/+", 1))
    subscriber.subscribe(("p/qos/2/#", 2))
    publisher = Peer("p-qos-pub").open()
    for granted in range(3):
        for qos in range(3):
            publisher.publish(f"p/qos/{granted}/{qos}", f"QoS {qos} to {granted}", qos)
    publisher.publish("p/qos/2", "", 1)
    subscriber.expect(10)
    subscriber.unsubscribe("p/qos/0/+", "p/qos/1/+", "p/qos/never")
    publisher.publish("p/qos/2/ключ/温度", "Größe ✓".encode(), 2)
    subscriber.expect(11)
    publisher.close()
    subscriber.close()


def scenario_wills():
    watcher = Peer("p-will-watch").open()
    watcher.subscribe(("p/will/#", 2))
    for qos in range(3):
        will = {"topic": f"p/will/{qos}", "payload": f"gone at QoS {qos}", "qos": qos, "retain": qos == 2}
        if is_v5() and qos == 1:
            will["properties"] = properties(
                PacketTypes.WILLMESSAGE, WillDelayInterval=1, PayloadFormatIndicator=1, MessageExpiryInterval=300,
                ContentType="text/plain", ResponseTopic="p/will/answer", CorrelationData=b"\x00\x01\xfe",
                UserProperty=[("why", "gone"), ("why", "again")])
        peer = Peer(f"p-will-{qos}", user=("user", "\x00secret") if qos == 0 else None, will=will,
                    connect=properties(PacketTypes.CONNECT, SessionExpiryInterval=30)).open()
        peer.drop()
    watcher.expect(3)
    if is_v5():
        will = {"topic": "p/will/asked", "payload": None, "qos": 0}
        Peer("p-will-asked", will=will).open().close("Disconnect with will message", ReasonString="as agreed")
        watcher.expect(4)
    unused = Peer("p-will-unused", will={"topic": "p/will/unused", "payload": "never", "qos": 1}).open()
    unused.close()
    watcher.publish("p/will/2", "", 0, retain=True)
    watcher.close()


def scenario_retained():
    publisher = Peer("p-ret-pub").open()
    for qos in range(3):
        publisher.publish(f"p/ret/{qos}", f"kept at QoS {qos}", qos, retain=True)
    late = Peer("p-ret-late").open()
    late.subscribe(("p/ret/#", 2))
    late.expect(3)
    if is_v5():
        late.subscribe(("p/ret/#", SubscribeOptions(qos=1, retainAsPublished=True, retainHandling=1)))
        late.subscribe(("p/ret/+", SubscribeOptions(qos=1, noLocal=True, retainHandling=2)))
        publisher.publish("p/ret/1", "kept as published", 1, retain=True)
        late.expect(5)
    for qos in range(3):
        publisher.publish(f"p/ret/{qos}", None, qos, retain=True)
    late.expect(6)
    late.close()
    publisher.close()


def scenario_session():
    """A kept session: queued messages, and messages that broker and client send again with DUP."""
    keep = properties(PacketTypes.CONNECT, SessionExpiryInterval=120)
    first = Peer("p-session", clean=False, connect=keep).open()
    first.subscribe(("p/session/+", 2))
    first.client.loop_stop()  # reads nothing any more
    publisher = Peer("p-session-pub").open()
    publisher.publish("p/session/1", "not acknowledged the first time", 1)
    publisher.publish("p/session/2", "nor this one", 2)
    first.end_connection()
    publisher.publish("p/session/1", "while nobody was there", 1)
    publisher.publish("p/session/2", "nor then", 2)
    again = Peer("p-session", clean=False, connect=keep).open()
    again.expect(4)
    again.close(SessionExpiryInterval=0)
    publisher.close()
    sender = Peer("p-session-sender", clean=False, connect=keep).open()
    sender.publish_over_two_connections(("p/session/1", 1), ("p/session/2", 2))
    sender.close(SessionExpiryInterval=0)
    if not is_v5():
        Peer("p-session").open().close()


def scenario_shared():
    members = [Peer(f"p-shared-{n}").open() for n in range(2)]
    for qos, member in enumerate(members):
        member.subscribe(("$share/team/p/shared/#", qos + 1))
    publisher = Peer("p-shared-pub").open()
    for n in range(6):
        publisher.publish(f"p/shared/{n}", f"task {n}", n % 3)
    deadline = time.monotonic() + PATIENCE
    while sum(len(member.messages) for member in members) < 6:
        if time.monotonic() > deadline:
            raise TimeoutError("the group did not get all messages")
        time.sleep(0.05)
    members[0].unsubscribe("$share/team/p/shared/#")
    for peer in [*members, publisher]:
        peer.close()


def scenario_alias():
    receiver = Peer("p-alias-sub", connect=properties(PacketTypes.CONNECT, TopicAliasMaximum=5)).open()
    receiver.subscribe(("p/alias/#", 1))
    publisher = Peer("p-alias-pub").open()
    for alias, topic in ((1, "p/alias/first"), (10, "p/alias/second")):
        publisher.publish(topic, "sets the alias", 1, TopicAlias=alias)
    for n, alias in enumerate((1, 10, 1, 10)):
        publisher.publish("", f"uses alias {alias}", n % 3, TopicAlias=alias)
    publisher.publish("p/alias/other", "changes the alias", 0, TopicAlias=1)
    publisher.publish("", "uses the changed alias", 1, TopicAlias=1)
    receiver.expect(8)
    publisher.close()
    receiver.close()


def scenario_request():
    """Request and response; before 5.0 the topic of the answer is agreed beforehand."""
    asker, answerer = Peer("p-req-ask", connect=properties(PacketTypes.CONNECT, RequestResponseInformation=1)), Peer("p-req-answer")
    asker.open()
    answerer.open()
    asker.subscribe(("p/answers/asker", 1))
    answerer.subscribe(("p/requests/#", 1))
    for n in range(3):
        asker.publish("p/requests/time", f"{n}", 1, ResponseTopic="p/answers/asker", CorrelationData=bytes([n, 0, 255]),
                      MessageExpiryInterval=10)
        answerer.expect(n + 1)
        request = answerer.messages[n]
        values = {}
        topic = "p/answers/asker"
        if is_v5():
            topic, values = request.properties.ResponseTopic, {"CorrelationData": request.properties.CorrelationData}
        answerer.publish(topic, f"answer {n}", 1, **values)
    asker.expect(3)
    asker.close()
    answerer.close()


def scenario_properties():
    """Every property that a client may send outside wills and AUTH, and empty ones."""
    pairs = [("k", "v"), ("k", "w"), ("", ""), ("ключ", "значение")]
    peer = Peer("", connect=properties(
        PacketTypes.CONNECT, SessionExpiryInterval=4294967295, ReceiveMaximum=1, MaximumPacketSize=268435455,
        TopicAliasMaximum=65535, RequestResponseInformation=1, RequestProblemInformation=0, UserProperty=pairs)).open()
    for identifier, name in ((1, "p/prop/a"), (127, "p/prop/+"), (128, "p/prop/#"), (268435455, "p/+/a")):
        peer.subscribe((name, 1), SubscriptionIdentifier=identifier, UserProperty=pairs[:1])
    peer.publish("p/prop/a", '{"t": 21.5}', 1, PayloadFormatIndicator=1, MessageExpiryInterval=4294967295,
                 ContentType="application/json", ResponseTopic="p/answers/é", CorrelationData=bytes(range(20)), UserProperty=pairs)
    peer.publish("p/prop/a", b"\xff\x00", 2, PayloadFormatIndicator=0, ContentType="", CorrelationData=b"", UserProperty=("", ""))
    peer.expect(2)
    peer.unsubscribe("p/prop/a", "p/prop/never", UserProperty=pairs[:2])
    peer.close("Implementation specific error", SessionExpiryInterval=0, ReasonString="done ✓", UserProperty=pairs[:1])


def scenario_ping():
    peer = Peer("p-ping", keepalive=1).open()
    time.sleep(2.5)
    peer.close()


def scenario_takeover():
    """A second client of the same identifier ends the first; then one falls silent."""
    first = Peer("p-twin").open()
    second = Peer("p-twin").open()
    first.await_end()
    second.close()
    silent = Peer("p-silent", keepalive=1).open()
    silent.client._ping_interval = None
    silent.client._check_keepalive = lambda: None  # paho would send PINGREQ
    silent.await_end()


def scenario_sizes():
    """Remaining lengths of one, two and three bytes, on both sides of each border."""
    receiver = Peer("p-size-sub").open()
    receiver.subscribe(("p/size", 0))
    publisher = Peer("p-size-pub").open()
    head = 2 + len("p/size") + (1 if is_v5() else 0)
    sizes = [size - head for size in (127, 128, 16383, 16384)] + [70000]
    for size in sizes:
        publisher.publish("p/size", bytes(n % 251 for n in range(size)), 0)
    receiver.expect(len(sizes))
    publisher.close()
    receiver.close()


def scenario_huge():
    """A remaining length of four bytes."""
    publisher = Peer("p-huge").open()
    publisher.publish("p/huge", b"0123456789abcdef" * (2 * 1024 * 1024 // 16), 1)
    publisher.close()


def scenario_refused():
    """Connections that a broker with users refuses, publications that it takes or not."""
    Peer("p-nobody").open(expect_refusal=True).await_end()
    Peer("p-wrong", user=("reader", "wrong")).open(expect_refusal=True).await_end()
    Peer("p-nameless", user=("", "secret")).open(expect_refusal=True).await_end()
    reader = Peer("p-reader", user=("reader", "secret")).open()
    reader.subscribe(("open/#", 1), ("closed/#", 1))
    writer = Peer("p-writer", user=("writer", "secret")).open()
    for topic in ("open/a", "closed/a"):
        for qos in range(3):
            writer.publish(topic, "may I?", qos)
    reader.expect(3)
    writer.close()
    reader.close()


def scenario_denied():
    """A subscription that the broker denies."""
    peer = Peer("p-denied").open()
    peer.subscribe(("denied/topic", 1))
    peer.subscribe(("p/allowed", 2), ("denied/too", 0))
    peer.close()


def scenario_limits():
    """More than a broker with small limits allows: it ends the connection and tells why."""
    for name, payload, values in (("p-alias-99", "x", {"TopicAlias": 99}), ("p-too-large", "x" * 5000, {})):
        peer = Peer(name).open()
        peer.client.publish("p/limit", payload, 0, properties=properties(PacketTypes.PUBLISH, **values))
        peer.await_end()
    Peer("p-long-keep-alive", keepalive=6000).open().close()


def main():
    global settings
    scenarios = {name.removeprefix("scenario_"): function for name, function in globals().items() if name.startswith("scenario_")}
    parser = argparse.ArgumentParser(description="MQTT traffic by paho-mqtt")
    parser.add_argument("--version", choices=PROTOCOLS, required=True)
    parser.add_argument("--host", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--websocket", action="store_true")
    parser.add_argument("scenarios", nargs="+", choices=scenarios, metavar="SCENARIO", help=", ".join(scenarios))
    settings = parser.parse_args()
    for name in settings.scenarios:
        try:
            scenarios[name]()
        except (TimeoutError, RuntimeError, OSError, ValueError) as error:
            print(f"paho_client.py: scenario {name}: {error}", file=sys.stderr)
            sys.stderr.flush()
            os._exit(1)  # clients' threads may still run


if __name__ == "__main__":
    main()
