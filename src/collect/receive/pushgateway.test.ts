/** The Pushgateway's paths: replace, merge, delete, keep alive, refuse. */

import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { silentLog } from '../../base/log.ts'
import { makeMatcher } from '../../model/matcher.ts'
import { all, double, family, nativeBuckets } from '../testdata/metric-family.ts'
import { benchTimeMs, makeReceiverBench, pushTo } from '../testdata/receiver-bench.ts'
import { field, whole } from '../testdata/write-request.ts'
import { PushGroupFiles } from './push-group-files.ts'
import { parseGrouping, PushgatewayReceiver } from './pushgateway.ts'

function makeBench(files?: PushGroupFiles) {
  const bench = makeReceiverBench()
  const receiver = new PushgatewayReceiver({ ...bench.parts, ...(files && { files }) })
  const push = (method: string, path: string, page = '') =>
    receiver.receive(pushTo(path, page, { method }))
  return { ...bench, receiver, push }
}

test('PUT replaces a group, POST the metrics it names, DELETE ends it', async () => {
  const { clock, push, read } = makeBench()
  const path = '/metrics/job/backup/instance/db1'
  assert.equal((await push('PUT', path, 'a 1\nb{job="forged",x="1"} 2\n')).status, 200)
  assert.deepEqual(await read('[abc]'), [
    'a{instance="db1", job="backup"} 0:1',
    'b{instance="db1", job="backup", x="1"} 0:2',
  ])
  await clock.advance(1000)
  await push('POST', path, 'b{x="2"} 3\n')
  assert.deepEqual(await read('[abc]'), [
    'a{instance="db1", job="backup"} 0:1 1000:1',
    'b{instance="db1", job="backup", x="1"} 0:2 1000:stale',
    'b{instance="db1", job="backup", x="2"} 1000:3',
  ])
  await clock.advance(1000)
  await push('PUT', path, 'c 1\n')
  await clock.advance(1000)
  assert.equal((await push('DELETE', path)).status, 202)
  assert.deepEqual(await read('[abc]'), [
    'a{instance="db1", job="backup"} 0:1 1000:1 2000:stale',
    'b{instance="db1", job="backup", x="1"} 0:2 1000:stale',
    'b{instance="db1", job="backup", x="2"} 1000:3 2000:stale',
    'c{instance="db1", job="backup"} 2000:1 3000:stale',
  ])
})

test('a group is written again every 15 seconds until it is deleted', async () => {
  const { clock, push, read, receiver } = makeBench()
  await push('PUT', '/metrics/job/nightly', 'ok 1\n')
  for (let turn = 0; turn < 3; turn++) {
    await clock.advance(15_000)
  }
  assert.deepEqual(await read('ok'), ['ok{job="nightly"} 0:1 15000:1 30000:1 45000:1'])
  await push('DELETE', '/metrics/job/nightly')
  await clock.advance(60_000)
  assert.deepEqual(await read('ok'), ['ok{job="nightly"} 0:1 15000:1 30000:1 45000:1 45001:stale'])
  receiver.stop()
})

test('labels in the path may be escaped or in base64', () => {
  const shown = (path: string) => String(parseGrouping(path))
  assert.equal(shown('/metrics/job/a%20b/path@base64/L3Zhci90bXA'), '{job="a b", path="/var/tmp"}')
  assert.equal(shown('/metrics/job@base64/w6k=/empty@base64/='), '{job="é"}')
})

test('wrong paths and pages are refused and change nothing', async () => {
  const { push, read } = makeBench()
  for (const [path, page, text] of [
    ['/metrics/job/', 'a 1\n', /does not begin with a job/],
    ['/metrics/instance/x', 'a 1\n', /does not begin with a job/],
    ['/metrics/job/x/label', 'a 1\n', /a label without a value/],
    ['/metrics/job/x/bad-name/y', 'a 1\n', /which is none/],
    ['/metrics/job/x/__name__/y', 'a 1\n', /which is none/],
    ['/metrics/job/x/a/1/a/2', 'a 1\n', /names a twice/],
    ['/metrics/job/%zz', 'a 1\n', /wrong % escape/],
    ['/metrics/job@base64/!!', 'a 1\n', /not base64/],
    ['/metrics/job/x', 'a 1 1700000000000\n', /must not have timestamps/],
    ['/metrics/job/x', 'a{b="1"} 1\na{b="1"} 2\n', /given twice/],
    ['/metrics/job/x', 'a 1\nb{\n', /line 2/],
    ['/metrics/job/x', 'push_time_seconds 1\n', /the name is of what is written about groups/],
  ] as const) {
    const reply = await push('PUT', path, page)
    assert.equal(reply.status, 400, path)
    assert.match(reply.body, text)
  }
  assert.deepEqual(await read('[abc]'), [])
})

test('a group says when it was pushed last, and when that last failed', async () => {
  const { clock, push, read } = makeBench()
  await push('PUT', '/metrics/job/nightly', 'ok 1\n')
  await clock.advance(5000)
  assert.equal((await push('POST', '/metrics/job/nightly', 'ok{\n')).status, 400)
  await push('PUT', '/metrics/job/never', 'ok{\n')
  await clock.advance(5000)
  await push('DELETE', '/metrics/job/nightly')
  assert.deepEqual(await read('push.*|ok'), [
    'ok{job="nightly"} 0:1 5000:1 10000:stale',
    'push_failure_time_seconds{job="never"} 5001:1700000005',
    'push_failure_time_seconds{job="nightly"} 0:0 5000:1700000005 10000:stale',
    'push_time_seconds{job="never"} 5001:0',
    'push_time_seconds{job="nightly"} 0:1700000000 5000:1700000000 10000:stale',
  ])
})

test('groups are there again after a restart', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'shipwatch-push-'))
  try {
    const files = () => new PushGroupFiles(join(folder, 'groups'), silentLog)
    const before = makeBench(files())
    await before.push('PUT', '/metrics/job/a/path@base64/L3Zhci90bXA', 'x{y="é"} NaN\nz -Inf\n')
    await before.push('PUT', '/metrics/job/gone', 'x 1\n')
    await before.push('DELETE', '/metrics/job/gone')
    await before.receiver.stop()
    await writeFile(join(folder, 'groups', 'broken.json'), '{"grouping":')
    const after = makeBench(files())
    await after.receiver.start()
    await after.clock.advance(15_000)
    assert.deepEqual(await after.read('[xz]|push_time_seconds'), [
      'push_time_seconds{job="a", path="/var/tmp"} 15000:1700000000',
      'x{job="a", path="/var/tmp", y="é"} 15000:NaN',
      'z{job="a", path="/var/tmp"} 15000:-Infinity',
    ])
    await after.receiver.stop()
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
})

test('a page in protobuf is pushed as its text would be', async () => {
  const { receiver, read } = makeBench()
  const page = family(
    { name: 'took', type: 4 },
    field(7, all(whole(1, 3n), double(2, 4.5), field(3, all(whole(1, 2n), double(2, 1))))),
  )
  const type = 'application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding='
  const push = (encoding: string) =>
    receiver.receive(
      pushTo('/metrics/job/a', page, {
        method: 'PUT',
        headers: { 'content-type': `${type}${encoding}` },
      }),
    )
  assert.equal((await push('text')).status, 415)
  assert.equal((await push('delimited')).status, 200)
  assert.deepEqual(await read('took.*'), [
    'took_bucket{job="a", le="+Inf"} 1:3',
    'took_bucket{job="a", le="1.0"} 1:2',
    'took_count{job="a"} 1:3',
    'took_sum{job="a"} 1:4.5',
  ])
})

test('native histograms are pushed, kept over a restart and written again', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'shipwatch-push-'))
  try {
    const files = () => new PushGroupFiles(folder, silentLog)
    const before = makeBench(files())
    const page = family(
      { name: 'took', type: 4 },
      field(
        7,
        all(
          whole(1, 3n),
          double(2, Number.NaN),
          nativeBuckets({ span: 12, delta: 13 }, [[2, 1]], [3]),
        ),
      ),
    )
    const type =
      'application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited'
    const push = pushTo('/metrics/job/a', page, {
      method: 'PUT',
      headers: { 'content-type': type },
    })
    assert.equal((await before.receiver.receive(push)).status, 200)
    await before.receiver.stop()
    const after = makeBench(files())
    await after.receiver.start()
    await after.clock.advance(15_000)
    const [found] = await after.store.select({
      matchers: [makeMatcher('__name__', '=', 'took')],
      startTimeMs: 0,
      endTimeMs: benchTimeMs * 2,
    })
    assert.deepEqual(found?.histogram?.[0]?.positive, { index: [2], count: [3] })
    assert.equal(found?.histogram?.[0]?.sum, Number.NaN)
    await after.receiver.stop()
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
})
