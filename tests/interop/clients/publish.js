// Publishes as node services do: amqplib, with each of the encoders and with plain JSON. Each line on
// standard output is a conductor that joined and sent a heartbeat.
//
//   node publish.js AMQP_URL EXCHANGE       (NODE_PATH names the modules)

const { randomUUID } = require('node:crypto');
const amqp = require('amqplib');
const { encode } = require('@msgpack/msgpack');
const msgpackr = require('msgpackr');
const msgpack5 = require('msgpack5')();
const notepack = require('notepack.io');

const json = (value) => Buffer.from(JSON.stringify(value));

// Name, what makes the bytes, and what the client says of them.
const ways = [
  ['msgpack-msgpack', (value) => Buffer.from(encode(value)), {}],
  ['msgpack-floats', (value) => Buffer.from(encode(value, { forceIntegerToFloat: true })), {}],
  ['msgpack-floats-32', (value) => Buffer.from(encode({ ...value, incarnation: 7, sent_at_ms: null },
    { forceIntegerToFloat: true, forceFloat32: true })), {}],
  ['msgpackr', (value) => msgpackr.pack(value), { contentType: 'application/vnd.msgpack' }],
  ['msgpack5', (value) => msgpack5.encode(value).slice(), { contentType: 'application/x-msgpack' }],
  ['notepack', (value) => notepack.encode(value), { contentType: 'application/msgpack' }],
  ['json-untyped', json, {}],
  ['json-octets', json, { contentType: 'application/octet-stream' }],
  ['json-marked', (value) => Buffer.concat([Buffer.from('\ufeff \n'), json(value)]), {}],
  ['json-typed', json, { contentType: 'application/json; charset=UTF-8', contentEncoding: 'utf8' }],
];

async function main([url, exchange]) {
  const connection = await amqp.connect(url);
  const channel = await connection.createConfirmChannel();
  for (const [way, bytes, properties] of ways) {
    const conductor = `node-${way}`;
    const now = Date.now();
    const alive = { conductor, incarnation: now, sent_at_ms: now, heartbeat_timeout_ms: 600000 };
    for (const [type, body] of [
      ['conductor.joined', { ...alive, conductor_group: undefined, drivers: [way] }],
      ['conductor.heartbeat', { ...alive, drivers: [way] }],
    ]) {
      const fields = Object.fromEntries(Object.entries(body).filter(([, value]) => value !== undefined));
      channel.publish(exchange, type, bytes(fields),
        { messageId: randomUUID(), type, mandatory: true, persistent: true, ...properties });
    }
    await channel.waitForConfirms();
    console.log(conductor);
  }
  await connection.close();
}

main(process.argv.slice(2)).catch((fault) => { console.error(fault); process.exit(1); });
