"""Malformed packets in each state of a connection, over a plain socket: a line a case, "STATE - ok" or what went wrong
instead of ok.

malformed.py VERSION TRANSPORT PORT CA

The broker is to close the connection, in 5.0 with a DISCONNECT that says why, and to serve the next client.
"""

import socket
import ssl
import struct
import sys
import uuid

version, transport, port, ca = sys.argv[1:]
V5 = version == "5.0"
PATIENCE = 15
MALFORMED, PROTOCOL_ERROR = 0x81, 0x82
NO_PROPERTIES = b"\0" if V5 else b""


def text(value):
    return struct.pack("!H", len(value)) + value


def packet(first, body):
    assert len(body) < 128
    return bytes([first, len(body)]) + body


def connect(client=None, clean=True):
    level = {"3.1": text(b"MQIsdp") + b"\3", "3.1.1": text(b"MQTT") + b"\4", "5.0": text(b"MQTT") + b"\5"}[version]
    expiry = (b"\0" if clean else b"\5\x11" + struct.pack("!I", 100)) if V5 else b""
    return packet(0x10, level + (b"\2" if clean else b"\0") + b"\0\0" + expiry + text(client or uuid.uuid4().hex[:20].encode()))


def subscribe(topic, qos):
    return packet(0x82, b"\0\1" + NO_PROPERTIES + text(topic) + bytes([qos]))


def publish(topic, qos, identifier=b"\0\7"):
    return packet(0x30 | qos << 1, text(topic) + (identifier if qos else b"") + NO_PROPERTIES + b"payload")


class Socket:
    def __init__(self):
        self.s = socket.create_connection(("localhost", int(port)), PATIENCE)
        if transport == "tls":
            self.s = ssl.create_default_context(cafile=ca).wrap_socket(self.s, server_hostname="localhost")

    def read(self, n):
        data = b""
        while len(data) < n:
            piece = self.s.recv(n - len(data))
            if not piece:
                return data
            data += piece
        return data

    def packet(self):
        head = self.read(2)
        if len(head) < 2:
            return None
        assert head[1] < 128
        return head[0], self.read(head[1])

    def answer(self, data, kind):
        """Sends this; the next packet is of that kind."""
        self.s.sendall(data)
        got = self.packet()
        assert got and got[0] & 0xF0 == kind, f"{got} for {kind:#x}"
        return got

    def connected(self, **kwargs):
        code = self.answer(connect(**kwargs), 0x20)[1][1]
        assert code == 0, f"CONNACK {code}"
        return self

    def closes(self, data, reason=MALFORMED, kind=0xE0):
        """Sends this; the connection is closed, in 5.0 with that reason code."""
        self.s.sendall(data)
        got = self.packet()
        if V5 and reason:
            at = 1 if kind == 0x20 else 0
            assert got and got[0] == kind and got[1][at] == reason, f"{got} for {reason:#x}"
            got = self.packet()
        assert got is None, f"{got} in place of the end"


def instead_of_connect():
    Socket().closes(b"\xc0\0", reason=None)


def in_connect():
    # The reserved flag of CONNECT is set; 3.1 has no rule for it, so there the will is of QoS 3.
    broken = bytearray(connect())
    broken[2 + (9 if version == "3.1" else 7)] |= 0x1C if version == "3.1" else 1
    Socket().closes(bytes(broken), kind=0x20)


def unknown_version():
    s = Socket()
    s.s.sendall(packet(0x10, text(b"MQTT") + b"\x06\2\0\0" + text(b"a")))
    got = s.read(4)
    assert got == b"\x20\2\0\1" and s.read(1) == b"", got


def connected():
    # A PUBLISH of QoS 3.
    Socket().connected().closes(b"\x36\7" + text(b"a") + b"\0\1\0\0")


def second_connect():
    Socket().connected().closes(connect(), PROTOCOL_ERROR)


def server_packet():
    Socket().connected().closes(b"\xd0\0", PROTOCOL_ERROR)


def subscribing():
    # A SUBSCRIBE without filters.
    Socket().connected().closes(packet(0x82, b"\0\1" + NO_PROPERTIES), PROTOCOL_ERROR)


def subscribed():
    s = Socket().connected()
    s.answer(subscribe(uuid.uuid4().hex.encode(), 1), 0x90)
    # A filter with U+0000.
    s.closes(subscribe(b"a\0b", 1))


def publishing():
    s = Socket().connected()
    s.answer(publish(b"a", 2), 0x50)
    # A PUBREL without a packet identifier.
    s.closes(b"\x62\0")


def receiving():
    s, topic = Socket().connected(), uuid.uuid4().hex.encode()
    s.answer(subscribe(topic, 2), 0x90)
    s.s.sendall(publish(topic, 1))
    got = {s.packet()[0] & 0xF0, s.packet()[0] & 0xF0}
    assert got == {0x30, 0x40}, got
    # A PUBACK with the identifier 0.
    s.closes(b"\x40\2\0\0", PROTOCOL_ERROR)


def resumed():
    client = uuid.uuid4().hex[:20].encode()
    Socket().connected(client=client, clean=False).s.close()
    # A Remaining Length of five bytes.
    Socket().connected(client=client, clean=False).closes(b"\x30\xff\xff\xff\xff\x01")
    Socket().connected(client=client).s.close()


for test in (instead_of_connect, in_connect, unknown_version, connected, second_connect, server_packet, subscribing,
             subscribed, publishing, receiving, resumed):
    try:
        test()
        # The next client is served.
        Socket().connected().answer(b"\xc0\0", 0xD0)
        outcome = "ok"
    except Exception as error:  # the line says what went wrong
        outcome = f"{type(error).__name__}: {error}".replace("\n", " ")
    print(test.__name__, "-", outcome, flush=True)
