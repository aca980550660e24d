// MQTT traffic by u8-mqtt, which has QoS 0 and 1, for captures. Its version 0.6.7 throws when it is to publish at QoS 0,
// so messages are of QoS 1 here.
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

  publish (topic, payload, retain = false) { return this.client.pub({ topic, payload, qos: 1, retain }) }

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
    for (const granted of [0, 1]) await publisher.publish(`u8/qos/${granted}/1`, 'by u8-mqtt ✓')
    await subscriber.expect(2)
    await subscriber.unsubscribe('u8/qos/0/+')
    await publisher.publish('u8/qos/0/0', 'to nobody')
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
    for (const n of [1, 2]) await publisher.publish(`u8/ret/${n}`, 'kept', true)
    const late = await Peer.open('u8-ret-late')
    await late.subscribe('u8/ret/#', 1)
    await late.expect(2)
    await late.close()
    for (const n of [1, 2]) await publisher.publish(`u8/ret/${n}`, '', true)
    await publisher.close()
  },

  async session () {
    const first = await Peer.open('u8-session', { clean: false })
    await first.subscribe('u8/session/+', 1)
    await first.close()
    const publisher = await Peer.open('u8-session-pub')
    await publisher.publish('u8/session/1', 'queued')
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
