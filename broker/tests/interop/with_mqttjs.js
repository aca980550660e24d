// MQTT.js against the broker: a line a case, "FEATURE QOS ok" or what went wrong instead of ok.
//
// node with_mqttjs.js FOLDER-WITH-node_modules VERSION TRANSPORT PORT CA
const [folder, version, transport, port, ca] = process.argv.slice(2);
const mqtt = require(require.resolve('mqtt', { paths: [folder] }));
const scheme = { tcp: 'mqtt', tls: 'mqtts', ws: 'ws', wss: 'wss' }[transport];
const V5 = version === '5.0';
const PATIENCE = 15000;
const name = () => 'js' + Math.random().toString(16).slice(2, 14);

function within(what, promise) {
  return Promise.race([promise, new Promise((_, no) => setTimeout(() => no(new Error(`no ${what}`)), PATIENCE).unref())]);
}

function must(condition, what) {
  if (!condition) throw new Error(what);
}

// A client whose events wait in queues.
class Client {
  constructor(options = {}) {
    const { clean = true, ...rest } = options;
    this.c = mqtt.connect(`${scheme}://localhost:${port}`, {
      protocolVersion: { 3.1: 3, '3.1.1': 4, '5.0': 5 }[version],
      protocolId: version === '3.1' ? 'MQIsdp' : 'MQTT',
      clientId: name(), clean, reconnectPeriod: 0, ca: require('fs').readFileSync(ca),
      ...(V5 ? { properties: { sessionExpiryInterval: clean ? 0 : 100 } } : {}), ...rest,
    });
    this.queue = { message: [], connect: [], error: [], disconnect: [], close: [] };
    this.waiting = {};
    for (const event of Object.keys(this.queue)) {
      this.c.on(event, (...values) => {
        const waits = this.waiting[event];
        if (waits) { delete this.waiting[event]; waits(values); } else this.queue[event].push(values);
      });
    }
  }
  next(event) {
    return within(event, new Promise((yes) => {
      if (this.queue[event].length) yes(this.queue[event].shift());
      else this.waiting[event] = yes;
    }));
  }
  static async open(options) {
    const client = new Client(options);
    [client.connack] = await client.next('connect');
    return client;
  }
  subscribe(topic, qos) { return within('SUBACK', this.c.subscribeAsync(topic, { qos })); }
  publish(topic, payload, qos, retain = false) { return within('acknowledgement', this.c.publishAsync(topic, payload, { qos, retain })); }
  async message() {
    const [, payload, packet] = await this.next('message');
    return { payload, text: payload.toString(), qos: packet.qos, retain: packet.retain };
  }
  end() { return within('end', this.c.endAsync()); }
}

const tests = {
  async in_order(qos) {
    const topic = name(), sub = await Client.open(), pub = await Client.open();
    await sub.subscribe(topic, qos);
    for (let n = 0; n < 20; n++) pub.c.publish(topic, `${n}`, { qos });
    for (let n = 0; n < 20; n++) {
      const got = await sub.message();
      must(got.text === `${n}` && got.qos === qos && !got.retain, `${got.text} at QoS ${got.qos} for ${n}`);
    }
    await sub.end(); await pub.end();
  },
  async retained(qos) {
    const topic = name(), pub = await Client.open();
    await pub.publish(topic, 'kept', qos, true);
    // At QoS 0 nobody would know when it is done, so something is acknowledged behind it.
    await pub.publish(name(), '', 1);
    let sub = await Client.open();
    await sub.subscribe(topic, qos);
    const got = await sub.message();
    must(got.text === 'kept' && got.qos === qos && got.retain, `${got.text} at QoS ${got.qos}`);
    await sub.end();
    await pub.publish(topic, '', Math.max(qos, 1), true);
    sub = await Client.open();
    await sub.subscribe(topic, qos);
    await pub.publish(topic, 'live', qos);
    must((await sub.message()).text === 'live', 'the removed message came');
    await sub.end(); await pub.end();
  },
  async will(qos) {
    const topic = name(), sub = await Client.open();
    await sub.subscribe(topic, qos);
    const dying = await Client.open({ will: { topic, payload: Buffer.from('gone'), qos, retain: false } });
    dying.c.stream.destroy();
    const got = await sub.message();
    must(got.text === 'gone' && got.qos === qos, `${got.text} at QoS ${got.qos}`);
    await sub.end();
  },
  async session(qos) {
    const topic = name(), clientId = name();
    let sub = await Client.open({ clientId, clean: false });
    await sub.subscribe(topic, qos);
    await sub.end();
    const pub = await Client.open();
    if (qos) await pub.publish(topic, 'waited', qos);
    sub = await Client.open({ clientId, clean: false });
    // CONNACK of 3.1 has no Session Present.
    must(sub.connack.sessionPresent || version === '3.1', 'no session');
    if (!qos) await pub.publish(topic, 'waited', qos);
    const got = await sub.message();
    must(got.text === 'waited' && got.qos === qos, `${got.text} at QoS ${got.qos}`);
    await sub.end(); await pub.end();
    await (await Client.open({ clientId })).end();
  },
  async large(qos) {
    const topic = name(), payload = Buffer.alloc(90000, 'abcdefg'), sub = await Client.open(), pub = await Client.open();
    await sub.subscribe(topic, qos);
    await pub.publish(topic, payload, qos);
    must((await sub.message()).payload.equals(payload), 'another payload');
    await sub.end(); await pub.end();
  },
  async oversized(qos) {
    const topic = name(), sub = await Client.open(), client = await Client.open();
    await sub.subscribe(topic, qos);
    // It does not look at the Maximum Packet Size of CONNACK when it publishes.
    client.c.publish(topic, Buffer.alloc(200000), { qos }, () => {});
    if (V5) {
      const [packet] = await client.next('disconnect');
      must(packet.reasonCode === 0x95, `reason ${packet.reasonCode}`);
    } else await client.next('close');
    const pub = await Client.open();
    await pub.publish(topic, 'small', qos);
    must((await sub.message()).text === 'small', 'the oversized message came');
    await sub.end(); await pub.end();
  },
  async password() {
    await (await Client.open({ username: 'alice', password: 'secret' })).end();
    const client = new Client({ username: 'alice', password: 'wrong' });
    const [error] = await client.next('error');
    must([4, 5, 0x86, 0x87].includes(error.code), `${error.message}`);
  },
  async denied() {
    const client = await Client.open();
    const suback = new Promise((yes) => client.c.subscribe('secret/x', { qos: 1 }, (error, granted, packet) => yes(packet)));
    // SUBACK of 3.1 cannot refuse, so the connection ends.
    if (version === '3.1') return void (await client.next('close'));
    const packet = await within('SUBACK', suback);
    must(packet.granted[0] === (V5 ? 0x87 : 0x80), `granted ${packet.granted}`);
    if (V5) {
      const refused = await within('PUBACK', client.publish('secret/x', 'a', 1).then(() => 'taken', (error) => error.code));
      must(refused === 0x87, `PUBACK ${refused}`);
    }
    await client.end();
  },
  async takeover() {
    const clientId = name(), first = await Client.open({ clientId }), second = await Client.open({ clientId });
    if (V5) {
      const [packet] = await first.next('disconnect');
      must(packet.reasonCode === 0x8e, `reason ${packet.reasonCode}`);
    } else await first.next('close');
    await second.subscribe(name(), 0);
    await second.end();
  },
};

(async () => {
  for (const [feature, test] of Object.entries(tests)) {
    for (const qos of test.length ? [0, 1, 2] : [null]) {
      const outcome = await test(qos).then(() => 'ok', (error) => `${error.message}`.replaceAll('\n', ' '));
      console.log(feature, qos ?? '-', outcome);
    }
  }
  process.exit();
})();
