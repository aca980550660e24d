#!/usr/bin/env python3
"""Writes tshark's reading of MQTT captures as JSON lines.

    dissect.py CAPTURE...          write CAPTURE's name.tshark.jsonl beside each
    dissect.py --check CAPTURE...  write nothing, compare with what is there
    dissect.py --summary CAPTURE.. count packets by version and type, as Markdown

The format is documented in ../README.md. tshark finds the fields; this script
puts right what tshark 4.0 is known to read wrongly, and adds what its output
lacks: the bytes of each packet and their place in the stream. To find those it
puts the TCP streams together on its own, and stops when tshark saw other packets.
"""

import argparse
import collections
import hashlib
import json
import os
import pathlib
import struct
import subprocess
import sys
import tempfile
import xml.etree.ElementTree

NAMES = [None, "CONNECT", "CONNACK", "PUBLISH", "PUBACK", "PUBREC", "PUBREL", "PUBCOMP", "SUBSCRIBE",
         "SUBACK", "UNSUBSCRIBE", "UNSUBACK", "PINGREQ", "PINGRESP", "DISCONNECT", "AUTH"]

NUMBER, STRING, BINARY, PAIR = "number", "string", "binary", "pair"
PROPERTIES = {
    1: ("payload_format_indicator", NUMBER),
    2: ("message_expiry_interval", NUMBER),
    3: ("content_type", STRING),
    8: ("response_topic", STRING),
    9: ("correlation_data", BINARY),
    11: ("subscription_identifier", NUMBER),
    17: ("session_expiry_interval", NUMBER),
    18: ("assigned_client_identifier", STRING),
    19: ("server_keep_alive", NUMBER),
    21: ("authentication_method", STRING),
    22: ("authentication_data", BINARY),
    23: ("request_problem_information", NUMBER),
    24: ("will_delay_interval", NUMBER),
    25: ("request_response_information", NUMBER),
    26: ("response_information", STRING),
    28: ("server_reference", STRING),
    31: ("reason_string", STRING),
    33: ("receive_maximum", NUMBER),
    34: ("topic_alias_maximum", NUMBER),
    35: ("topic_alias", NUMBER),
    36: ("maximum_qos", NUMBER),
    37: ("retain_available", NUMBER),
    38: ("user_property", PAIR),
    39: ("maximum_packet_size", NUMBER),
    40: ("wildcard_subscription_available", NUMBER),
    41: ("subscription_identifier_available", NUMBER),
    42: ("shared_subscription_available", NUMBER),
}

LONG = 2048  # bytes; longer values are given as length, digest and head
HEAD = 64


class CaptureError(Exception):
    """The capture holds something that this script cannot read faithfully."""


# --- the streams ---------------------------------------------------------------

Segment = collections.namedtuple("Segment", "frame time stream source destination flags sequence payload")
Piece = collections.namedtuple("Piece", "start end frame")  # bytes start..end of a stream came in frame
Packet = collections.namedtuple("Packet", "frame idx time stream dir offset raw segments")


def tshark(*arguments):
    """Runs tshark with its default settings, whatever this user's own are."""
    with tempfile.TemporaryDirectory() as settings:
        environment = dict(os.environ, WIRESHARK_CONFIG_DIR=settings, LC_ALL="C.UTF-8")
        done = subprocess.run(["tshark", "-n", *arguments], env=environment, capture_output=True, check=False)
    if done.returncode != 0:
        raise CaptureError(f"tshark: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout


def read_segments(capture):
    fields = ["frame.number", "frame.time_relative", "tcp.stream", "tcp.srcport", "tcp.dstport", "tcp.flags",
              "tcp.seq_raw", "tcp.payload"]
    options = [word for field in fields for word in ("-e", field)]
    for line in tshark("-r", str(capture), "-Y", "tcp", "-T", "fields", *options).decode().splitlines():
        frame, time, stream, source, destination, flags, sequence, payload = line.split("\t")
        yield Segment(int(frame), round(float(time), 6), int(stream), int(source), int(destination),
                      int(flags, 16), int(sequence), bytes.fromhex(payload))


class Direction:
    """The bytes of one direction of a TCP connection, in the order of its sequence numbers."""

    def __init__(self, first_sequence):
        self.first = first_sequence
        self.bytes = bytearray()
        self.pieces = []
        self.early = {}

    def add(self, segment):
        self.early.setdefault((segment.sequence - self.first) % 2**32, segment)
        while True:
            due = [start for start in self.early if start <= len(self.bytes)]
            if not due:
                return
            for start in sorted(due):
                self._append(start, self.early.pop(start))

    def _append(self, start, segment):
        new = segment.payload[len(self.bytes) - start:]  # a retransmission adds nothing
        if new:
            self.pieces.append(Piece(len(self.bytes), len(self.bytes) + len(new), segment.frame))
            self.bytes += new


class Connection:
    def __init__(self, stream, server_port):
        self.stream = stream
        self.server_port = server_port
        self.directions = {}
        self.websocket = False


def read_connections(segments):
    SYN, ACK = 0x02, 0x10
    connections = {}
    for segment in segments:
        if segment.flags & SYN and not segment.flags & ACK:
            connections.setdefault(segment.stream, Connection(segment.stream, segment.destination))
        connection = connections.get(segment.stream)
        if connection is None:
            raise CaptureError(f"frame {segment.frame}: the start of this connection was not captured")
        name = "c2s" if segment.destination == connection.server_port else "s2c"
        if segment.flags & SYN:
            connection.directions.setdefault(name, Direction((segment.sequence + 1) % 2**32))
        elif segment.payload:
            connection.directions[name].add(segment)
    for connection in connections.values():
        for name, direction in connection.directions.items():
            if direction.early:
                raise CaptureError(f"stream {connection.stream} {name}: bytes are missing in the capture")
        to_server = connection.directions["c2s"]
        if to_server.bytes.startswith(b"GET "):
            connection.websocket = True
            for direction in connection.directions.values():
                unwrap_websocket(direction)
    return connections


def unwrap_websocket(direction):
    """Replaces a direction's bytes by the payloads of its WebSocket data frames."""
    BINARY_OPCODES, CONTROL = (0, 2), 8
    wire = bytes(direction.bytes)
    at = wire.find(b"\r\n\r\n") + 4
    if at < 4:
        raise CaptureError("the HTTP header of a WebSocket connection does not end")
    payloads, pieces = bytearray(), []
    while at < len(wire):
        first, second = wire[at], wire[at + 1]
        if first & 0x70:
            raise CaptureError("a WebSocket extension is in use")
        size, head = second & 0x7F, 2
        if size >= 126:
            width = 2 if size == 126 else 8
            size, head = int.from_bytes(wire[at + 2:at + 2 + width], "big"), 2 + width
        key = bytes(4)
        if second & 0x80:
            key, head = wire[at + head:at + head + 4], head + 4
        end = at + head + size
        if end > len(wire):
            raise CaptureError("a WebSocket frame is cut off")
        masked = wire[at + head:end]
        opcode = first & 0x0F
        if opcode in BINARY_OPCODES and size:
            payload = bytes(byte ^ key[i % 4] for i, byte in enumerate(masked))
            pieces.append(Piece(len(payloads), len(payloads) + size, frame_at(direction, end - 1)))
            payloads += payload
        elif opcode not in BINARY_OPCODES and opcode < CONTROL:
            raise CaptureError(f"a WebSocket frame of opcode {opcode}")
        at = end
    direction.bytes, direction.pieces = payloads, pieces


def frame_at(direction, offset):
    return next(piece.frame for piece in direction.pieces if piece.start <= offset < piece.end)


def remaining_length(stream, at):
    """The remaining length at offset at+1, and the size of the fixed header; None if cut off."""
    value = 0
    for i, byte in enumerate(stream[at + 1:at + 5]):
        value |= (byte & 0x7F) << 7 * i
        if byte < 0x80:
            return value, 2 + i
    return None


def read_packets(connections, times):
    """Every whole MQTT packet, by the frame that brought its last byte."""
    found = []
    for connection in connections.values():
        for name, direction in connection.directions.items():
            at, piece = 0, 0
            while at < len(direction.bytes):
                header = remaining_length(direction.bytes, at)
                if header is None or at + sum(header) > len(direction.bytes):
                    break  # the connection was closed inside a packet
                end = at + sum(header)
                while direction.pieces[piece].end <= at:
                    piece += 1
                last = piece
                while direction.pieces[last].end < end:
                    last += 1
                frame = direction.pieces[last].frame
                found.append((frame, connection.stream, name, at, bytes(direction.bytes[at:end]), last - piece + 1))
                at = end
    found.sort(key=lambda packet: packet[0])  # stable: packets of one frame stay in order
    in_frame = collections.Counter()
    for frame, stream, name, offset, raw, segments in found:
        yield Packet(frame, in_frame[frame], times[frame], stream, name, offset, raw, segments)
        in_frame[frame] += 1


# --- tshark's reading ----------------------------------------------------------

def dissections(capture, ports):
    """tshark's mqtt trees by frame number."""
    decode = [word for port in sorted(ports) for word in ("-d", f"tcp.port=={port},mqtt")]
    pdml = tshark("-r", str(capture), *decode, "-Y", "mqtt", "-J", "mqtt", "-T", "pdml")
    trees = {}
    for packet in xml.etree.ElementTree.fromstring(pdml).iter("packet"):
        number = int(packet.find("proto[@name='geninfo']/field[@name='num']").get("show"))
        trees[number] = packet.findall("proto[@name='mqtt']")
    return trees


def repack(packets, path):
    """A capture of the packets over plain TCP: tshark 4.0 does not put MQTT packets
    together from WebSocket frames. Returns for each packet its last frame."""
    LINKTYPE_RAW, LIMIT = 101, 60000
    frames, written, sequences = [], 0, collections.Counter()
    with open(path, "wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, LINKTYPE_RAW))
        for packet in packets:
            client, server = 10000 + packet.stream, 1883
            source, destination = (client, server) if packet.dir == "c2s" else (server, client)
            for start in range(0, len(packet.raw), LIMIT):
                chunk = packet.raw[start:start + LIMIT]
                sequence = 1 + sequences[packet.stream, packet.dir]
                sequences[packet.stream, packet.dir] += len(chunk)
                tcp = struct.pack(">HHIIBBHHH", source, destination, sequence, 0, 0x50, 0x10, 65535, 0, 0)
                ip = struct.pack(">BBHHHBBHII", 0x45, 0, 40 + len(chunk), 0, 0, 64, 6, 0, 0x7F000001, 0x7F000001)
                file.write(struct.pack("<IIII", 0, written, 40 + len(chunk), 40 + len(chunk)) + ip + tcp + chunk)
                written += 1
            frames.append(written)
    return frames


def read_capture(capture):
    """The records of a capture, in capture order."""
    segments = list(read_segments(capture))
    connections = read_connections(segments)
    packets = list(read_packets(connections, {segment.frame: segment.time for segment in segments}))
    wrapped = [packet for packet in packets if connections[packet.stream].websocket]
    trees = {}

    plain_ports = {c.server_port for c in connections.values() if not c.websocket}
    if plain_ports:
        by_frame = dissections(capture, plain_ports)
        for packet in packets:
            if not connections[packet.stream].websocket:
                trees[packet] = by_frame[packet.frame][packet.idx] if packet.idx < len(by_frame.get(packet.frame, [])) else None
    if wrapped:
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "repacked.pcap"
            frames = repack(wrapped, path)
            by_frame = dissections(path, {1883})
        for packet, frame in zip(wrapped, frames):
            trees[packet] = by_frame.get(frame, [None])[0]

    versions = {}
    for packet in packets:
        tree = trees[packet]
        if tree is None or int(tree.get("size")) != len(packet.raw) or hdrflags(tree) != packet.raw[0]:
            raise CaptureError(f"frame {packet.frame}: tshark sees other MQTT packets than the stream holds")
        yield record(packet, tree, versions)


def hdrflags(tree):
    return int(tree.find("field[@name='mqtt.hdrflags']").get("value"), 16)


def record(packet, tree, versions):
    msgtype = packet.raw[0] >> 4
    if msgtype == 1:
        level = int(tree.find("field[@name='mqtt.ver']").get("value"), 16)
        versions[packet.stream] = level & 0x7F  # bit 7 marks a bridge
    version = versions.get(packet.stream)
    if version is None:
        raise CaptureError(f"frame {packet.frame}: a packet before CONNECT")
    out = {"frame": packet.frame, "idx": packet.idx, "time": packet.time, "stream": packet.stream,
           "dir": packet.dir, "version": version, "msgtype": msgtype, "name": NAMES[msgtype],
           "fields": read_fields(tree, version, msgtype), "offset": packet.offset, "size": len(packet.raw),
           "raw": shorten(packet.raw), "segments": packet.segments}
    expert = [field.get("show") for field in tree.iter("field") if field.get("name") == "_ws.expert.message"]
    if expert:
        out["expert"] = expert
    return out


def shorten(data):
    if len(data) <= LONG:
        return data.hex()
    return {"len": len(data), "sha256": hashlib.sha256(data).hexdigest(), "head": data[:HEAD].hex()}


def data_of(field):
    """A field's bytes; an empty one has no value in tshark's output."""
    return bytes.fromhex(field.get("value") or "")


def text_of(field):
    return data_of(field).decode("utf-8")


def number_of(field):
    return int(field.get("show"), 0)


def read_fields(tree, version, msgtype):
    out = {"flags": hdrflags(tree) & 0x0F}
    topics, filters, codes = [], [], []
    payload = None
    for field in flatten(tree):
        name = field.get("name")
        match name.removeprefix("mqtt."):
            case "dupflag": out["dup"] = number_of(field)
            case "qos": out["qos"] = number_of(field)
            case "retain": out["retain"] = number_of(field)
            case "len": out["remaining_length"] = number_of(field)
            case "protoname": out["protocol_name"] = text_of(field)
            case "ver": out["protocol_level"] = number_of(field)
            case "conflags": out["connect_flags"] = number_of(field)
            case "kalive": out["keep_alive"] = number_of(field)
            case "clientid": out["client_id"] = text_of(field)
            case "willtopic": out["will_topic"] = text_of(field)
            case "willmsg": out["will_payload"] = shorten(data_of(field))
            case "username": out["username"] = text_of(field)
            case "passwd": out["password"] = data_of(field).hex()
            case "properties": out["properties"] = read_properties(field)
            case "will_properties": out["will_properties"] = read_properties(field)
            case "conack.flags": out["ack_flags"] = number_of(field)
            case "conack.flags.sp": out["session_present"] = number_of(field)
            # tshark takes a bridge's protocol level for 5.0 and calls the return code a reason code
            case "conack.val" | "connack.reason_code":
                out["return_code" if version < 5 else "reason_code"] = number_of(field)
            case "msgid": out["packet_id"] = number_of(field)
            case "puback.reason_code" | "pubrec.reason_code" | "pubrel.reason_code" | "pubcomp.reason_code" \
                    | "disconnect.reason_code" | "auth.reason_code":
                out["reason_code"] = number_of(field)
            case "suback.qos" | "suback.reason_code" | "unsuback.reason_code": codes.append(number_of(field))
            case "topic":
                if msgtype == 3 and int(field.get("size")) == 0 and field.get("show"):
                    out["tshark_resolved_alias"] = field.get("show")  # not in the packet
                topics.append(text_of(field))
            case "sub.qos":
                options = data_of(field)[0]
                filters.append({"topic": topics[-1], "options": options, "qos": number_of(field)})
            case "subscription_options": filters.append({"topic": topics[-1], "options": number_of(field)})
            case "subscription_options_qos": filters[-1]["qos"] = number_of(field)
            case "subscription_options_nl": filters[-1]["no_local"] = number_of(field)
            case "subscription_options_rap": filters[-1]["retain_as_published"] = number_of(field)
            case "subscription_options_retain": filters[-1]["retain_handling"] = number_of(field)
            case "msg": payload = data_of(field)
            case other if other not in WITHOUT_NEWS:
                raise CaptureError(f"tshark field {name} is not known here")
    match NAMES[msgtype]:
        case "PUBLISH":
            out["payload"] = shorten(payload or b"")  # tshark leaves out an empty one
            out["topic"] = topics[0] if topics else ""
        case "SUBSCRIBE":
            out["filters"] = [in_order(one) for one in filters]
        case "UNSUBSCRIBE":
            out["topics"] = topics
        case "SUBACK":
            out["codes"] = codes
        case "UNSUBACK" if version == 5:
            out["codes"] = codes
    return out


# Lengths, and bits that are given as a whole in another field.
WITHOUT_NEWS = {
    "hdrflags", "msgtype", "hdr_reserved", "retain_reserved", "proto_len", "clientid_len", "willtopic_len",
    "willmsg_len", "username_len", "passwd_len", "topic_len", "conack.flags.reserved", "conflag.uname",
    "conflag.passwd", "conflag.retain", "conflag.qos", "conflag.willflag", "conflag.cleansess",
    "conflag.reserved", "subscription_options_reserved",
}


def in_order(subscription):
    keys = ["topic", "options", "qos", "no_local", "retain_as_published", "retain_handling"]
    return {key: subscription[key] for key in keys if key in subscription}


def flatten(tree):
    """The fields of a tree in wire order, without those inside properties and expert notes."""
    for field in tree.findall("field"):
        if field.get("name", "").startswith("mqtt."):
            yield field
            if not field.get("name").endswith("properties"):
                yield from flatten(field)


def read_properties(tree):
    out = []
    for field in tree.findall("field"):
        name = field.get("name").removeprefix("mqtt.")
        if name == "property_id":
            identifier = int(field.get("value"), 16)
            out.append([identifier, PROPERTIES[identifier][0], None])
        elif name == "prop_key":
            out[-1][2] = [text_of(field)]
        elif name == "prop_value":
            out[-1][2].append(text_of(field))
        elif name == "property.content_type":
            out[-1][2] = data_of(field)[2:].decode("utf-8")  # with its length prefix
        elif name in ("prop_string", "prop_number", "property.topic_alias", "property.max_qos"):
            out[-1][2] = property_value(PROPERTIES[out[-1][0]][1], field)
        elif name not in ("property_len", "prop_string_len", "prop_key_len", "prop_value_len"):
            raise CaptureError(f"tshark property field {name} is not known here")
    return out


def property_value(kind, field):
    if kind == NUMBER:
        return number_of(field)
    return text_of(field) if kind == STRING else data_of(field).hex()


# --- the command ---------------------------------------------------------------

def beside(capture):
    return capture.with_suffix(".tshark.jsonl")


def as_lines(records):
    return "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in records)


def differences(old, new):
    old, new = old.splitlines(), new.splitlines()
    for number in range(max(len(old), len(new))):
        before = old[number] if number < len(old) else "(nothing)"
        after = new[number] if number < len(new) else "(nothing)"
        if before != after:
            yield f"line {number + 1}:\n  there: {before[:400]}\n  now:   {after[:400]}"


def summary(capture):
    counts = collections.defaultdict(collections.Counter)
    streams = set()
    for line in beside(capture).read_text(encoding="utf-8").splitlines():
        packet = json.loads(line)
        streams.add(packet["stream"])
        counts[packet["version"]][packet["msgtype"]] += 1
    titles = {3: "3.1", 4: "3.1.1", 5: "5.0"}
    versions = [titles[v] + ": " + ", ".join(f"{NAMES[t]} {n}" for t, n in sorted(counts[v].items()))
                for v in sorted(counts)]
    total = sum(sum(counter.values()) for counter in counts.values())
    return f"| `{capture.name}` | {len(streams)} | {total} | {'; '.join(versions)} |"


def main():
    parser = argparse.ArgumentParser(description="tshark's reading of MQTT captures as JSON lines")
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--check", action="store_true", help="compare with the files that are there, write nothing")
    mode.add_argument("--summary", action="store_true", help="count the packets of the files that are there")
    parser.add_argument("captures", nargs="+", type=pathlib.Path, metavar="CAPTURE")
    arguments = parser.parse_args()
    failed = 0
    for capture in arguments.captures:
        try:
            if arguments.summary:
                print(summary(capture))
                continue
            lines = as_lines(read_capture(capture))
            if not arguments.check:
                beside(capture).write_text(lines, encoding="utf-8")
                print(f"{capture}: {lines.count(chr(10))} packets")
                continue
            different = list(differences(beside(capture).read_text(encoding="utf-8"), lines))
            print(f"{capture}: {lines.count(chr(10))} packets, {len(different)} differ")
            print(*different[:3], sep="\n", end="\n" if different else "")
            failed += bool(different)
        except (CaptureError, OSError, UnicodeDecodeError) as error:
            print(f"{capture}: {error}", file=sys.stderr)
            failed += 1
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
