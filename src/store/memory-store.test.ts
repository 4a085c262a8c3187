/** Sections: order rules, matchers, ranges, arrivals, any order, stale markers, logs. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { VirtualClock } from '../base/clock.ts'
import { type Labels, labelsFromPairs, makeLabels } from '../model/labels.ts'
import type { LogBatch } from '../model/log-line.ts'
import { type MatchOperator, makeMatcher } from '../model/matcher.ts'
import { bitsOf, isStaleAt, makeSampleBatch, SampleBatchBuilder } from '../model/sample.ts'
import { MemoryStore } from './memory-store.ts'

const nowTimeMs = 1_700_000_000_000

function openStore(): MemoryStore {
  const clock = new VirtualClock(nowTimeMs)
  return new MemoryStore({ clock, windowMs: 7_200_000, lateMs: 0 })
}

async function add(store: MemoryStore, labels: Labels, rows: [number, number][]) {
  const builder = new SampleBatchBuilder(1)
  for (const [timeMs, value] of rows) builder.add(store.seriesId(labels), timeMs, value)
  return await store.append(builder.batch)
}

function everything(...matchers: [string, MatchOperator, string][]) {
  return {
    matchers: matchers.map(([name, operator, value]) => makeMatcher(name, operator, value)),
    startTimeMs: Number.NEGATIVE_INFINITY,
    endTimeMs: Infinity,
  }
}

test('each row is judged by time and value, and a repeated one is taken quietly', async () => {
  const store = openStore()
  const labels = makeLabels({ __name__: 'm' })
  const result = await add(store, labels, [
    [nowTimeMs, 1],
    [nowTimeMs, 1],
    [nowTimeMs, 2],
    [nowTimeMs - 1, 1],
    [nowTimeMs - 7_200_001, 1],
    [nowTimeMs + 600_001, 1],
    [nowTimeMs + 600_000, 3],
  ])
  assert.deepEqual(result.reasons, {
    duplicate: 1,
    'out-of-order': 1,
    'too-old': 1,
    'too-far-in-future': 1,
  })
  assert.equal(result.accepted, 3)
  assert.equal(result.rejected, 4)
  assert.equal(result.firstRejected?.reason, 'duplicate')
  const retried = await add(store, labels, [
    [nowTimeMs, 1],
    [nowTimeMs + 600_000, 3],
  ])
  assert.equal(retried.accepted, 2, 'a sender repeats a whole batch')
  const [series] = store.selectRecent(everything())
  assert.deepEqual([...series!.timeMs], [nowTimeMs, nowTimeMs + 600_000])
  assert.deepEqual([...series!.value], [1, 3])
})

test('matchers select by presence, absence, alternation, expression and negation', async () => {
  const store = openStore()
  const sets = [
    { __name__: 'up', job: 'a', instance: 'one' },
    { __name__: 'up', job: 'b', instance: 'two' },
    { __name__: 'up', job: 'b' },
    { __name__: 'down', job: 'c' },
  ].map(makeLabels)
  for (const labels of sets) await add(store, labels, [[nowTimeMs, 1]])
  const check = (expected: number[], ...matchers: [string, MatchOperator, string][]): void => {
    const found = store.selectRecent(everything(...matchers)).map((one) => one.labels.toString())
    assert.deepEqual(
      found.sort(),
      expected.map((index) => sets[index]!.toString()).sort(),
      JSON.stringify(matchers),
    )
  }
  check([0, 1, 2], ['__name__', '=', 'up'])
  check([0, 1, 2, 3])
  check([2, 3], ['instance', '=', ''])
  check([0, 1], ['instance', '!=', ''])
  check([1, 2, 3], ['instance', '!=', 'one'])
  check([0, 1], ['job', '=~', 'a|b'], ['instance', '=~', '.+'])
  check([0], ['instance', '=~', 'o.e'])
  check([1, 2, 3], ['instance', '!~', 'o.e'])
  check([0, 2, 3], ['instance', '=~', '(o.*)?'])
  check([0, 2], ['__name__', '=', 'up'], ['instance', '=~', 'one|'])
  check([], ['job', '=~', '.*'], ['job', '!~', '.*'])
  check([], ['nothing', '=', 'here'])
  check([0, 1, 2, 3], ['nothing', '!=', 'here'])
  assert.deepEqual(await store.labelNames(everything()), ['__name__', 'instance', 'job'])
  assert.deepEqual(await store.labelNames(everything(['job', '=', 'c'])), ['__name__', 'job'])
  assert.deepEqual(await store.labelValues('job', everything(['instance', '=', ''])), ['b', 'c'])
})

test('equalities and alternations select the same whichever of them begins', async () => {
  const store = openStore()
  const sets: Labels[] = []
  for (let host = 0; host < 40; host++) {
    for (const job of ['a', 'b', 'c']) {
      const labels = makeLabels({ __name__: 'm', host: `h${host}`, job, zone: `z${host % 7}` })
      sets.push(labels)
      await add(store, labels, [[nowTimeMs, 1]])
    }
  }
  const parts: [string, MatchOperator, string][] = [
    ['__name__', '=', 'm'],
    ['host', '=~', 'h1|h8|h15|h22|none'],
    ['zone', '=', 'z1'],
    ['job', '=~', 'a|c'],
    ['job', '!=', 'c'],
    ['host', '!~', 'h.5'],
  ]
  for (let mask = 0; mask < 1 << parts.length; mask++) {
    const chosen = parts.filter((_, index) => (mask >> index) & 1)
    for (const order of [chosen, [...chosen].reverse()]) {
      const selection = everything(...order)
      const expected = sets.filter((labels) =>
        selection.matchers.every((one) => one.matches(labels.get(one.name))),
      )
      const found = store.selectRecent(selection).map((one) => one.labels.toString())
      assert.deepEqual(found, expected.map(String), JSON.stringify(order))
    }
  }
})

test('label names and values are those of series in the range', async () => {
  const store = openStore()
  await add(store, makeLabels({ __name__: 'm', early: 'e' }), [[nowTimeMs - 60_000, 1]])
  await add(store, makeLabels({ __name__: 'm', late: 'l' }), [[nowTimeMs, 1]])
  await add(store, makeLabels({ __name__: 'n', late: 'k' }), [[nowTimeMs, 1]])
  const recent = { ...everything(), startTimeMs: nowTimeMs - 1_000 }
  assert.deepEqual(await store.labelNames(recent), ['__name__', 'late'])
  assert.deepEqual(await store.labelValues('early', recent), [])
  assert.deepEqual(await store.labelValues('late', recent), ['k', 'l'])
  const before = { ...everything(), endTimeMs: nowTimeMs - 1_000 }
  assert.deepEqual(await store.labelNames(before), ['__name__', 'early'])
  assert.deepEqual(await store.labelValues('late', before), [])
  assert.deepEqual(await store.labelValues('__name__', before), ['m'])
})

test('names and values that mean something to JavaScript are plain data', async () => {
  const store = openStore()
  const labels = labelsFromPairs([
    '__proto__',
    'constructor',
    '__name__',
    'm',
    'x',
    'y'.repeat(1e6),
  ])
  await add(store, labels, [[nowTimeMs, 1]])
  const [found] = store.selectRecent(everything(['__proto__', '=', 'constructor']))
  assert.ok(found?.labels.equals(labels))
  assert.deepEqual(await store.labelValues('__proto__', everything()), ['constructor'])
  assert.deepEqual(await store.labelValues('toString', everything()), [])
})

test('a range is closed at both ends, across chunks of every size', async () => {
  const store = openStore()
  const labels = makeLabels({ __name__: 'm' })
  const start = nowTimeMs - 1_000_000
  const rows = Array.from({ length: 1_000 }, (_, index): [number, number] => [
    start + index * 1_000,
    index,
  ])
  await add(store, labels, rows)
  const check = (from: number, to: number): void => {
    const [series] = store.selectRecent({
      matchers: [],
      startTimeMs: start + from * 1_000,
      endTimeMs: start + to * 1_000,
    })
    assert.deepEqual(
      [...(series?.value ?? [])],
      rows.map((row) => row[1]).filter((index) => index >= from && index <= to),
    )
  }
  check(0, 999)
  check(7, 8)
  check(8, 8)
  check(39, 40)
  check(168, 700)
  check(999, 2_000)
  check(-5, 0)
  check(0.5, 1.5)
  check(0.2, 0.8)
  await assert.rejects(
    store.select({ ...everything(), sampleCountMax: 999 }),
    /STORE_TOO_MANY_SAMPLES|more than 999/,
  )
})

test('listeners hear old series at once, new series once, and accepted rows alone', async () => {
  const store = openStore()
  await add(store, makeLabels({ __name__: 'old' }), [[nowTimeMs, 1]])
  const heard: string[] = []
  const end = store.subscribe({
    onSeries: (id, labels) => heard.push(`${id} ${labels}`),
    onSamples: (batch, arrivedTimeMs) => {
      heard.push(`${batch.count} rows at ${arrivedTimeMs - nowTimeMs}`)
    },
  })
  await add(store, makeLabels({ __name__: 'new' }), [
    [nowTimeMs, 1],
    [nowTimeMs - 1, 1],
  ])
  await add(store, makeLabels({ __name__: 'new' }), [[nowTimeMs - 1, 1]])
  end()
  await add(store, makeLabels({ __name__: 'newer' }), [[nowTimeMs, 1]])
  assert.deepEqual(heard, ['0 old', '1 new', '1 rows at 0'])
})

test('without the time check, rows come in any order and the last of equal times counts', async () => {
  const store = new MemoryStore({ clock: new VirtualClock(0), isTimeChecked: false })
  const labels = makeLabels({ __name__: 'm' })
  const times = Array.from({ length: 300 }, (_, index) => ((index * 7) % 300) - 100)
  await add(
    store,
    labels,
    times.map((timeMs) => [timeMs, timeMs * 2]),
  )
  await add(store, labels, [[5, 99]])
  const [series] = store.selectRecent(everything())
  const sorted = [...times].sort((a, b) => a - b)
  assert.deepEqual([...series!.timeMs], sorted)
  assert.deepEqual(
    [...series!.value],
    sorted.map((timeMs) => (timeMs === 5 ? 99 : timeMs * 2)),
  )
})

test('stale markers stay stale and other NaNs do not become stale', async () => {
  const store = openStore()
  const builder = new SampleBatchBuilder()
  const id = store.seriesId(makeLabels({ __name__: 'm' }))
  builder.addStale(id, nowTimeMs - 2)
  builder.add(id, nowTimeMs - 1, Number.NaN)
  builder.addStale(id, nowTimeMs)
  builder.addStale(id, nowTimeMs)
  builder.add(id, nowTimeMs, Number.NaN)
  const result = await store.append(builder.batch)
  assert.deepEqual(result.reasons, { duplicate: 1 })
  const [series] = store.selectRecent(everything())
  const bits = bitsOf(series!.value)
  assert.deepEqual(
    [0, 1, 2].map((row) => isStaleAt(bits, row)),
    [true, false, true],
  )
})

test('an empty batch is taken', async () => {
  assert.equal((await openStore().append(makeSampleBatch(0))).accepted, 0)
})

test('log lines are found by stream, time, level and text, in both directions', async () => {
  const store = openStore()
  const streams = [makeLabels({ app: 'a' }), makeLabels({ app: 'b', __proto__x: '1' })]
  const lines = ['GET / 200', 'GET /x 500 error', 'start', 'GET / 200 error']
  const batch: LogBatch = {
    count: 4,
    streams,
    stream: Uint32Array.of(0, 0, 1, 1),
    timeNs: BigInt64Array.of(1_000_000n, 3_000_000n, 2_000_000n, 3_000_000n),
    level: Uint8Array.of(3, 5, 3, 5),
    line: lines,
  }
  await store.appendLogs(batch)
  const base = {
    matchers: [],
    startTimeNs: 0n,
    endTimeNs: 10_000_000n,
    filters: [],
    limit: 10,
    direction: 'forward' as const,
  }
  const check = async (expected: number[], change: object): Promise<void> => {
    const found = await store.selectLogs({ ...base, ...change })
    assert.deepEqual(
      found.map((record) => record.line),
      expected.map((index) => lines[index]),
    )
  }
  await check([0, 2, 1, 3], {})
  await check([3, 1, 2, 0], { direction: 'backward' })
  await check([3, 1], { direction: 'backward', limit: 2 })
  await check([2, 3], { matchers: [makeMatcher('app', '=', 'b')] })
  await check([0, 2], { endTimeNs: 3_000_000n })
  await check([1, 3], { levels: ['error'] })
  await check([1], {
    filters: [
      { operator: '|=', value: 'error' },
      { operator: '!~', value: '/ 2..' },
    ],
  })
  await check([0, 2], { filters: [{ operator: '!=', value: 'error' }] })
  await check([0, 1, 3], { filters: [{ operator: '|~', value: '[0-9]{3}' }] })
  assert.deepEqual(await store.logVolume(base, 2), [
    { timeMs: 0, level: 'info', count: 1 },
    { timeMs: 2, level: 'info', count: 1 },
    { timeMs: 2, level: 'error', count: 2 },
  ])
  assert.deepEqual(await store.logLabelValues('app', 0n, 10n ** 9n), ['a', 'b'])
  assert.deepEqual(await store.logLabelNames(0n, 10n ** 9n), ['__proto__x', 'app'])
})

test('within its window a late sample is put into its place, once', async () => {
  const clock = new VirtualClock(nowTimeMs)
  const store = new MemoryStore({ clock, lateMs: 60_000 })
  const labels = makeLabels({ __name__: 'm' })
  const expected = new Map<number, number>()
  for (let round = 0; round < 2_000; round += 2) {
    await add(store, labels, [[nowTimeMs - 40_000 + round * 10, round]])
    expected.set(nowTimeMs - 40_000 + round * 10, round)
  }
  // Every odd one, from the middle outwards.
  for (let step = 0; step < 1_000; step++) {
    const round = step % 2 === 0 ? 999 - step : 1_001 + (step - 1)
    const result = await add(store, labels, [[nowTimeMs - 40_000 + round * 10, round]])
    assert.equal(result.accepted, 1, JSON.stringify(result))
    expected.set(nowTimeMs - 40_000 + round * 10, round)
  }
  const [series] = store.selectRecent(everything())
  const sorted = [...expected].sort((a, b) => a[0] - b[0])
  assert.deepEqual(
    [...series!.timeMs],
    sorted.map(([timeMs]) => timeMs),
  )
  assert.deepEqual(
    [...series!.value],
    sorted.map(([, value]) => value),
  )
  const again = await add(store, labels, [
    [nowTimeMs - 39_990, 1],
    [nowTimeMs - 39_990, 2],
    [nowTimeMs - 90_000, 1],
  ])
  assert.deepEqual([again.accepted, again.reasons], [1, { duplicate: 1, 'out-of-order': 1 }])
})
