import assert from 'node:assert/strict'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { CodedError } from '../../base/error.ts'
import { makeSeededRandom } from '../../base/random.ts'
import { z } from '../../config/schema.ts'
import { makeLabels } from '../../model/labels.ts'
import { querySettings } from '../../query/query.ts'
import { parseRuleFile } from '../rule-file.ts'
import { Bench, settingsOf } from '../testdata/bench.ts'
import { type BackTestReport, runBackTest } from './back-test.ts'

const second = 1000
const minute = 60_000

/** Tests the rules of a bench over what was fed into it since `startTimeMs`. */
function backTest(
  bench: Bench,
  rules: string,
  span: { startTimeMs: number; signal?: AbortSignal; onProgress?: (ratio: number) => void },
): Promise<BackTestReport> {
  const groups = parseRuleFile(rules, join(bench.dir, 'rules.yml'), { parser: bench.engine })
  const { startTimeMs, signal, onProgress } = span
  const endTimeMs = bench.clock.nowTimeMs()
  return runBackTest(
    { groups, startTimeMs, endTimeMs },
    {
      querier: bench.store,
      settings: { ...settingsOf({}), ...z.object(querySettings.top).parse({}) },
      clock: bench.clock,
      externalUrl: 'http://x',
    },
    {
      signal: signal ?? new AbortController().signal,
      onProgress: onProgress ?? (() => undefined),
    },
  )
}

/** Firings as lines; `at` is the start of the test. */
function linesOf(report: BackTestReport): string[] {
  return report.rules
    .flatMap((rule) => rule.firings)
    .map(
      ({ labels, firedTimeMs, endTimeMs }) => `${makeLabels(labels)} ${firedTimeMs} ${endTimeMs}`,
    )
    .sort()
}

/** The same of what a detector sent. */
function sentLinesOf(bench: Bench): string[] {
  const ends = new Map<string, number | undefined>()
  for (const { labels, state, firedTimeMs, endTimeMs } of bench.sent)
    ends.set(`${labels} ${firedTimeMs}`, state === 'resolved' ? endTimeMs : undefined)
  return [...ends].map(([key, endTimeMs]) => `${key} ${endTimeMs}`).sort()
}

// An offset of the query leaves the rules to the clock, as they are in a back-test.
const rules = `groups:
- name: g
  interval: 30s
  query_offset: 1ms
  rules:
  - record: room:heat:max
    expr: max by (room) (heat)
  - alert: Hot
    expr: heat > 30
    for: 1m
  - alert: Cold
    expr: heat < 8
    keep_firing_for: 2m
    labels: {severity: info}
  - alert: House
    expr: avg_over_time(room:heat:max[2m]) > 25
    for: 30s
  - alert: Steps
    expr: sum by (room) (rate(steps[2m])) > 0.5 and on (room) heat > 10
  - alert: Level
    expr: heat > 25
    for: 1m
    annotations:
      shipwatch: |
        levels: [{ severity: warning }, { severity: page, when: '> 35', until: '< 32' }]
        recovery: { when: '< 20', for: 1m }
        delay: { up: 0s, down: 1m, multiplier: 2, max: 5m }
        flapping: { changes: 6, within: 20m }
  - alert: Missing
    expr: heat > 40
    for: 2m
    annotations:
      shipwatch: '{ no_data: alert }'
`

async function live(t: TestContext, seed: number): Promise<{ bench: Bench; startTimeMs: number }> {
  const bench = await new Bench(rules).start(t)
  const startTimeMs = bench.clock.nowTimeMs()
  const random = makeSeededRandom(seed)
  const quietUntil = new Map<string, number>()
  const heat = new Map<string, number>()
  for (let step = 0; step < 360; step++) {
    const samples: Record<string, number | undefined> = {}
    for (const room of ['attic', 'hall', 'cellar']) {
      const nowTimeMs = bench.clock.nowTimeMs()
      if ((quietUntil.get(room) ?? 0) > nowTimeMs) continue
      const before = heat.get(room) ?? 20
      const next = Math.max(0, Math.min(45, before + (random() - 0.5) * 12))
      heat.set(room, next)
      samples[`heat{room=${room}}`] = next
      samples[`steps{room=${room}}`] = Math.floor(step * 20 + random() * 30)
      const dice = random()
      // a pause, now and then with a leave
      if (dice < 0.02) quietUntil.set(room, nowTimeMs + random() * 25 * minute)
      if (dice < 0.008) samples[`heat{room=${room}}`] = undefined
    }
    bench.feed(samples)
    await bench.clock.advance(15 * second)
  }
  return { bench, startTimeMs }
}

for (const seed of [1, 2, 3, 4, 5, 6]) {
  test(`a back-test tells what detection at work did over the same data (seed ${seed})`, async (t) => {
    const { bench, startTimeMs } = await live(t, seed)
    const expected = sentLinesOf(bench)
    assert.ok(expected.length > 10, `${expected.length} alerts fired`)
    assert.deepEqual(linesOf(await backTest(bench, rules, { startTimeMs })), expected)
  })
}

const simple = `groups:
- name: g
  interval: 1m
  rules:
  - alert: Hot
    expr: heat > 30
    for: 2m
    labels: {severity: page}
    annotations: {summary: '{{ $labels.room }} has {{ $value }}'}
`

test('each firing is told with its peak, and what did not last is counted', async (t) => {
  const bench = await new Bench(simple).start(t)
  const startTimeMs = bench.clock.nowTimeMs()
  await bench.feedFor(5 * minute, { 'heat{room=attic}': 20 })
  await bench.feedFor(6 * minute, { 'heat{room=attic}': 35 })
  await bench.feedFor(3 * minute, { 'heat{room=attic}': 41 })
  await bench.feedFor(5 * minute, { 'heat{room=attic}': 20 })
  await bench.feedFor(90 * second, { 'heat{room=attic}': 33 })
  await bench.feedFor(5 * minute, { 'heat{room=attic}': 20 })
  await bench.feedFor(5 * minute, { 'heat{room=attic}': 31 })
  const seen: number[] = []
  const onProgress = (ratio: number): void => void seen.push(ratio)
  const { rules: found } = await backTest(bench, simple, { startTimeMs, onProgress })
  const [rule] = found
  assert.equal(rule!.firingCount, 2)
  assert.equal(rule!.missedCount, 1)
  const [first, second_] = rule!.firings
  assert.equal(first!.peakValue, 41)
  assert.match(first!.annotations['summary']!, /^attic has 35$/)
  const minutes = (timeMs: number): number => Math.round((timeMs - startTimeMs) / minute)
  assert.ok(minutes(first!.activeTimeMs) >= 5 && minutes(first!.activeTimeMs) <= 6)
  assert.equal(first!.firedTimeMs - first!.activeTimeMs, 2 * minute)
  assert.ok(minutes(first!.endTimeMs!) >= 14 && minutes(first!.endTimeMs!) <= 15)
  assert.equal(second_!.endTimeMs, undefined)
  assert.ok(seen.at(-1)! > 0.9 && seen.every((ratio, index) => ratio >= (seen[index - 1] ?? 0)))
})

test('a changed recording is computed anew and read by the rules of the text alone', async (t) => {
  const text = (factor: number): string => `groups:
- name: g
  interval: 1m
  rules:
  - record: heat:scaled
    expr: heat * ${factor}
  - alert: Hot
    expr: heat:scaled > 30
`
  const bench = await new Bench(text(1)).start(t)
  const startTimeMs = bench.clock.nowTimeMs()
  await bench.feedFor(10 * minute, { 'heat{room=attic}': 20 })
  const countOf = async (factor: number): Promise<number> =>
    (await backTest(bench, text(factor), { startTimeMs })).rules[0]!.firingCount
  assert.equal(await countOf(1), 0)
  assert.equal(await countOf(2), 1)
})

test('a test that is stopped ends at once, and one that is too long is refused', async (t) => {
  const bench = await new Bench(simple).start(t)
  const startTimeMs = bench.clock.nowTimeMs()
  await bench.feedFor(5 * minute, { 'heat{room=attic}': 20 })
  const stop = new AbortController()
  stop.abort(new Error('stopped by a person'))
  await assert.rejects(backTest(bench, simple, { startTimeMs, signal: stop.signal }), /by a person/)
  const long = backTest(bench, simple.replace('1m', '1ms'), { startTimeMs: 0 })
  await assert.rejects(long, (thrown) => {
    assert.ok(thrown instanceof CodedError)
    return thrown.code === 'DETECT_TEST_TOO_LONG'
  })
})

test('a rule whose answers collide says so and the others are tested', async (t) => {
  const text = `${simple}  - alert: Twice
    expr: heat > 30
    labels: {room: any}
`
  const bench = await new Bench(text).start(t)
  const startTimeMs = bench.clock.nowTimeMs()
  await bench.feedFor(10 * minute, { 'heat{room=attic}': 35, 'heat{room=hall}': 35 })
  const { rules: found } = await backTest(bench, text, { startTimeMs })
  assert.equal(found[0]!.firingCount, 2)
  assert.ok(found[1]!.failedCount > 5)
  assert.match(found[1]!.lastError, /same labelset/)
})
