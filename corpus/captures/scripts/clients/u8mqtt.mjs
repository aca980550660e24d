// MQTT traffic by u8-mqtt, which has QoS 0 and 1, for captures.
//
//     u8mqtt.mjs 3.1.1|5 HOST PORT SCENARIO...
//
// Every scenario uses clients of its own and topics under "u8/".
import { spawnSync } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { mqtt_v4, mqtt_v5 } from 'u8-mqtt'

const PATIENCE = 15000 // milliseconds until a scenario is given up
const [version, host, port, ...names] = process.argv.slice(2)

class Peer {
  messages = []

  static async open (id, { clean = true, will } = {}) {
    const peer = new Peer()
    peer.client = (version === '5' ? mqtt_v5 : mqtt_v4)().with_tcp(Number(port), host)
    peer.client.on_topic?.('*', packet => peer.messages.push(packet))
    const flags = { clean_start: clean }
    await peer.client.connect({
      client_id: id, flags, username: 'user', password: 'secret', will,
      ...(version === '5' && !clean && { props: { session_expiry_interval: 60 } })
    })
    return peer
  }

  subscribe (filter, qos) { return this.client.subscribe([[filter, qos]]) }
  unsubscribe (filter) { return this.client.unsubscribe([filter]) }

  async publish (topic, payload, qos, retain = false) {
    await this.client.pub({ topic, payload, qos, retain })
    if (qos === 0) await sleep(50)
  }

  async expect (count) {
    const end = Date.now() + PATIENCE
    while (this.messages.length < count) {
      if (Date.now() > end) throw new Error(`${this.messages.length} of ${count} messages`)
      await sleep(20)
    }
  }

  close () { return this.client.disconnect() }
}

const scenarios = {
  async qos () {
    const subscriber = await Peer.open('u8-qos-sub')
    const publisher = await Peer.open('u8-qos-pub')
    for (const granted of [0, 1]) await subscriber.subscribe(`u8/qos/${granted}/+`, granted)
    for (const granted of [0, 1]) {
      for (const qos of [0, 1]) await publisher.publish(`u8/qos/${granted}/${qos}`, 'by u8-mqtt ✓', qos)
    }
    await subscriber.expect(4)
    await subscriber.unsubscribe('u8/qos/0/+')
    await publisher.publish('u8/qos/0/0', 'to nobody', 0)
    await publisher.close()
    await subscriber.close()
  },

  async wills () {
    const watcher = await Peer.open('u8-will-watch')
    await watcher.subscribe('u8/will', 1)
    spawnSync(process.execPath, [...process.argv.slice(1, 5), 'victim'])
    await watcher.expect(1)
    await watcher.close()
  },

  async victim () {
    await Peer.open('u8-will', { will: { topic: 'u8/will', payload: 'gone', qos: 1, retain: false } })
    process.exit(0)
  },

  async retained () {
    const publisher = await Peer.open('u8-ret-pub')
    for (const qos of [0, 1]) await publisher.publish(`u8/ret/${qos}`, 'kept', qos, true)
    const late = await Peer.open('u8-ret-late')
    await late.subscribe('u8/ret/#', 1)
    await late.expect(2)
    await late.close()
    for (const qos of [0, 1]) await publisher.publish(`u8/ret/${qos}`, '', qos, true)
    await publisher.close()
  },

  async session () {
    const first = await Peer.open('u8-session', { clean: false })
    await first.subscribe('u8/session/+', 1)
    await first.close()
    const publisher = await Peer.open('u8-session-pub')
    await publisher.publish('u8/session/1', 'queued', 1)
    await publisher.close()
    const again = await Peer.open('u8-session', { clean: false })
    await again.expect(1)
    await again.close()
  }
}

for (const name of names) {
  const late = setTimeout(() => { console.error(`u8mqtt.mjs: scenario ${name}: time is over`); process.exit(1) }, 3 * PATIENCE)
  await scenarios[name]()
  clearTimeout(late)
}
process.exit(0)
