/**
 * What arrival finds equals what a timer would have found at the same instants: random streams go
 * through a detector whose clock hardly ever turns, and beside it every rule is judged on the whole answer
 * of its expression, as a timer would. Shown for plain rules, recordings and strategies, over many seeds.
 * Where windows slide, time alone changes answers: what arrival asked about is compared, and all of it
 * whenever the clock turns.
 */

import assert from 'node:assert/strict'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { makeSeededRandom } from '../base/random.ts'
import { type Labels, makeLabels } from '../model/labels.ts'
import type { SeriesId } from '../model/sample.ts'
import type { PartLabels } from '../query/query.ts'
import type { Element } from './alert-state.ts'
import { parseRuleFile } from './rule-file.ts'
import { type Judgement, RuleJudge } from './rule-judge.ts'
import { Bench } from './testdata/bench.ts'

const maxHeat = 'max by (room) (heat)'

/**
 * No two ask the same, so that instants tell which rule asked. Recordings are spelled out for the oracle,
 * which keeps none.
 */
const rules = `groups:
- name: g
  interval: 1h
  rules:
  - { record: 'room:heat:max', expr: '${maxHeat}' }
  - { alert: Plain, expr: heat > 30 }
  - { alert: Held, expr: heat > 25, for: 20s }
  - { alert: Kept, expr: heat < 10, keep_firing_for: 40s }
  - { alert: Rate, expr: 'sum by (room) (rate(steps[1m])) > 2', for: 10s }
  - { alert: Ratio, expr: 'heat / on (room, wall) group_left () (limit) > 0.9' }
  - { alert: Both, expr: 'heat > 20 and on (room) sum by (room) (steps) > 50' }
  - { alert: Unless, expr: 'heat > 20 unless on (room) limit > 25', for: 5s }
  - { alert: Either, expr: 'heat > 40 or heat < 5' }
  - { alert: Recorded, expr: 'room:heat:max > 30', for: 15s }
  - { alert: Past, expr: 'heat - heat offset 30s > 5' }
  - { alert: Top, expr: 'topk(1, heat) > 20' }
  - { alert: Count, expr: 'count(heat > 25) > 2' }
  - { alert: Over, expr: 'avg_over_time(heat[45s]) > 25', for: 10s, keep_firing_for: 20s }
  - { alert: Absent, expr: 'absent(heat{room="attic"})' }
  - alert: Levels
    expr: heat + 0 > 20
    annotations:
      shipwatch: |
        levels: [{ severity: a, for: 15s }, { severity: b, when: '> 30', until: '< 25' }]
        recovery: { when: '< 15', for: 20s }
  - alert: Damped
    expr: heat > 25.0
    annotations:
      shipwatch: |
        delay: { up: 5s, down: 20s, multiplier: 2, max: 2m }
        flapping: { changes: 4, within: 3m }
  - alert: Event
    expr: heat > 35
    annotations: { shipwatch: '{ strategy: single, lasts: 30s }' }
  - alert: Recovers
    expr: heat > 25.00
    annotations: { shipwatch: "recovery: { expr: 'limit > 28', for: 10s }" }
`

/** Some samples of the next moment; `undefined` is a leave. */
function nextSamples(random: () => number): Record<string, number | undefined> {
  const samples: Record<string, number | undefined> = {}
  for (const room of ['attic', 'hall', 'cellar']) {
    for (const wall of ['n', 's']) {
      if (random() < 0.4)
        samples[`heat{room=${room},wall=${wall}}`] = random() < 0.03 ? undefined : random() * 45
      if (random() < 0.1) samples[`limit{room=${room},wall=${wall}}`] = 20 + random() * 10
    }
    if (random() < 0.4) samples[`steps{room=${room}}`] = Math.floor(random() * 100)
  }
  return samples
}

/** A question that the detector asked: about all, or about the parts with these keys. */
interface Question {
  timeMs: number
  keys: ReadonlySet<string> | undefined
}

/**
 * Rules as a timer judges them: the whole answer, at every instant at which the detector asked; or, with
 * `isByPart`, that much of the whole answer which the detector asked for.
 */
class Oracle {
  readonly #bench: Bench
  readonly #rows: { name: string; judge: RuleJudge; timeMs: number }[]
  /** Instants by expression, as they were asked for. */
  readonly #asked = new Map<string, Question[]>()
  readonly #isByPart: boolean
  /** How often a part of an answer was asked for. */
  partCount = 0
  #changeCount = 0
  readonly #shown = new Map<string, string>()

  constructor(bench: Bench, text: string, isByPart = false) {
    this.#bench = bench
    this.#isByPart = isByPart
    const file = join(bench.dir, 'rules.yml')
    const [group] = parseRuleFile(text, file, { parser: bench.engine })
    const policy = { noDataKeepMs: 0, noDataKeepForMs: 0 }
    this.#rows = group!.rules.flatMap((rule) =>
      rule.kind === 'alerting'
        ? [{ name: rule.name, judge: new RuleJudge(rule, policy), timeMs: 0 }]
        : [],
    )
  }

  /** Notes when expressions are asked; call it before the detector starts. */
  watch(): void {
    const { engine } = this.#bench
    const prepare = engine.prepare.bind(engine)
    engine.prepare = (expression) => {
      const query = prepare(expression)
      return {
        ...query,
        evaluateRecent: (timeMs, seriesIds) => {
          if (seriesIds !== undefined) this.partCount++
          const questions = this.#asked.get(expression) ?? []
          const keys = this.#keysOf(seriesIds, query.partLabels)
          const last = questions.at(-1)
          if (keys !== undefined || last?.keys !== undefined || last?.timeMs !== timeMs)
            questions.push({ timeMs, keys })
          this.#asked.set(expression, questions)
          return query.evaluateRecent(timeMs, seriesIds)
        },
      }
    }
  }

  #keysOf(
    seriesIds: readonly SeriesId[] | undefined,
    by: PartLabels | undefined,
  ): Set<string> | undefined {
    if (!this.#isByPart || seriesIds === undefined || by === undefined) return undefined
    const partOf = (labels: Labels) =>
      by === 'all' ? labels.with('__name__', '') : labels.filter((name) => by.includes(name))
    return new Set(seriesIds.map((id) => partOf(this.#bench.store.labelsOf(id)).key))
  }

  /** How often the alerts of any rule were others than before. */
  get changeCount(): number {
    return this.#changeCount
  }

  /** Judges what the detector evaluated since, and compares. */
  async follow(where: string): Promise<void> {
    for (const row of this.#rows) {
      const view = this.#bench.rule(row.name)
      assert.ok(view.type === 'alerting')
      assert.equal(view.lastError, '', row.name)
      const asked = this.#asked.get(row.judge.expression) ?? []
      const last = view.lastEvaluationTimeMs ?? 0
      for (const question of asked.filter(({ timeMs }) => timeMs > row.timeMs && timeMs <= last))
        await this.#judge(row.judge, question)
      row.timeMs = last
      const expected = row.judge.alerts
        .listLive()
        .map((alert) => `${alert.labels} ${alert.state} ${alert.value} ${alert.activeTimeMs}`)
      const found = view.alerts.map(
        ({ labels, state, value, activeTimeMs }) =>
          `${makeLabels(labels)} ${state} ${value} ${activeTimeMs}`,
      )
      assert.deepEqual(found, expected, `${row.name}, ${where}`)
      if (found.join() !== this.#shown.get(row.name)) this.#changeCount++
      this.#shown.set(row.name, found.join())
    }
  }

  async #judge(judge: RuleJudge, { timeMs, keys }: Question): Promise<void> {
    const heat = new Set((await this.#ask('heat', timeMs)).map(({ labels }) => labels.key))
    const elements = await this.#ask(judge.expression, timeMs)
    const given: Omit<Judgement, 'recovered'> = {
      limit: 0,
      dataOf: ({ labels }) =>
        judge.strategy === undefined || heat.has(labels.with('__name__', 'heat').key)
          ? 'present'
          : 'ended',
      template: { externalLabels: makeLabels({}), externalUrl: '', query: () => [] },
    }
    if (keys === undefined) {
      const recovered = judge.recovery && (await this.#ask(judge.recovery, timeMs))
      judge.judge(timeMs, elements, { ...given, recovered: recovered || undefined })
      return
    }
    const own = elements.filter(({ labels }) => keys.has(labels.with('__name__', '').key))
    assert.notEqual(judge.judgePart(timeMs, own, { ...given, only: keys }), undefined)
  }

  async #ask(expression: string, timeMs: number): Promise<Element[]> {
    const spelled = expression.replace('room:heat:max', maxHeat)
    const { value } = await this.#bench.engine.instant({ expression: spelled, timeMs })
    return value.type === 'vector' ? value.elements : []
  }
}

for (let seed = 1; seed <= 30; seed++) {
  test(`arrival gives what a timer would give at the same instant (seed ${seed})`, async (t) => {
    const bench = new Bench(rules, { settings: { no_data: 'resolve' } })
    const oracle = new Oracle(bench, rules)
    oracle.watch()
    await bench.start(t)
    const random = makeSeededRandom(seed)
    for (let step = 0; step < 60; step++) {
      bench.feed(nextSamples(random))
      await bench.clock.advance(50)
      await oracle.follow(`step ${step}, seed ${seed}`)
      // Deadlines fall between two arrivals.
      await bench.clock.advance(Math.floor(random() * 15_000))
      await oracle.follow(`after step ${step}, seed ${seed}`)
    }
    assert.ok(oracle.changeCount > 500, `the stream changed something ${oracle.changeCount} times`)
  })
}

/** Rules whose elements depend on their own series alone, over so many series that a part is asked for. */
const wideRules = `groups:
- name: g
  interval: 1h
  rules:
  - { alert: Plain, expr: heat > 30 }
  - { alert: Held, expr: heat > 25, for: 20s }
  - { alert: Kept, expr: heat < 10, keep_firing_for: 15s }
  - { alert: Ratio, expr: 'heat / limit > 1', for: 3s }
  - { alert: Both, expr: 'abs(heat) > 20 and limit < 25' }
  - { alert: Unless, expr: 'heat > 20 unless limit > 25', for: 5s }
  - { alert: Either, expr: 'heat > 44 or limit > 29.9' }
  - { alert: Named, expr: '{__name__=~"heat|other"} > 44' }
  - { alert: Narrow, expr: 'heat{room="1"} > 30' }
  - { alert: Floor, expr: 'sum by (floor) (heat) > 140', for: 4s }
  - { alert: FloorRatio, expr: 'max by (floor) (heat) / max by (floor) (limit) > 1.7' }
  - { alert: FloorCount, expr: 'count by (floor) (heat > 30) >= 3' }
  - { alert: Wing, expr: 'avg by (wing) (heat) > 22.5' }
`

/** Rules over windows, whose answers change while time goes by. */
const windowRules = `groups:
- name: g
  interval: 1m
  rules:
  - { alert: Rate, expr: 'rate(heat[20s]) > 2' }
  - { alert: Over, expr: 'avg_over_time(heat[15s]) > 30', for: 4s }
  - { alert: Past, expr: heat - heat offset 10s > 5 }
  - { alert: Falls, expr: 'predict_linear(heat[30s], 60) < 0 and heat / limit < 1', for: 3s }
  - { alert: Kept, expr: 'max_over_time(heat[10s] offset 5s) > 40', keep_firing_for: 5s }
  - { alert: FloorRate, expr: '1 - avg by (floor) (rate(heat[30s])) < 0.5', for: 2s }
  - { alert: FloorMost, expr: 'sum by (floor) (quantile_over_time(0.9, heat[20s])) > 150' }
`

/** Five rooms to a floor, most of the house to a wing. */
function placeOf(room: number): string {
  return `room=${room},floor=f${room % 60},wing=${room % 7 === 0 ? 'small' : 'large'}`
}

for (let seed = 1; seed <= 12; seed++) {
  test(`asking about the changed series alone gives the same (seed ${seed})`, (t) =>
    followWide(t, seed, { text: wideRules, isByPart: false, changeCountMin: 200 }))
  if (seed > 6) continue
  test(`asking about the changed windows alone gives the same of them (seed ${seed})`, (t) =>
    followWide(t, seed, { text: windowRules, isByPart: true, changeCountMin: 150 }))
}

/** Many series, of which few change at a time. */
async function followWide(
  t: TestContext,
  seed: number,
  rules: { text: string; isByPart: boolean; changeCountMin: number },
): Promise<void> {
  const bench = new Bench(rules.text, { settings: { no_data: 'resolve' } })
  const oracle = new Oracle(bench, rules.text, rules.isByPart)
  oracle.watch()
  await bench.start(t)
  const random = makeSeededRandom(seed)
  const all: Record<string, number> = {}
  for (let room = 0; room < 300; room++) {
    all[`heat{${placeOf(room)}}`] = random() * 45
    all[`limit{${placeOf(room)}}`] = 20 + random() * 10
  }
  bench.feed(all)
  await bench.clock.advance(50)
  await oracle.follow(`at the start, seed ${seed}`)
  for (let step = 0; step < 40; step++) {
    const samples: Record<string, number | undefined> = {}
    // now and then so many that the whole answer is asked for, and series that are new
    const count = random() < 0.1 ? 200 : 1 + Math.floor(random() * 12)
    for (let index = 0; index < count; index++) {
      const room = Math.floor(random() * 303)
      if (random() < 0.7) {
        samples[`heat{${placeOf(room)}}`] = random() < 0.05 ? undefined : random() * 45
      } else samples[`limit{${placeOf(room)}}`] = 20 + random() * 10
    }
    bench.feed(samples)
    await bench.clock.advance(50)
    await oracle.follow(`step ${step}, seed ${seed}`)
    await bench.clock.advance(Math.floor(random() * 5_000))
    await oracle.follow(`after step ${step}, seed ${seed}`)
  }
  assert.ok(oracle.partCount > 150, `a part was asked for ${oracle.partCount} times`)
  const { changeCount } = oracle
  assert.ok(changeCount > rules.changeCountMin, `the stream changed something ${changeCount} times`)
}
