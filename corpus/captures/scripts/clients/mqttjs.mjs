#!/usr/bin/env node
// MQTT traffic by MQTT.js, for captures.
//
//     mqttjs.mjs 3.1|3.1.1|5 URL SCENARIO...
//
// Every scenario uses clients of its own and topics under "j/".
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import mqtt from 'mqtt'

const LEVELS = { '3.1': 3, '3.1.1': 4, 5: 5 }
const PATIENCE = 15000 // milliseconds until a scenario is given up

const [version, url, ...scenarioNames] = process.argv.slice(2)
const v5 = version === '5'

// Properties where the version has them.
const properties = values => (v5 ? { properties: values } : {})

function options (clientId, more = {}) {
  return {
    clientId,
    protocolVersion: LEVELS[version],
    protocolId: version === '3.1' ? 'MQIsdp' : 'MQTT',
    reconnectPeriod: 0,
    ...more
  }
}

function begin (clientId, more) {
  const client = mqtt.connect(url, options(clientId, more))
  client.received = []
  client.on('message', (topic, payload, packet) => client.received.push(packet))
  return client
}

async function open (clientId, more) {
  const client = begin(clientId, more)
  await Promise.race([once(client, 'connect'), sleep(PATIENCE, undefined, { ref: false }).then(() => { throw new Error('no CONNACK') })])
  return client
}

async function until (condition, what) {
  const end = Date.now() + PATIENCE
  while (!condition()) {
    if (Date.now() > end) throw new Error(`no ${what}`)
    await sleep(20)
  }
}

const expect = (client, count) => until(() => client.received.length >= count, `${count} messages, only ${client.received.length}`)

// Unlike once(client, 'close'), not refused by an 'error' that comes first.
const closing = client => new Promise(resolve => client.on('close', resolve))

// Ends the connection without DISCONNECT.
async function drop (client) {
  const closed = closing(client)
  client.stream.destroy()
  await closed
}

// A connection that the broker must refuse.
async function refused (clientId, more) {
  const client = begin(clientId, more)
  let accepted = false
  client.on('connect', () => { accepted = true })
  client.on('error', () => {})
  await closing(client)
  await client.endAsync(true)
  if (accepted) throw new Error('the broker accepted the connection')
}

const scenarios = {
  // Every QoS published to a subscription of every QoS.
  async qos () {
    const subscriber = await open('j-qos-sub', { username: 'usr', password: Buffer.from('p\0\xff', 'latin1') })
    await subscriber.subscribeAsync({ 'j/qos/0/+': { qos: 0 }, 'j/qos/1/+': { qos: 1 }, 'j/qos/2/#': { qos: 2 } })
    const publisher = await open('j-qos-pub')
    for (const granted of [0, 1, 2]) {
      for (const qos of [0, 1, 2]) await publisher.publishAsync(`j/qos/${granted}/${qos}`, `QoS ${qos} to ${granted}`, { qos })
    }
    await publisher.publishAsync('j/qos/2/ключ/温度', 'Größe ✓', { qos: 2 })
    await expect(subscriber, 10)
    await subscriber.unsubscribeAsync(['j/qos/0/+', 'j/qos/1/+', 'j/qos/never'])
    await publisher.endAsync()
    await subscriber.endAsync()
  },

  async wills () {
    const watcher = await open('j-will-watch')
    await watcher.subscribeAsync('j/will/#', { qos: 2 })
    for (const qos of [0, 1, 2]) {
      const will = { topic: `j/will/${qos}`, payload: Buffer.from(`gone at QoS ${qos}`), qos, retain: qos === 1 }
      if (qos === 2) {
        Object.assign(will, properties({
          willDelayInterval: 1,
          payloadFormatIndicator: true,
          messageExpiryInterval: 50,
          contentType: 'text/plain',
          responseTopic: 'j/will/answer',
          correlationData: Buffer.from([1, 0, 2]),
          userProperties: { why: ['gone', 'again'] }
        }))
      }
      await drop(await open(`j-will-${qos}`, { will, ...properties({ sessionExpiryInterval: 30 }) }))
    }
    await expect(watcher, 3)
    await watcher.publishAsync('j/will/1', '', { qos: 0, retain: true })
    await watcher.endAsync()
  },

  async retained () {
    const publisher = await open('j-ret-pub')
    for (const qos of [0, 1, 2]) await publisher.publishAsync(`j/ret/${qos}`, `kept at QoS ${qos}`, { qos, retain: true })
    const late = await open('j-ret-late')
    await late.subscribeAsync('j/ret/#', { qos: 2, ...(v5 && { rap: true, rh: 1, nl: true }) })
    await expect(late, 3)
    for (const qos of [0, 1, 2]) await publisher.publishAsync(`j/ret/${qos}`, '', { qos, retain: true })
    await expect(late, 6)
    await late.endAsync()
    await publisher.endAsync()
  },

  // A kept session: queued messages, and messages that the client sends again (MQTT.js does not set DUP).
  async session () {
    const keep = { clean: false, ...properties({ sessionExpiryInterval: 120 }) }
    const first = await open('j-session', keep)
    await first.subscribeAsync('j/session/#', { qos: 2 })
    await first.endAsync()
    const publisher = await open('j-session-pub', { clean: false, reconnectPeriod: 100, ...properties({ sessionExpiryInterval: 120 }) })
    await publisher.publishAsync('j/session/1', 'while nobody was there', { qos: 1 })
    const again = await open('j-session', keep)
    await expect(again, 1)
    for (const qos of [1, 2]) {
      // ended after the packet is written and before the answer can be read, MQTT.js connects again and sends once more
      publisher.once('packetsend', () => process.nextTick(() => process.nextTick(() => publisher.stream.destroy())))
      await publisher.publishAsync(`j/session/cut/${qos}`, 'the connection ends before the answer', { qos })
    }
    await expect(again, 3)
    await sleep(200) // for the rest of the QoS 2 exchange, which MQTT.js would send after DISCONNECT
    await again.endAsync()
    await publisher.endAsync()
  },

  async shared () {
    const members = [await open('j-shared-0'), await open('j-shared-1')]
    for (const member of members) await member.subscribeAsync('$share/team/j/shared/+', { qos: 1 })
    const publisher = await open('j-shared-pub')
    for (let n = 0; n < 6; n++) await publisher.publishAsync(`j/shared/${n}`, `task ${n}`, { qos: n % 3 })
    await until(() => members[0].received.length + members[1].received.length >= 6, 'message for each task')
    await members[0].unsubscribeAsync('$share/team/j/shared/+')
    for (const client of [...members, publisher]) await client.endAsync()
  },

  async alias () {
    const subscriber = await open('j-alias-sub', { properties: { topicAliasMaximum: 5 } })
    await subscriber.subscribeAsync('j/alias/#', { qos: 1 })
    const publisher = await open('j-alias-pub', { autoAssignTopicAlias: true, properties: { topicAliasMaximum: 5 } })
    for (let n = 0; n < 6; n++) await publisher.publishAsync(`j/alias/${n % 2}`, `number ${n}`, { qos: n % 3 })
    await publisher.publishAsync('j/alias/chosen', 'sets alias 9', { qos: 1, properties: { topicAlias: 9 } })
    await publisher.publishAsync('', 'uses alias 9', { qos: 1, properties: { topicAlias: 9 } })
    await expect(subscriber, 8)
    await publisher.endAsync()
    await subscriber.endAsync()
  },

  // Before 5.0 the topic of the answer is agreed beforehand.
  async request () {
    const asker = await open('j-ask', properties({ requestResponseInformation: true }))
    await asker.subscribeAsync('j/answers/+', { qos: 1 })
    const answerer = await open('j-answer')
    await answerer.subscribeAsync('j/requests', { qos: 1 })
    for (let n = 0; n < 3; n++) {
      await asker.publishAsync('j/requests', `${n}`, {
        qos: 1, ...properties({ responseTopic: 'j/answers/asker', correlationData: Buffer.from([n, 0, 255]) })
      })
      await expect(answerer, n + 1)
      const { properties: asked } = answerer.received[n]
      await answerer.publishAsync(asked?.responseTopic ?? 'j/answers/asker', `answer ${n}`, {
        qos: 1, ...properties({ correlationData: asked?.correlationData })
      })
    }
    await expect(asker, 3)
    await asker.endAsync()
    await answerer.endAsync()
  },

  async properties () {
    const userProperties = { a: ['1', '2'], ü: '✓', '': '' }
    const client = await open('', {
      properties: {
        sessionExpiryInterval: 60,
        receiveMaximum: 50,
        maximumPacketSize: 3000000,
        topicAliasMaximum: 10,
        requestResponseInformation: true,
        requestProblemInformation: true,
        userProperties
      }
    })
    for (const [filter, subscriptionIdentifier] of [['j/prop/+', 127], ['j/prop/#', 128], ['j/+/a', 268435455]]) {
      await client.subscribeAsync(filter, { qos: 1, properties: { subscriptionIdentifier, userProperties } })
    }
    await client.publishAsync('j/prop/a', '{"on":true}', {
      qos: 1,
      properties: {
        payloadFormatIndicator: true,
        messageExpiryInterval: 60,
        contentType: 'application/json',
        responseTopic: 'j/r',
        correlationData: Buffer.from([1, 0, 2]),
        userProperties
      }
    })
    await expect(client, 1)
    await client.unsubscribeAsync('j/prop/#', { properties: { userProperties } })
    await client.endAsync(false, { reasonCode: 4, properties: { reasonString: 'bye', sessionExpiryInterval: 1, userProperties } })
  },

  async ping () {
    const client = await open('j-ping', { keepalive: 1 })
    await sleep(2500)
    await client.endAsync()
  },

  async large () {
    const subscriber = await open('j-large-sub')
    await subscriber.subscribeAsync('j/large', { qos: 0 })
    const publisher = await open('j-large-pub')
    for (const size of [125, 200, 20000, 70000]) await publisher.publishAsync('j/large', Buffer.alloc(size, 'large '), { qos: 1 })
    await expect(subscriber, 4)
    await publisher.endAsync()
    await subscriber.endAsync()
  },

  // Several clients at once, so that their packets interleave.
  async crowd () {
    const clients = await Promise.all([0, 1, 2, 3].map(n => open(`j-crowd-${n}`)))
    await Promise.all(clients.map(client => client.subscribeAsync('j/crowd/#', { qos: 2 })))
    await Promise.all(clients.flatMap((client, n) => [0, 1, 2].map(qos => client.publishAsync(`j/crowd/${n}`, `QoS ${qos}`, { qos }))))
    for (const client of clients) await expect(client, 12)
    await Promise.all(clients.map(client => client.endAsync()))
  },

  // Refusals of the aedes broker of these scripts.
  async codes () {
    for (const code of [2, 3, 4, 5]) await refused(`j-code-${code}`, { username: `code${code}`, password: 'x' })
    if (version === '3.1') await refused('j-longer-than-twenty-three-characters')
    const client = await open('j-denied')
    await client.subscribeAsync({ 'denied/topic': { qos: 1 }, 'j/allowed': { qos: 2 } }).catch(() => {})
    await client.endAsync()
  },

  // A broker with small limits: what it announces, and how it answers to more than that.
  async limits () {
    const told = []
    const begun = async (id, more) => {
      const client = await open(id, more)
      client.on('error', () => {})
      client.on('disconnect', packet => told.push(packet.reasonCode))
      return client
    }
    const offence = async (id, act) => {
      const client = await begun(id)
      const closed = closing(client)
      act(client)
      await Promise.race([closed, sleep(PATIENCE, undefined, { ref: false }).then(() => { throw new Error(`${id} was not sent away`) })])
      await client.endAsync(true)
    }
    const modest = await begun('j-modest', { keepalive: 120 })
    await modest.subscribeAsync('j/limit/#', { qos: 2 })
    await modest.publishAsync('j/limit/1', 'within the limits', { qos: 1 })
    await expect(modest, 1)
    await modest.endAsync()
    // past MQTT.js's own checks
    const raw = (client, packet) => client._sendPacket({ cmd: 'publish', topic: 'j/limit', payload: 'x', qos: 0, retain: false, dup: false, ...packet })
    await offence('j-qos-2', client => raw(client, { qos: 2, messageId: 7 }))
    await offence('j-retain', client => raw(client, { retain: true }))
    await offence('j-too-large', client => raw(client, { payload: Buffer.alloc(5000, 'x') }))
    await refused('j-will-2', { will: { topic: 'j/w', payload: 'x', qos: 2, retain: false } })
    await refused('j-will-r', { will: { topic: 'j/w', payload: 'x', qos: 0, retain: true } })
    if (!told.length) throw new Error('the broker sent no DISCONNECT')
  },

  // Enhanced authentication with the plugin of these scripts: right, again, wrong, unknown.
  async auth () {
    const METHOD = 'CHALLENGE'
    const reversed = data => Buffer.from(data).reverse()
    const withMethod = (authenticationMethod, answer) => {
      const client = begin(`j-auth-${Math.random().toString(16).slice(2, 8)}`, {
        properties: { authenticationMethod, authenticationData: Buffer.from('hello') }
      })
      client.rounds = 0
      client.authenticated = 0
      client.handleAuth = (packet, callback) => {
        if (packet.reasonCode === 0) {
          client.authenticated++
          return callback()
        }
        client.rounds++
        callback(null, {
          cmd: 'auth',
          reasonCode: 24,
          properties: {
            authenticationMethod: METHOD,
            authenticationData: answer(packet.properties.authenticationData),
            userProperties: { round: String(client.rounds) }
          }
        })
      }
      return client
    }
    const good = withMethod(METHOD, reversed)
    await once(good, 'connect')
    await good.publishAsync('j/auth', 'let in', { qos: 1 })
    // MQTT.js has no public call to authenticate again
    good._sendPacket({ cmd: 'auth', reasonCode: 25, properties: { authenticationMethod: METHOD, authenticationData: Buffer.from('again') } })
    await until(() => good.authenticated === 1, 'end of the second authentication')
    await good.subscribeAsync(['denied/topic', 'j/auth'], { qos: 1 }).catch(() => {})
    await good.publishAsync('j/auth', 'still in', { qos: 1 })
    await good.endAsync()
    for (const [method, answer] of [[METHOD, () => Buffer.from('wrong')], ['UNKNOWN', reversed]]) {
      const client = withMethod(method, answer)
      client.on('error', () => {})
      await closing(client)
      await client.endAsync(true)
      if (client.rounds > 1) throw new Error('a wrong answer was taken')
    }
  }
}

if (!(version in LEVELS) || !url || !scenarioNames.length || scenarioNames.some(name => !(name in scenarios))) {
  console.error(`usage: mqttjs.mjs 3.1|3.1.1|5 URL SCENARIO...\nscenarios: ${Object.keys(scenarios).join(', ')}`)
  process.exit(2)
}
for (const name of scenarioNames) {
  try {
    await scenarios[name]()
  } catch (error) {
    console.error(`mqttjs.mjs: scenario ${name}: ${error.message}`)
    process.exit(1)
  }
}
process.exit(0)
