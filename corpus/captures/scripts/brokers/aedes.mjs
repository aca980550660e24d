// An aedes broker for captures: aedes.mjs ADDRESS TCP_PORT WEBSOCKET_PORT
//
// User names "code2" to "code5" are refused with that return code, and nobody may
// subscribe to "denied/...": so CONNACK and SUBACK show their refusals.
import { createServer as createHttpServer } from 'node:http'
import { createServer } from 'node:net'
import { Aedes } from 'aedes'
import { WebSocketServer, createWebSocketStream } from 'ws'

const [address, tcpPort, websocketPort] = process.argv.slice(2)
if (!websocketPort) {
  console.error('usage: aedes.mjs ADDRESS TCP_PORT WEBSOCKET_PORT')
  process.exit(2)
}

function authenticate (client, username, password, done) {
  const code = /^code([2-5])$/.exec(username ?? '')
  if (!code) return done(null, true)
  done(Object.assign(new Error('refused'), { returnCode: Number(code[1]) }), null)
}

function authorizeSubscribe (client, subscription, done) {
  done(null, subscription.topic.startsWith('denied/') ? null : subscription)
}

const broker = await Aedes.createBroker({ authenticate, authorizeSubscribe })
createServer(broker.handle).listen(tcpPort, address)

const http = createHttpServer()
new WebSocketServer({ server: http }).on('connection', (socket, request) => {
  broker.handle(createWebSocketStream(socket), request)
})
http.listen(websocketPort, address)
