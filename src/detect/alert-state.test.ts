import assert from 'node:assert/strict'
import { test } from 'node:test'
import { makeLabels } from '../model/labels.ts'
import { AlertState, type DataState, type Element, type JudgeOptions } from './alert-state.ts'
import type { AlertingRule } from './rule-file.ts'

const minute = 60_000

function makeRule(change: Partial<AlertingRule> = {}): AlertingRule {
  return {
    kind: 'alerting',
    name: 'TooHot',
    expression: 'heat > 3',
    holdMs: 0,
    keepFiringMs: 0,
    labels: new Map([['severity', 'page']]),
    annotations: new Map([['summary', '{{ $labels.room }} is at {{ $value }}']]),
    ...change,
  }
}

function judgeOptions(dataOf: DataState = 'present', limit = 0): JudgeOptions {
  return {
    limit,
    dataOf: () => dataOf,
    noDataKeepMs: 60 * minute,
    template: { externalLabels: makeLabels({}), externalUrl: 'http://x', query: () => [] },
  }
}

const hot = (value = 5, room = 'attic'): Element => ({
  labels: makeLabels({ __name__: 'heat', room }),
  value,
})

/** Runs a row of answers, one a minute: `+` answered, `.` not, `s` silent, `e` ended; tells the states. */
function run(state: AlertState, row: string): string {
  const shown: string[] = []
  for (const [index, sign] of [...row].entries()) {
    const dataOf: DataState = sign === 's' ? 'silent' : sign === 'e' ? 'ended' : 'present'
    state.judge(index * minute, sign === '+' ? [hot()] : [], judgeOptions(dataOf))
    const alert = [...state.active.values()][0]
    shown.push(alert === undefined ? '-' : alert.state[0]!)
  }
  return shown.join('')
}

test('an alert goes from pending to firing to inactive as its rule says', () => {
  const check = (change: Partial<AlertingRule>, row: string, expected: string) =>
    assert.equal(run(new AlertState(makeRule(change)), row), expected)
  check({}, '.+++..', '-fffii')
  check({ holdMs: 2 * minute }, '.++++.', '-ppffi')
  check({ holdMs: 2 * minute }, '++.+++.', 'pp-ppfi')
  check({ holdMs: minute / 2 }, '++.', 'pfi')
  check({ keepFiringMs: 2 * minute }, '+....', 'fffii')
  check({ keepFiringMs: 2 * minute }, '+.+...', 'fffffi')
  check({ holdMs: 2 * minute, keepFiringMs: 5 * minute }, '++....', 'pp----')
})

test('silence keeps a firing alert, stops the clock of a pending one, and an end is an end', () => {
  const check = (change: Partial<AlertingRule>, row: string, expected: string) =>
    assert.equal(run(new AlertState(makeRule(change)), row), expected)
  check({}, '+sss+.', 'fffffi')
  check({}, '+ee', 'fii')
  // two minutes are needed: one before the silence, and the one in which the data came back
  check({ holdMs: 2 * minute }, '++sss++', 'pppppff')
  check({ holdMs: 2 * minute }, '++sss.', 'ppppp-')
})

test('silence keeps an alert no longer than its bound', () => {
  const state = new AlertState(makeRule())
  const row = `+${'s'.repeat(62)}`
  assert.equal(run(state, row), `${'f'.repeat(61)}ii`)
})

test('labels and annotations are expanded from the element, the rule wins, the name is dropped', () => {
  const state = new AlertState(makeRule({ labels: new Map([['room', 'the {{ $labels.room }}']]) }))
  state.judge(0, [hot(7)], judgeOptions())
  const [alert] = state.listLive()
  assert.equal(String(alert!.labels), '{alertname="TooHot", room="the attic"}')
  assert.equal(alert!.annotations.get('summary'), 'attic is at 7')
  state.judge(minute, [hot(8)], judgeOptions())
  assert.equal(state.listLive()[0]!.annotations.get('summary'), 'attic is at 8')
  assert.equal(state.listLive()[0]!.value, 8)
})

test('an annotation whose template fails says so and the alert still goes out', () => {
  const state = new AlertState(
    makeRule({ annotations: new Map([['summary', '{{ query "x" | first | value }}']]) }),
  )
  state.judge(0, [hot()], judgeOptions())
  assert.match(
    state.takeDue(0, minute)[0]!.annotations.get('summary'),
    /^<error expanding template: .*no elements.*>$/,
  )
})

test('two elements with the same final labels are an error and change nothing', () => {
  const state = new AlertState(makeRule({ labels: new Map([['room', 'any']]) }))
  state.judge(0, [hot(5, 'attic')], judgeOptions())
  assert.throws(
    () => state.judge(minute, [hot(5, 'attic'), hot(6, 'cellar')], judgeOptions()),
    /same labelset after applying rule labels/,
  )
  assert.equal(state.listLive()[0]!.value, 5)
  assert.equal(state.lastTimeMs, 0)
})

test('more alerts than the limit clear the rule', () => {
  const state = new AlertState(makeRule())
  assert.throws(
    () => state.judge(0, [hot(5, 'a'), hot(5, 'b')], judgeOptions('present', 1)),
    /exceeded limit of 1 with 2/,
  )
  assert.equal(state.active.size, 0)
})

test('alerts are sent when they fire, then at the pace of resending, and 15 minutes after they resolved', () => {
  const state = new AlertState(makeRule({ holdMs: minute }))
  const sent: string[] = []
  for (let turn = 0; turn <= 50; turn++) {
    const timeMs = turn * (minute / 2)
    state.judge(timeMs, turn < 10 ? [hot()] : [], judgeOptions())
    for (const alert of state.takeDue(timeMs, minute)) sent.push(`${turn}${alert.state[0]}`)
  }
  // pending until turn 2; resolved at turn 10, repeated every other turn until 15 min have passed
  assert.deepEqual(sent.slice(0, 6), ['2f', '4f', '6f', '8f', '10i', '12i'])
  assert.deepEqual(sent.slice(-2), ['38i', '40i'])
})

test('an alert that fires again after it resolved is a new one', () => {
  const state = new AlertState(makeRule())
  run(state, '+..')
  state.takeDue(2 * minute, minute)
  state.judge(3 * minute, [hot()], judgeOptions())
  const [due] = state.takeDue(3 * minute, minute)
  assert.equal(due!.state, 'firing')
  assert.equal(due!.activeTimeMs, 3 * minute)
  assert.equal(due!.resolvedTimeMs, undefined)
})

test('the next deadline is when the oldest pending alert has held long enough', () => {
  const state = new AlertState(makeRule({ holdMs: 5 * minute }))
  assert.equal(state.nextDeadlineMs(), undefined)
  state.judge(minute, [hot(5, 'a')], judgeOptions())
  state.judge(2 * minute, [hot(5, 'a'), hot(5, 'b')], judgeOptions())
  assert.equal(state.nextDeadlineMs(), 6 * minute)
})
