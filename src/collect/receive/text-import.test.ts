/** Import of exposition pages: timestamps, extra labels, both formats, wrong lines, and compression. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { benchTimeMs, makeReceiverBench, pushTo } from '../testdata/receiver-bench.ts'
import { TextImportReceiver } from './text-import.ts'

const url = '/api/v1/import/prometheus'

test('samples arrive with their own time or with the request’s, in any order', async () => {
  const { parts, read, store } = makeReceiverBench()
  const receiver = new TextImportReceiver(parts)
  const page = `# HELP jobs What ran.
# TYPE jobs counter
jobs{kind="a"} 3 ${benchTimeMs - 1000}
jobs{kind="a"} 2 ${benchTimeMs - 2000}
jobs{kind="a"} 4
up NaN`
  const gzip = { 'content-encoding': 'gzip' }
  const reply = await receiver.receive(
    pushTo(`${url}?extra_label=env=prod`, gzipSync(page), { headers: gzip }),
  )
  assert.deepEqual(reply, { status: 204, headers: {}, body: '' })
  assert.deepEqual(await read(), [
    'jobs{env="prod", kind="a"} -2000:2 -1000:3 0:4',
    'up{env="prod"} 0:NaN',
  ])
  assert.deepEqual(store.metadata().get('jobs'), { type: 'counter', help: 'What ran.', unit: '' })
  await receiver.receive(pushTo(url, 'h_bucket{le="1"} 1\ns{quantile="0.50"} 2\n'))
  // The same series as a scrape of the page would give.
  assert.deepEqual(await read('h_bucket|s'), ['h_bucket{le="1.0"} 0:1', 's{quantile="0.5"} 0:2'])
  await receiver.receive(pushTo(`${url}?timestamp=${benchTimeMs + 5}`, 'later 1\n'))
  assert.deepEqual(await read('later'), ['later 5:1'])
})

test('OpenMetrics has its timestamps in seconds', async () => {
  const { parts, read } = makeReceiverBench()
  const headers = { 'content-type': 'application/openmetrics-text; version=1.0.0' }
  const page = `# TYPE a gauge\na 1 ${benchTimeMs / 1000 - 2}\n# EOF\n`
  const receiver = new TextImportReceiver(parts)
  assert.equal((await receiver.receive(pushTo(url, page, { headers }))).status, 204)
  assert.deepEqual(await read(), ['a -2000:1'])
})

test('a wrong line refuses the page; samples that are not taken are told', async () => {
  const { parts, read, reasons } = makeReceiverBench()
  const receiver = new TextImportReceiver(parts)
  const wrong = await receiver.receive(pushTo(url, 'good 1\nbad{ 2\n'))
  assert.equal(wrong.status, 400)
  assert.match(wrong.body, /^line 2: /)
  assert.deepEqual(await read(), [])
  const page = `good 1\nfuture 1 ${benchTimeMs + 3_600_000}\nlong{v="${'x'.repeat(70_000)}"} 1\n`
  const partly = await receiver.receive(pushTo(url, page))
  assert.equal(partly.status, 400)
  assert.match(partly.body, /too far in the future[\s\S]*1 samples were kept, 2 were not/)
  assert.deepEqual(await read(), ['good 0:1'])
  assert.deepEqual(reasons(), ['label-value-too-long 1', 'too-far-in-future 1'])
  for (const query of ['extra_label=novalue', 'timestamp=now']) {
    assert.equal((await receiver.receive(pushTo(`${url}?${query}`, ''))).status, 400)
  }
  const huge = Buffer.alloc(3_000_000, 'a 1\n')
  assert.equal((await receiver.receive(pushTo(url, Buffer.concat([huge, huge])))).status, 413)
})
