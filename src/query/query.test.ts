// Sections: prepared queries and memory; limits, time and cancellation; selectors; logs; fuzz.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { VirtualClock } from '../base/clock.ts'
import { CodedError } from '../base/error.ts'
import { silentLog } from '../base/log.ts'
import type { LogQuerier, LogSelection } from '../model/flow.ts'
import { makeLabels } from '../model/labels.ts'
import type { LogBatch, LogRecord } from '../model/log-line.ts'
import type { QueryEngine } from './query.ts'
import { ScriptStore } from './script/script-store.ts'
import { makeTestEngine } from './testdata/engine.ts'

const minuteMs = 60_000

function fill(store: ScriptStore, seriesCount = 2): void {
  for (let series = 0; series < seriesCount; series++) {
    const labels = makeLabels({ __name__: 'load', host: `h${series}` })
    for (let minute = 0; minute <= 60; minute++)
      store.add(labels, minute * minuteMs, minute + series)
  }
}

const isCode = (code: string) => (thrown: unknown) => {
  assert.ok(thrown instanceof CodedError, String(thrown))
  assert.equal(thrown.code, code)
  return true
}

test('a prepared query says what it reads and answers from memory at once', () => {
  const { engine, store } = makeTestEngine()
  fill(store)
  const query = engine.prepare('avg_over_time(load{host="h0"}[10m] offset 5m) > 3 * up')
  assert.equal(query.valueType, 'vector')
  assert.deepEqual(
    query.selectors.map(({ matchers, rangeMs, offsetMs }) => [matchers.length, rangeMs, offsetMs]),
    [
      [2, 10 * minuteMs, 5 * minuteMs],
      [1, 5 * minuteMs, 0],
    ],
  )
  const answer = engine.prepare('sum(load)').evaluateRecent(10 * minuteMs)
  assert.deepEqual(answer?.value, {
    type: 'vector',
    timeMs: 10 * minuteMs,
    elements: [{ labels: makeLabels({}), value: 21 }],
  })
  assert.equal(answer?.stats.seriesCount, 2)
})

test('short queries one after the other let other work in between, as one long query does', async () => {
  class HurryingClock extends VirtualClock {
    #callCount = 0
    override monotonicMs(): number {
      return this.#callCount++
    }
  }
  const { engine, store } = makeTestEngine({ clock: new HurryingClock() })
  fill(store)
  let turnCount = 0
  let isOver = false
  const turn = (): void => {
    turnCount++
    if (!isOver) setImmediate(turn)
  }
  setImmediate(turn)
  for (let query = 0; query < 40; query++)
    await engine.instant({ expression: 'load', timeMs: 10 * minuteMs })
  isOver = true
  assert.ok(turnCount > 5, `${turnCount} turns`)
})

test('what runs is listed, can be stopped by its number, and is written down when it was slow', async () => {
  const clock = new VirtualClock(1_000)
  const stuck = new Promise<never>(() => undefined)
  class StuckStore extends ScriptStore {
    override select = () => stuck
  }
  const lines: unknown[] = []
  const log = {
    ...silentLog,
    warn: (facts: object, text: string) => lines.push({ ...facts, text }),
  }
  const { engine } = makeTestEngine({ clock, querier: new StuckStore(), log })
  const asked = engine.instant({ expression: 'load * 2', timeMs: 5 })
  const [row] = engine.running()
  assert.deepEqual(
    { ...row, id: '' },
    { id: '', expression: 'load * 2', kind: 'instant', startedTimeMs: 1_000, isWaiting: true },
  )
  await new Promise((resolve) => setImmediate(resolve))
  assert.equal(engine.running()[0]?.isWaiting, false)
  clock.advance(11_000)
  assert.equal(engine.stop('no such'), false)
  assert.equal(engine.stop(row!.id), true)
  await assert.rejects(asked, isCode('QUERY_CANCELED'))
  assert.deepEqual(engine.running(), [])
  assert.equal(engine.stop(row!.id), false)
  assert.partialDeepStrictEqual(lines, [
    { kind: 'instant', expression: 'load * 2', elapsedMs: 11_000, text: 'A query was slow.' },
  ])
})

test('a subquery reaches back by its range and one step', () => {
  const { engine } = makeTestEngine()
  const [reach] = engine.prepare('max_over_time(rate(a[5m])[1h:10m] offset 1d)').selectors
  assert.equal(reach?.rangeMs, (60 + 10 + 5) * minuteMs)
  assert.equal(reach?.offsetMs, 86_400_000)
})

test('memory that does not reach far enough is said, not guessed', () => {
  class ShortMemory extends ScriptStore {
    override selectRecent() {
      return undefined as never
    }
  }
  const { engine } = makeTestEngine({ querier: new ShortMemory() })
  assert.equal(engine.prepare('load').evaluateRecent(0), undefined)
})

test('a query beyond the limit of samples is refused', async () => {
  const { engine, store } = makeTestEngine({ settings: { sample_count_max: 100 } })
  fill(store)
  const query = { expression: 'load[1h]', timeMs: 60 * minuteMs }
  await assert.rejects(engine.instant(query), isCode('QUERY_TOO_MANY_SAMPLES'))
  const range = { expression: 'vector(1)', startTimeMs: 0, endTimeMs: 1e9, stepMs: 1 }
  await assert.rejects(
    engine.range({ ...range, expression: 'load' }),
    isCode('QUERY_TOO_MANY_SAMPLES'),
  )
  await engine.instant({ expression: 'load', timeMs: minuteMs })
})

test('a long range query is read in slices, and gives what each step alone gives', async () => {
  const { engine, store } = makeTestEngine({ settings: { sample_count_max: 1500 } })
  const hourMs = 60 * minuteMs
  for (const host of ['h0', 'h1', 'h2']) {
    const labels = makeLabels({ __name__: 'load_total', host })
    for (let point = 0; point < 864; point++)
      store.add(labels, point * 5 * minuteMs, (point * point) % (host === 'h2' ? 97 : 1009))
  }
  const expression =
    'sum by (host) (rate(load_total[1h])) > 0.02 or load_total{host="h2"} @ start()'
  const range = { startTimeMs: 0, endTimeMs: 72 * hourMs, stepMs: hourMs }
  const { value, stats } = await engine.range({ expression, ...range })
  assert.ok(stats.sampleCount > 1500, 'more was read than may be held at once')
  assert.ok(value.type === 'matrix')
  for (let timeMs = 0; timeMs <= range.endTimeMs; timeMs += hourMs) {
    const pinned = expression.replace('@ start()', '@ 0')
    const alone = await engine.instant({ expression: pinned, timeMs })
    assert.ok(alone.value.type === 'vector')
    const found: string[] = value.series.flatMap((series) => {
      const row = series.timeMs.indexOf(timeMs)
      return row < 0 ? [] : [`${series.labels} ${series.value[row]}`]
    })
    const expected = alone.value.elements.map((element) => `${element.labels} ${element.value}`)
    assert.deepEqual(found.sort(), expected.sort(), String(timeMs))
  }
})

test('bad times of a range query are refused', async () => {
  const { engine } = makeTestEngine()
  const bad = { expression: '1', startTimeMs: 10, endTimeMs: 0, stepMs: 1 }
  await assert.rejects(engine.range(bad), isCode('QUERY_INVALID'))
  await assert.rejects(engine.range({ ...bad, endTimeMs: 20, stepMs: 0 }), isCode('QUERY_INVALID'))
})

/** Reads never end, but by the signal. */
class StuckStore extends ScriptStore {
  started = 0
  override select(): Promise<never> {
    this.started++
    return new Promise(() => undefined)
  }
}

test('a query that takes too long ends, and one that waits for a place counts its waiting', async () => {
  const clock = new VirtualClock()
  const querier = new StuckStore()
  const { engine } = makeTestEngine({
    clock,
    querier,
    settings: { concurrency_max: 1, timeout: '2m' },
  })
  const first = engine.instant({ expression: 'a', timeMs: 0, timeoutMs: 1000 })
  const second = engine.instant({ expression: 'b', timeMs: 0, timeoutMs: 500 })
  const ends = Promise.all([
    assert.rejects(first, /query timed out in expression evaluation \(the limit is 1000 ms\)/),
    assert.rejects(second, /query timed out in query queue/),
  ])
  await clock.advance(1500)
  await ends
  assert.equal(querier.started, 1)
})

test('a place that becomes free is taken by the next who waits', async () => {
  const clock = new VirtualClock()
  const querier = new StuckStore()
  const { engine } = makeTestEngine({ clock, querier, settings: { concurrency_max: 1 } })
  const stop = new AbortController()
  const first = engine.instant({ expression: 'a', timeMs: 0, signal: stop.signal })
  const second = engine.instant({ expression: 'b', timeMs: 0, timeoutMs: 50 })
  await clock.advance(10)
  assert.equal(querier.started, 1)
  stop.abort()
  await assert.rejects(first, isCode('QUERY_CANCELED'))
  await clock.advance(10)
  assert.equal(querier.started, 2)
  const ended = assert.rejects(second, isCode('QUERY_TIMEOUT'))
  await clock.advance(100)
  await ended
})

test('a long evaluation lets other work in between and heeds the signal', async () => {
  const { engine, store } = makeTestEngine()
  fill(store, 300)
  const stop = new AbortController()
  setImmediate(() => setImmediate(() => stop.abort()))
  const query = {
    expression: 'max(quantile_over_time(0.5, load[30m:1s])) + sum(stddev_over_time(load[30m:1s]))',
    startTimeMs: 0,
    endTimeMs: 60 * minuteMs,
    stepMs: minuteMs,
    signal: stop.signal,
  }
  await assert.rejects(engine.range(query), isCode('QUERY_CANCELED'))
})

test('an answer is cut to the limit asked for, with a warning', async () => {
  const { engine, store } = makeTestEngine()
  fill(store, 5)
  const answer = await engine.instant({ expression: 'load', timeMs: 0, limit: 2 })
  assert.equal(answer.value.type === 'vector' && answer.value.elements.length, 2)
  assert.deepEqual(answer.warnings, ['results truncated due to limit'])
})

test('experimental parts can be switched off', () => {
  const { engine } = makeTestEngine({
    settings: { experimental_functions: false, extended_ranges: false },
  })
  assert.throws(() => engine.prepare('mad_over_time(a[5m])'), /not enabled/)
  assert.throws(() => engine.prepare('limitk(1, a)'), /experimental/)
  assert.throws(() => engine.prepare('rate(a[5m] anchored)'), /not enabled/)
  assert.throws(() => engine.prepare('a + fill(0) b'), /not enabled/)
})

test('a series selector is a selector and nothing more', () => {
  const { engine } = makeTestEngine()
  assert.deepEqual(
    engine
      .parseSelector('up{job!~"a|b"}')
      .map(({ name, operator, value }) => name + operator + value),
    ['job!~a|b', '__name__=up'],
  )
  for (const text of ['sum(a)', 'a[5m]', 'a offset 1m', '1', '{}'])
    assert.throws(() => engine.parseSelector(text), isCode('QUERY_PARSE_FAILED'))
})

class FakeLogs {
  selections: LogSelection[] = []
  listener: ((batch: LogBatch) => void) | undefined
  async selectLogs(selection: LogSelection): Promise<LogRecord[]> {
    this.selections.push(selection)
    return []
  }
  subscribeLogs(listener: (batch: LogBatch) => void): () => void {
    this.listener = listener
    return () => {
      this.listener = undefined
    }
  }
}

function makeLogEngine(): { engine: QueryEngine; logs: FakeLogs } {
  const logs = new FakeLogs()
  return { engine: makeTestEngine({ logs: logs as unknown as LogQuerier }).engine, logs }
}

const logTimes = { startTimeNs: 0n, endTimeNs: 1n, limit: 10, direction: 'backward' as const }

test('a log query becomes matchers and line filters', async () => {
  const { engine, logs } = makeLogEngine()
  const check = async (expression: string, expected: string[]) => {
    await engine.selectLogs({ expression, ...logTimes })
    const { filters } = logs.selections.at(-1)!
    assert.deepEqual(
      filters.map(({ operator, value }) => operator + value),
      expected,
      expression,
    )
  }
  await check('{app="shop"}', [])
  await check('{app="shop"} |= "a" != `b\\n` |~ "c.*" !~ "d"', ['|=a', '!=b\\n', '|~c.*', '!~d'])
  await check('{app="shop"} |= "a.b" or "c"', ['|~a\\.b|c'])
  await check('{app="shop"} != "a" or "c"', ['!=a', '!=c'])
})

test('what a log query cannot do yet is named with its place', async () => {
  const { engine } = makeLogEngine()
  const check = (expression: string, expected: RegExp) =>
    assert.rejects(engine.selectLogs({ expression, ...logTimes }), expected)
  await check(
    '{a="b"} | json',
    /^CodedError: not supported yet: this pipeline stage \(\| json\) at 1:9$/,
  )
  await check('rate({a="b"}[5m])', /not supported yet: a metric query over logs .* at 1:1/)
  await check('{a="b"} |> "<_>"', /not supported yet: the filter \|> .* at 1:9/)
  await check('{a="b"', /parse error at 1:7: unexpected end of query/)
  await check('{a="b"} |~ "("', /parse error at 1:9: .*missing closing/)
  await check('{a=~".*"}', /at least one regexp or equality matcher/)
  await check('', /parse error at 1:1/)
})

test('a tail hears the lines it asked for, and no more once it ended', () => {
  const { engine, logs } = makeLogEngine()
  const heard: string[] = []
  const end = engine.tailLogs('{app="shop"} |= "error"', (records) => {
    for (const { line, level } of records) heard.push(`${level}: ${line}`)
  })
  logs.listener?.({
    count: 3,
    streams: [makeLabels({ app: 'shop' }), makeLabels({ app: 'mail' })],
    stream: Uint32Array.of(0, 1, 0),
    timeNs: BigInt64Array.of(1n, 2n, 3n),
    level: Uint8Array.of(5, 5, 3),
    line: ['an error', 'another error', 'all is well'],
  })
  assert.deepEqual(heard, ['error: an error'])
  end()
  assert.equal(logs.listener, undefined)
})

test('any expression over real data ends with a value or a coded error', async () => {
  const { engine, store } = makeTestEngine({ settings: { sample_count_max: 200_000 } })
  fill(store, 3)
  const leaf = fc.constantFrom(
    'load',
    'load{host="h1"}',
    'nothing',
    'load offset 5m',
    'load @ end()',
  )
  const number = fc.constantFrom('1', 'NaN', 'Inf', '-0', 'time()', 'scalar(load{host="h0"})')
  const { vector } = fc.letrec<{ vector: string }>((tie) => ({
    vector: fc.oneof(
      { maxDepth: 4, withCrossShrink: true },
      leaf,
      fc
        .tuple(
          fc.constantFrom('rate', 'max_over_time', 'deriv', 'changes', 'last_over_time'),
          tie('vector'),
        )
        .map(([name, inner]) => `${name}((${inner})[10m:3m])`),
      fc
        .tuple(fc.constantFrom('sum', 'avg', 'stddev', 'count', 'group'), tie('vector'))
        .map(([name, inner]) => `${name} by (host) (${inner})`),
      fc
        .tuple(fc.constantFrom('topk', 'limit_ratio', 'quantile', 'limitk'), number, tie('vector'))
        .map(([name, parameter, inner]) => `${name}(${parameter}, ${inner})`),
      fc
        .tuple(
          tie('vector'),
          fc.constantFrom('+', '% on(host)', '> bool', 'or', 'unless', '== ignoring(x)'),
          tie('vector'),
        )
        .map((parts) => `(${parts.join(' ')})`),
      fc
        .tuple(tie('vector'), fc.constantFrom('*', '^', '<'), number)
        .map((parts) => `(${parts.join(' ')})`),
      fc
        .tuple(fc.constantFrom('abs', 'sort', 'absent', 'timestamp', 'hour', '-'), tie('vector'))
        .map(([name, inner]) => `${name}(${inner})`),
    ),
  }))
  const times = { startTimeMs: 20 * minuteMs, endTimeMs: 40 * minuteMs, stepMs: 4 * minuteMs }
  await fc.assert(
    fc.asyncProperty(vector, async (expression) => {
      for (const ask of [
        () => engine.range({ expression, ...times }),
        () => engine.instant({ expression, timeMs: times.startTimeMs }),
      ]) {
        try {
          const { value } = await ask()
          assert.match(value.type, /^(vector|matrix)$/)
        } catch (thrown) {
          assert.ok(thrown instanceof CodedError, `${expression}: ${String(thrown)}`)
        }
      }
    }),
    { numRuns: 150 },
  )
})
