/** StatsD: every type over a real socket, tags and rates, limits, ends, and lines that are none. */

import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { connect } from 'node:net'
import { test } from 'node:test'
import fc from 'fast-check'
import { makeReceiverBench } from '../testdata/receiver-bench.ts'
import { parseStatsdLine } from './statsd-line.ts'
import { StatsdReceiver } from './statsd.ts'
import { type StatsdSettings, statsdSettings } from './statsd-settings.ts'

const settingsOf = (written: object): StatsdSettings => statsdSettings.parse(written)

test('datagrams are gathered and written as series', async () => {
  const { parts, clock, read, reasons } = makeReceiverBench()
  const receiver = new StatsdReceiver(parts)
  const { udp: port } = await receiver.start(settingsOf({ listen: '127.0.0.1:0' }))
  const sender = createSocket('udp4')
  const text = `web.hits:1|c|@0.1|#env:prod,beta
web.hits:2:3|c|#env:prod,beta
queue-size:5|g
queue-size:-2|g
queue-size:+1|g
users:ann|s
users:bob|s
users:ann|s
load:320|ms
load:7000|ms|@0.5
load:1|g
nothing
bad:x|c
_e{5,4}:title|text
last:1|c`
  // One datagram is gathered in one go: when its last line is there, all are.
  sender.send(text, port!, '127.0.0.1')
  while (parts.drops.list().length < 2) await new Promise((resolve) => setImmediate(resolve))
  sender.close()
  await receiver.flush()
  assert.deepEqual(await read('web.*|queue.*|users|last'), [
    'last 0:1',
    'queue_size 0:4',
    'users 0:2',
    'web_hits{beta="true", env="prod"} 0:15',
  ])
  const load = await read('load.*')
  assert.equal(load.length, 14)
  assert.deepEqual(
    load.filter((line) => /le="(0.25|0.5|5.0|10.0|\+Inf)"|_count|_sum/.test(line)),
    [
      'load_bucket{le="+Inf"} 0:3',
      'load_bucket{le="0.25"} 0:0',
      'load_bucket{le="0.5"} 0:1',
      'load_bucket{le="10.0"} 0:3',
      'load_bucket{le="5.0"} 0:1',
      'load_count 0:3',
      'load_sum 0:14.32',
    ],
  )
  assert.deepEqual(reasons(), ['line-invalid 3', 'type-conflict 1'])
  await clock.advance(3_600_001)
  receiver.take(Buffer.from('users:ann|s\nlast:1|c'))
  await receiver.stop()
  const after = await read('last|users|queue_size')
  assert.match(after[0]!, / 3600001:2$/)
  assert.match(after[1]!, /3600001:stale$/)
  assert.match(after[2]!, / 3600001:1$/)
})

test('nothing listens unless asked to, and a taken port is a warning only', async () => {
  const { parts } = makeReceiverBench()
  const receiver = new StatsdReceiver(parts)
  const nothing = { udp: undefined, tcp: undefined }
  assert.deepEqual(await receiver.start(settingsOf({})), nothing)
  const other = createSocket('udp4')
  other.bind(0, '127.0.0.1')
  await once(other, 'listening')
  const listen = `127.0.0.1:${other.address().port}`
  assert.deepEqual(await receiver.start(settingsOf({ listen })), nothing)
  await receiver.stop()
  other.close()
})

test('any text is read or dropped, and numbers stay finite', () => {
  const { parts } = makeReceiverBench()
  const receiver = new StatsdReceiver(parts)
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(...'ab:|@#,1.ecgmsh-+\n') }), (text) => {
      receiver.take(Buffer.from(text))
      for (const line of text.split('\n')) {
        const read = parseStatsdLine(line)
        if (read === undefined || read.type === 'set') continue
        for (const value of read.values) assert.ok(Number.isFinite(Number(value)))
      }
    }),
    { numRuns: 2000 },
  )
})

test('over TCP lines are cut by line feeds, wherever the pieces end', async () => {
  const { parts, read, reasons } = makeReceiverBench()
  const receiver = new StatsdReceiver(parts)
  const { tcp } = await receiver.start(settingsOf({ listen_tcp: '127.0.0.1:0' }))
  const sender = connect(tcp!, '127.0.0.1')
  await once(sender, 'connect')
  sender.setNoDelay(true).resume()
  sender.write('hits:1|c\nhi')
  sender.write('ts:2|c\nlast:5|g')
  sender.end()
  const long = connect(tcp!, '127.0.0.1')
  long.on('error', () => undefined).resume()
  long.write('x'.repeat(200_000))
  const isClosed = new Promise((resolve) => long.once('close', resolve))
  await Promise.all([once(sender, 'close'), isClosed])
  await receiver.stop()
  assert.deepEqual(await read(), ['hits 0:3', 'last 0:5'])
  assert.deepEqual(reasons(), ['line-too-long 1'])
})

test('timers may be summaries, and buckets may be others', async () => {
  const { parts, read, clock } = makeReceiverBench()
  const receiver = new StatsdReceiver(parts)
  await receiver.start(settingsOf({ timer_type: 'summary', quantiles: [0.5, 1] }))
  receiver.take(Buffer.from('load:100|ms\nload:300|ms\nload:200|ms|@0.5'))
  await receiver.flush()
  await clock.advance(1000)
  await receiver.flush()
  assert.deepEqual(await read(), [
    'load_count 0:4 1000:4',
    'load_sum 0:0.8 1000:0.8',
    'load{quantile="0.5"} 0:0.2 1000:NaN',
    'load{quantile="1.0"} 0:0.3 1000:NaN',
  ])
  const other = makeReceiverBench()
  const histogram = new StatsdReceiver(other.parts)
  await histogram.start(settingsOf({ buckets: [1, 100] }))
  histogram.take(Buffer.from('size:50|h'))
  await histogram.flush()
  assert.deepEqual(await other.read('size_bucket'), [
    'size_bucket{le="+Inf"} 0:1',
    'size_bucket{le="1.0"} 0:0',
    'size_bucket{le="100.0"} 0:1',
  ])
  assert.throws(() => settingsOf({ buckets: [2, 1] }), /must grow/)
})

test('names are mapped to names and labels, and some are left out', async () => {
  const { parts, read, reasons } = makeReceiverBench()
  const receiver = new StatsdReceiver(parts)
  const mappings = [
    { match: 'debug.*', action: 'drop' },
    { match: 'web.*.*.count', name: 'requests_total', labels: { service: '$1', code: '$2xx' } },
    { match: 'disk_([a-z]+)', match_type: 'regex', name: 'disk_bytes', labels: { disk: '$1' } },
  ]
  await receiver.start(settingsOf({ mappings }))
  receiver.take(
    Buffer.from(`debug.x:1|c
web.cart.5.count:2|c|#code:own
web.cart.5.count:1|c|#code:own
web.cart.count:1|c
disk_sda:9|g
temperature,room=a.b:21|g
pressure#room=c:1|g
debug.x:1|c`),
  )
  await receiver.flush()
  assert.deepEqual(await read(), [
    'disk_bytes{disk="sda"} 0:9',
    'pressure{room="c"} 0:1',
    'requests_total{code="5xx", service="cart"} 0:3',
    'temperature{room="a.b"} 0:21',
    'web_cart_count 0:1',
  ])
  assert.deepEqual(reasons(), ['mapping-drop 2'])
  assert.throws(() => settingsOf({ mappings: [{ match: 'a' }] }), /map needs a name/)
  assert.throws(
    () => settingsOf({ mappings: [{ match: '(', match_type: 'regex', name: 'x' }] }),
    /not an RE2 expression/,
  )
})

test('counters go on over a reload that leaves their form alone', async () => {
  const { parts, read, clock } = makeReceiverBench()
  const receiver = new StatsdReceiver(parts)
  await receiver.start(settingsOf({}))
  receiver.take(Buffer.from('hits:2|c'))
  await receiver.stop()
  await receiver.start(settingsOf({ flush_interval: '1m' }))
  receiver.take(Buffer.from('hits:3|c'))
  await clock.advance(1000)
  await receiver.stop()
  await receiver.start(settingsOf({ mappings: [{ match: 'x', name: 'y' }] }))
  receiver.take(Buffer.from('hits:1|c'))
  await clock.advance(1000)
  await receiver.stop()
  assert.deepEqual(await read(), ['hits 0:2 1000:5 2000:1'])
})
