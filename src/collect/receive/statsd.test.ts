/** StatsD: every type over a real socket, tags and rates, limits, ends, and lines that are none. */

import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { test } from 'node:test'
import fc from 'fast-check'
import { makeReceiverBench } from '../testdata/receiver-bench.ts'
import { parseStatsdLine, StatsdReceiver } from './statsd.ts'

test('datagrams are gathered and written as series', async () => {
  const { parts, clock, read, reasons } = makeReceiverBench()
  const receiver = new StatsdReceiver(parts)
  const port = await receiver.start({ listen: '127.0.0.1:0', flush_interval: 10_000 })
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
  assert.equal(await receiver.start({ listen: '', flush_interval: 1000 }), undefined)
  const other = createSocket('udp4')
  other.bind(0, '127.0.0.1')
  await once(other, 'listening')
  const listen = `127.0.0.1:${other.address().port}`
  assert.equal(await receiver.start({ listen, flush_interval: 1000 }), undefined)
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
