import assert from 'node:assert/strict'
import { test } from 'node:test'
import { makeSeededRandom } from '../../base/random.ts'
import { type CourseState, ElementCourse } from './element-course.ts'
import { readStrategy, type Strategy } from './strategy.ts'

const minute = 60_000

function strategyOf(text: string, holdMs = 0): Strategy {
  const rule = { expression: 'heat > 30', holdMs, checkExpression: () => undefined }
  const found = readStrategy(text, rule)
  assert.ok('strategy' in found, JSON.stringify(found))
  return found.strategy
}

/** Goes on by values, one a minute; tells the level that fires, `p` for pending, `-` for nothing, with `!` when flapping. */
function go(
  course: ElementCourse,
  values: readonly number[],
  { isMeasured = true, startTimeMs = 0 } = {},
): string {
  return values
    .map((value, index) => {
      const isAnswered = isMeasured || value > 30
      const sighting = { value, isAnswered, isRecovered: undefined }
      const verdict = course.advance(startTimeMs + index * minute, sighting)
      if (verdict === undefined) return '-'
      if (!verdict.isDue) return 'p'
      return `${verdict.levelIndex}${verdict.flapCount > 0 ? '!' : ''}`
    })
    .join('')
}

test('levels have thresholds of their own and the highest that holds wins', () => {
  const course = new ElementCourse(
    strategyOf(`
levels:
  - { severity: info, when: '> 30' }
  - { severity: warning, when: '> 40' }
  - { severity: page, when: '> 50' }`),
  )
  assert.equal(go(course, [20, 35, 45, 55, 45, 35, 20]), '-01210-')
})

test('levels rise by time when they share a threshold', () => {
  const course = new ElementCourse(
    strategyOf('levels: [{ severity: warning, for: 1m }, { severity: page, for: 3m }]'),
  )
  assert.equal(go(course, [20, 35, 35, 35, 35, 35, 20], { isMeasured: false }), '-p0011-')
})

test('a level ends only past its own limit, the whole alert past its recovery', () => {
  const course = new ElementCourse(
    strategyOf(`
levels:
  - { severity: warning, when: '> 30' }
  - { severity: page, when: '> 50', until: '< 45' }
recovery: { when: '< 20' }`),
  )
  assert.equal(go(course, [35, 55, 47, 44, 25, 19, 25, 31]), '01100--0')
})

test('recovery counts only when it lasts', () => {
  const course = new ElementCourse(strategyOf("recovery: { when: '< 20', for: 2m }"))
  assert.equal(go(course, [35, 19, 18, 25, 19, 19, 19, 19]), '000000--')
})

test('values that are no number hold nothing and end nothing', () => {
  const course = new ElementCourse(strategyOf("recovery: { when: '< 20' }"))
  assert.equal(go(course, [Number.NaN, 35, Number.NaN, 10]), '-00-')
})

test('outside and inside are bounds as well', () => {
  const outside = strategyOf("levels: [{ severity: a, when: 'outside 10..20' }]")
  assert.equal(go(new ElementCourse(outside), [9, 10, 15, 20, 21]), '0---0')
  const inside = strategyOf(
    'levels: [{ severity: a, when: { operator: inside, threshold: 10, upper: 20 } }]',
  )
  assert.equal(go(new ElementCourse(inside), [9, 10, 15, 20, 21]), '-000-')
})

test('a delay waits before both turns, and grows while the state keeps turning', () => {
  const plain = new ElementCourse(strategyOf('delay: { up: 1m, down: 2m }'))
  const values = [35, 35, 35, 10, 10, 10, 10]
  assert.equal(go(plain, values, { isMeasured: false }), 'p0000--')
  // a peak shorter than the delay says nothing
  assert.equal(go(plain, [35, 10, 10], { isMeasured: false, startTimeMs: 100 * minute }), 'p--')
  const growing = new ElementCourse(
    strategyOf('delay: { up: 0s, down: 2m, multiplier: 2, max: 5m }'),
  )
  // the end waits 2 min, after the relapse 4, after the next 5 and no longer
  const relapses = [35, 10, 35, 10, 10, 35, 10, 10, 10, 10, 10, 10]
  assert.equal(go(growing, relapses, { isMeasured: false }), '00000000000-')
})

test('flapping is told once, holds the alert, and ends when the changes have ended', () => {
  const course = new ElementCourse(strategyOf('flapping: { changes: 4, within: 10m }'))
  const values = [35, 10, 35, 10, 35, 10, 35, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10]
  const expected = '0-0-0!0!0!0!0!0!0!0!0!0!0!0!-'
  assert.equal(go(course, values, { isMeasured: false }), expected)
})

test('an event is told once for each time that its condition comes true', () => {
  const course = new ElementCourse(strategyOf('{ strategy: single, lasts: 2m }'))
  const values = [10, 35, 35, 35, 35, 10, 35, 10, 35, 35, 35]
  assert.equal(go(course, values, { isMeasured: false }), '-00---0000-')
})

test('time in which nothing was seen does not count for any clock', () => {
  const course = new ElementCourse(
    strategyOf("{ recovery: { when: '< 20', for: 3m }, levels: [{ severity: a, for: 2m }] }"),
  )
  assert.equal(go(course, [35, 35]), 'pp')
  course.freeze(10 * minute)
  assert.equal(go(course, [35, 35, 19, 19], { startTimeMs: 11 * minute }), 'p000')
  course.freeze(20 * minute)
  assert.equal(go(course, [19, 19, 19], { startTimeMs: 34 * minute }), '00-')
})

test('a course that was kept and brought back goes on as if nothing had been', () => {
  const strategy = strategyOf(`
levels: [{ severity: warning, for: 1m }, { severity: page, when: '> 40', until: '< 35' }]
recovery: { when: '< 20', for: 2m }
delay: { up: 1m, down: 1m, multiplier: 2, max: 10m }
flapping: { changes: 4, within: 20m }`)
  for (let seed = 1; seed <= 40; seed++) {
    const random = makeSeededRandom(seed)
    const straight = new ElementCourse(strategy)
    let kept = new ElementCourse(strategy)
    for (let step = 0; step < 100; step++) {
      const options = { startTimeMs: step * minute }
      const value = random() * 60
      const expected = go(straight, [value], options)
      kept = new ElementCourse(strategy, JSON.parse(JSON.stringify(kept.state)) as CourseState)
      assert.equal(go(kept, [value], options), expected, `seed ${seed}, step ${step}`)
      assert.equal(kept.nextDeadlineMs(), straight.nextDeadlineMs())
    }
  }
})

test('between two answers that are the same, nothing changes before the deadline that was named', () => {
  const strategy = strategyOf(`
levels: [{ severity: warning, for: 90s }, { severity: page, when: '> 40', for: 3m }]
recovery: { when: '< 20', for: 2m }
delay: { up: 30s, down: 90s, multiplier: 2, max: 10m }
flapping: { changes: 4, within: 20m }`)
  for (let seed = 1; seed <= 60; seed++) {
    const random = makeSeededRandom(seed)
    const course = new ElementCourse(strategy)
    let timeMs = 0
    for (let step = 0; step < 60; step++) {
      const value = random() * 60
      let shown = go(course, [value], { startTimeMs: timeMs })
      const spanMs = Math.floor(random() * 5 * minute)
      for (let passedMs = 0; passedMs < spanMs; passedMs += 5_000) {
        const deadlineMs = course.nextDeadlineMs() ?? Infinity
        const now = go(course, [value], { startTimeMs: timeMs + passedMs })
        if (deadlineMs > timeMs + passedMs) assert.equal(now, shown, `seed ${seed}, step ${step}`)
        shown = now
      }
      timeMs += spanMs + 1_000
    }
  }
})
