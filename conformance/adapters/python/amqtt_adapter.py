"""amqtt as a decoder of the suite: see PROTOCOL.md."""

import asyncio
import importlib.metadata
import json
import logging
import sys

from amqtt.adapters import ReaderAdapter
from amqtt.mqtt import packet_class
from amqtt.mqtt.packet import MQTTFixedHeader


class Waits(Exception):
    """The decoder asks for bytes that are not there yet: on a connection it would wait."""


class Reader(ReaderAdapter):
    """Hands out the bytes and counts them."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.taken = 0

    async def read(self, n: int = -1) -> bytes:
        left = len(self.data) - self.taken
        if n > left:
            raise Waits
        n = left if n < 0 else n
        self.taken += n
        return self.data[self.taken - n : self.taken]

    def feed_eof(self) -> None:
        pass


async def decode(data: bytes) -> dict:
    reader = Reader(data)
    try:
        header = await MQTTFixedHeader.from_stream(reader)
        packet = await packet_class(header).from_stream(reader, fixed_header=header)
    except Waits:
        return {"status": "incomplete"}
    except Exception as error:  # whatever it raises is a refusal
        return {"status": "error", "error": {"message": f"{type(error).__name__}: {error}"}}
    return {"status": "ok", "raw_length": reader.taken, "encoded": encoded(packet)}


def encoded(packet) -> str | None:
    """What it is encoded to again; nothing when that fails, which is no part of the question."""
    try:
        return packet.to_bytes().hex()
    except Exception:
        return None


def main() -> None:
    logging.disable(logging.CRITICAL)
    hello = {
        "name": "amqtt",
        "version": importlib.metadata.version("amqtt"),
        "language": "Python",
        "versions": ["3.1.1"],
        "asks": ["decode"],
    }
    print(json.dumps(hello), flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        print(json.dumps(asyncio.run(decode(bytes.fromhex(request["hex"])))), flush=True)


main()
