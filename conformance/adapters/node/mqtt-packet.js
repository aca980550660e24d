// mqtt-packet as a decoder of the suite: see PROTOCOL.md.
'use strict'

const readline = require('node:readline')
const mqtt = require('mqtt-packet')
const { version } = require('mqtt-packet/package.json')

const print = (value) => process.stdout.write(JSON.stringify(value) + '\n')

// The first packet of the bytes. Its own length counts the body alone.
function decode (bytes, protocolVersion) {
  const parser = mqtt.parser({ protocolVersion })
  let answer
  parser.on('packet', (packet) => {
    if (answer) return
    const header = 2 + bytes.subarray(1).findIndex((byte) => byte < 0x80)
    answer = { status: 'ok', raw_length: header + packet.length, encoded: encoded(packet, protocolVersion) }
  })
  parser.on('error', (error) => {
    answer = answer ?? { status: 'error', error: { message: error.message } }
  })
  parser.parse(bytes)
  return answer ?? { status: 'incomplete' }
}

// What it is encoded to again; nothing when that fails, which is no part of the question.
function encoded (packet, protocolVersion) {
  try {
    return mqtt.generate(packet, { protocolVersion }).toString('hex')
  } catch {
    return undefined
  }
}

function answer (request) {
  if (request.ask !== 'decode') return { status: 'unsupported' }
  const versions = { '3.1': 3, '3.1.1': 4, '5.0': 5 }
  try {
    return decode(Buffer.from(request.hex, 'hex'), versions[request.version])
  } catch (error) {
    return { status: 'crash', error: { message: String(error) } }
  }
}

print({ name: 'mqtt-packet', version, language: 'JavaScript', versions: ['3.1', '3.1.1', '5.0'], asks: ['decode'] })
readline.createInterface({ input: process.stdin }).on('line', (line) => print(answer(JSON.parse(line))))
