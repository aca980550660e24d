#!/usr/bin/env python3
"""MQTT traffic by Python's clients other than paho-mqtt, for captures.

    python_clients.py amqtt|gmqtt|mqttools|ohmqtt|zmqtt 3.1.1|5 HOST PORT SCENARIO...

Every scenario uses clients of its own and topics under "y/". MAX_QOS in the environment is the highest QoS that the
broker has, 2 by default.
"""

import asyncio
import os
import sys

PATIENCE = 15  # seconds until a scenario is given up
PAUSE = 0.3  # for what a library does not tell: that an acknowledgement came
USER, PASSWORD = "user", "secret"


class Gmqtt:
    versions, highest = ("3.1.1", "5"), 2

    def __init__(self, client_id, clean, will):
        import gmqtt
        message = gmqtt.Message(will[0], will[1], qos=will[2]) if will else None
        more = {} if clean or version != "5" else {"session_expiry_interval": 60}
        self.client = gmqtt.Client(client_id, clean_session=clean, will_message=message, **more)
        self.client.set_config({"reconnect_retries": 0})
        self.client.set_auth_credentials(USER, PASSWORD)
        self.messages = []
        self.client.on_message = lambda _client, _topic, payload, _qos, _properties: self.messages.append(payload) or 0

    async def open(self):
        await self.client.connect(host, port, version=5 if version == "5" else 4, keepalive=30)

    async def subscribe(self, topic, qos):
        self.client.subscribe(topic, qos=qos)
        await asyncio.sleep(PAUSE)

    async def unsubscribe(self, topic):
        self.client.unsubscribe(topic)
        await asyncio.sleep(PAUSE)

    async def publish(self, topic, payload, qos, retain=False):
        more = {"content_type": "text/plain", "user_property": ("k", "v")} if version == "5" else {}
        self.client.publish(topic, payload, qos=qos, retain=retain, **more)
        await asyncio.sleep(PAUSE)

    async def close(self):
        await self.client.disconnect()


class Amqtt:
    versions, highest = ("3.1.1",), 2

    def __init__(self, client_id, clean, will):
        from amqtt.client import MQTTClient
        config = {"auto_reconnect": False}
        if will:
            config["will"] = {"topic": will[0], "message": will[1], "qos": will[2], "retain": False}
        self.client, self.clean, self.messages, self.reader = MQTTClient(client_id, config=config), clean, [], None

    async def open(self):
        await self.client.connect(f"mqtt://{USER}:{PASSWORD}@{host}:{port}/", cleansession=self.clean)
        self.reader = asyncio.create_task(self.read())

    async def read(self):
        while True:
            message = await self.client.deliver_message()
            self.messages.append(message)

    async def subscribe(self, topic, qos):
        await self.client.subscribe([(topic, qos)])

    async def unsubscribe(self, topic):
        await self.client.unsubscribe([topic])

    async def publish(self, topic, payload, qos, retain=False):
        await self.client.publish(topic, payload.encode(), qos=qos, retain=retain)

    async def close(self):
        self.reader.cancel()
        await self.client.disconnect()


class Mqttools:
    versions, highest = ("5",), 0

    def __init__(self, client_id, clean, will):
        import mqttools
        more = {"will_topic": will[0], "will_message": will[1].encode(), "will_qos": will[2]} if will else {}
        self.library, self.resume, self.messages, self.reader = mqttools, not clean, [], None
        self.client = mqttools.Client(host, port, client_id, username=USER, password=PASSWORD.encode(), connect_delays=[],
                                      session_expiry_interval=0 if clean else 60, topic_aliases=["y/qos/0/0"], **more)

    async def open(self):
        try:
            await self.client.start(resume_session=self.resume)
        except self.library.SessionResumeError:
            pass  # it is a new one
        self.reader = asyncio.create_task(self.read())

    async def read(self):
        while True:
            self.messages.append(await self.client.messages.get())

    async def subscribe(self, topic, _qos):
        await self.client.subscribe(topic)

    async def unsubscribe(self, topic):
        await self.client.unsubscribe(topic)

    async def publish(self, topic, payload, _qos, retain=False):
        self.client.publish(self.library.Message(topic, payload.encode(), retain))
        await asyncio.sleep(PAUSE)

    async def close(self):
        self.reader.cancel()
        await self.client.stop()


class Zmqtt:
    versions, highest = ("3.1.1", "5"), 2

    def __init__(self, client_id, clean, will):
        import zmqtt
        more = {"session_expiry_interval": 60} if version == "5" and not clean else {}
        message = zmqtt.Will(topic=will[0], payload=will[1].encode(), qos=zmqtt.QoS(will[2]), retain=False) if will else None
        self.library, self.messages, self.subscriptions, self.readers = zmqtt, [], {}, []
        self.client = zmqtt.create_client(host, port, client_id=client_id, clean_session=clean, username=USER, password=PASSWORD,
                                          will=message, version="5.0" if version == "5" else version,
                                          reconnect=zmqtt.ReconnectConfig(enabled=False), **more)

    async def open(self):
        await self.client.connect()

    async def subscribe(self, topic, qos):
        subscription = self.client.subscribe(topic, qos=self.library.QoS(qos))
        await subscription.start()
        self.subscriptions[topic] = subscription
        self.readers.append(asyncio.create_task(self.read(subscription)))

    async def read(self, subscription):
        while True:
            self.messages.append(await subscription.get_message())

    async def unsubscribe(self, topic):
        await self.subscriptions.pop(topic).stop()

    async def publish(self, topic, payload, qos, retain=False):
        await self.client.publish(topic, payload, qos=self.library.QoS(qos), retain=retain)

    async def close(self):
        for reader in self.readers:
            reader.cancel()
        for subscription in self.subscriptions.values():
            await subscription.detach()  # the server keeps what it keeps
        await self.client.disconnect()


class Ohmqtt:
    versions, highest = ("5",), 2

    def __init__(self, client_id, clean, will):
        import ohmqtt.client
        from ohmqtt.property import MQTTConnectProps
        self.client, self.messages = ohmqtt.client.Client(), []
        self.options = {"client_id": client_id, "clean_start": clean, "username": USER, "password": PASSWORD.encode(), "keepalive_interval": 30}
        if not clean:
            properties = MQTTConnectProps()
            properties.SessionExpiryInterval = 60
            self.options["connect_properties"] = properties
        if will:
            self.options |= {"will_topic": will[0], "will_payload": will[1].encode(), "will_qos": will[2]}

    async def open(self):
        self.client.start_loop()
        self.client.connect(f"mqtt://{host}:{port}", **self.options)
        await asyncio.to_thread(self.client.wait_for_connect, PATIENCE)

    async def subscribe(self, topic, qos):
        self.client.subscribe(topic, lambda _client, message: self.messages.append(message), qos)
        await asyncio.sleep(PAUSE)

    async def unsubscribe(self, topic):
        self.client.unsubscribe(topic)
        await asyncio.sleep(PAUSE)

    async def publish(self, topic, payload, qos, retain=False):
        handle = self.client.publish(topic, payload, qos=qos, retain=retain)
        if qos:
            await asyncio.to_thread(handle.wait_for_ack, PATIENCE)
        else:
            await asyncio.sleep(PAUSE)

    async def close(self):
        self.client.disconnect()
        await asyncio.to_thread(self.client.wait_for_disconnect, PATIENCE)
        self.client.shutdown()


LIBRARIES = {"amqtt": Amqtt, "gmqtt": Gmqtt, "mqttools": Mqttools, "ohmqtt": Ohmqtt, "zmqtt": Zmqtt}


async def opened(client_id, clean=True, will=None):
    peer = library(client_id, clean, will)
    await peer.open()
    return peer


async def expect(peer, count):
    async with asyncio.timeout(PATIENCE):
        while len(peer.messages) < count:
            await asyncio.sleep(0.05)


async def scenario_qos():
    """Every QoS published to a subscription of every QoS."""
    subscriber, publisher = await opened("y-qos-sub"), await opened("y-qos-pub")
    levels = range(highest + 1)
    for granted in levels:
        await subscriber.subscribe(f"y/qos/{granted}/+", granted)
    for granted in levels:
        for qos in levels:
            await publisher.publish(f"y/qos/{granted}/{qos}", f"QoS {qos} to {granted} ✓", qos)
    await publisher.publish("y/qos/0/0", "once more", 0)
    await expect(subscriber, len(levels) ** 2 + 1)
    await subscriber.unsubscribe("y/qos/0/+")
    await publisher.publish("y/qos/0/0", "to nobody", 0)
    await publisher.close()
    await subscriber.close()


async def scenario_wills():
    watcher = await opened("y-will-watch")
    await watcher.subscribe("y/will", min(1, highest))
    victim = await asyncio.create_subprocess_exec(sys.executable, *sys.argv[:5], "victim")
    await victim.wait()
    await expect(watcher, 1)
    await watcher.close()


async def scenario_victim():
    """A client with a will, whose process ends in the middle."""
    await opened("y-will", will=("y/will", "gone", min(1, highest)))
    os._exit(0)


async def scenario_retained():
    publisher = await opened("y-ret-pub")
    for qos in range(highest + 1):
        await publisher.publish(f"y/ret/{qos}", f"kept at QoS {qos}", qos, retain=True)
    late = await opened("y-ret-late")
    await late.subscribe("y/ret/#", highest)
    await expect(late, highest + 1)
    await late.close()
    for qos in range(highest + 1):
        await publisher.publish(f"y/ret/{qos}", "", qos, retain=True)
    await publisher.close()


async def scenario_session():
    first = await opened("y-session", clean=False)
    await first.subscribe("y/session/+", highest)
    await first.close()
    publisher = await opened("y-session-pub")
    for qos in range(1, highest + 1):
        await publisher.publish(f"y/session/{qos}", f"queued at QoS {qos}", qos)
    await publisher.close()
    again = await opened("y-session", clean=False)
    await asyncio.sleep(1)  # not every library gives what comes before a subscription is made to anybody
    await again.close()


async def run(scenario):
    async with asyncio.timeout(3 * PATIENCE):
        await globals()[f"scenario_{scenario}"]()


if __name__ == "__main__":
    if len(sys.argv) < 6 or sys.argv[1] not in LIBRARIES or sys.argv[2] not in LIBRARIES[sys.argv[1]].versions:
        sys.exit(__doc__)
    library, version, host, port = LIBRARIES[sys.argv[1]], sys.argv[2], sys.argv[3], int(sys.argv[4])
    highest = min(library.highest, int(os.environ.get("MAX_QOS", "2")))
    for name in sys.argv[5:]:
        try:
            asyncio.run(run(name))
        except Exception as error:
            print(f"python_clients.py: scenario {name}: {error!r}", file=sys.stderr)
            sys.stderr.flush()
            os._exit(1)  # clients' threads may still run
    os._exit(0)
