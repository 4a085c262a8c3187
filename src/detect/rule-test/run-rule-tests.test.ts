import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { CodedError } from '../../base/error.ts'
import { type RuleTestReport, runRuleTests } from './run-rule-tests.ts'

/** Runs `tests.yml` with `rules.yml` beside it. */
async function run(t: TestContext, tests: string, rules = 'groups: []'): Promise<RuleTestReport> {
  const dir = mkdtempSync(join(tmpdir(), 'rule-test-'))
  t.after(() => rmSync(dir, { recursive: true }))
  writeFileSync(join(dir, 'rules.yml'), rules)
  writeFileSync(join(dir, 'tests.yml'), tests)
  return runRuleTests(join(dir, 'tests.yml'))
}

function failuresOf(report: RuleTestReport): string[] {
  return report.tests.flatMap((one) => one.failures)
}

/** The places and messages of a file that is refused. */
async function mistakesOf(t: TestContext, tests: string, rules?: string): Promise<string[]> {
  try {
    await run(t, tests, rules)
    return []
  } catch (thrown) {
    assert.ok(thrown instanceof CodedError)
    const problems = thrown.facts['problems'] as { line: number; message: string }[]
    return problems.map(({ line, message }) => `${line}: ${message}`)
  }
}

const downRules = `groups:
- name: g
  interval: 3m
  rules:
  - alert: Down
    expr: up == 0
    for: 2m
    labels: {severity: page}
    annotations: {summary: '{{ $labels.job }} of {{ $externalLabels.region }} is {{ $value }}'}
`

const downTests = `rule_files: [rules.yml]
tests:
- name: a target goes down
  interval: 30s
  external_labels: {region: eu}
  input_series:
  - {series: 'up{job="a"}', values: '1 1 0x4 1'}
  alert_rule_test:
  - {eval_time: 2m59s, alertname: Down}
  - {eval_time: 0, alertname: Down, exp_alerts: []}
  - eval_time: 3m
    alertname: Down
    exp_alerts:
    - exp_labels: {severity: page, job: a}
      exp_annotations: {summary: a of eu is 0}
  - {eval_time: 4m, alertname: Down}
  promql_expr_test:
  - expr: ALERTS
    eval_time: 2m
    exp_samples: [{labels: 'ALERTS{alertname="Down",alertstate="pending",severity="page",job="a"}', value: 1}]
  - expr: count_over_time(ALERTS{alertstate="firing"}[10m])
    eval_time: 4m
    exp_samples: [{labels: '{alertname="Down",alertstate="firing",severity="page",job="a"}', value: 1}]
`

test('alerts are pending, fire and resolve at their evaluations, and leave their series', async (t) => {
  const report = await run(t, downTests, downRules)
  assert.deepEqual(failuresOf(report), [])
  assert.deepEqual([report.tests[0]!.checkCount, report.tests[0]!.failedCount], [6, 0])
  assert.deepEqual([report.tests[0]!.name, report.tests[0]!.line], ['a target goes down', 3])
})

test('each alert that is missing, extra or has another label or annotation is told', async (t) => {
  const found = async (from: string, to: string): Promise<string[]> =>
    failuresOf(await run(t, downTests.replace(from, to), downRules))
  assert.deepEqual(await found('a of eu is 0', 'all is well'), [
    'alert Down at 3m\n' +
      '  expected, not found: {alertname="Down", job="a", severity="page"} with {summary="all is well"}\n' +
      '  found, not expected: {alertname="Down", job="a", severity="page"} with {summary="a of eu is 0"}',
  ])
  assert.match((await found('job: a}', 'job: a, x: y}'))[0]!, /expected, not found: .*x="y"/)
  assert.match((await found('eval_time: 4m, ', 'eval_time: 3m, '))[0]!, /found, not expected/)
  assert.match((await found('{eval_time: 0,', '{eval_time: 3m59s,'))[0]!, /^alert Down at 3m59s/)
})

test('groups run in the given order, and rules see what was recorded at the same instant', async (t) => {
  const rules = `groups:
- {name: last, rules: [{record: c, expr: b * 2}]}
- {name: first, rules: [{record: a, expr: x + 1}, {record: b, expr: a * 10}]}
`
  const tests = `rule_files: ['*les.yml']
group_eval_order: [first, last]
tests:
- input_series: [{series: x, values: 1+1x9}]
  promql_expr_test: [{expr: c, eval_time: 3m, exp_samples: [{labels: c, value: 100}]}]
`
  assert.deepEqual(failuresOf(await run(t, tests, rules)), [])
  const swapped = tests.replace('[first, last]', '[last, first]')
  assert.deepEqual(failuresOf(await run(t, swapped, rules)), [
    'expression c at 3m\n  c: expected 100, found 80',
  ])
  assert.deepEqual(await mistakesOf(t, tests.replace('[first, last]', '[first, first]'), rules), [
    '2: "first" is repeated',
  ])
})

test('times count from the start, and nothing after the present is seen', async (t) => {
  const tests = `evaluation_interval: 30s
rule_files: [rules.yml, none.yml]
tests:
- start_timestamp: 2026-11-20T12:00:00Z
  input_series: [{series: x, values: 0+1x9}]
  promql_expr_test:
  - {expr: time(), eval_time: 1m, exp_samples: [{value: 1795176060}]}
  - {expr: timestamp(x), eval_time: 1m, exp_samples: [{labels: '{}', value: 1795176060}]}
  - {expr: early, eval_time: 1m, exp_samples: [{labels: early, value: 2}]}
  - {expr: 'count_over_time(x[1m:])', eval_time: 1m, exp_samples: [{labels: '{}', value: 2}]}
- start_timestamp: 100
  promql_expr_test: [{expr: time(), exp_samples: [{value: 100}]}]
`
  const rules = 'groups: [{name: g, rules: [{record: early, expr: x offset -1h or x}]}]'
  const report = await run(t, tests, rules)
  assert.deepEqual(failuresOf(report), [])
  assert.deepEqual(report.missing, ['none.yml'])
})

test('values are exact, but for the last bit when the file asks for it; histograms are compared whole', async (t) => {
  const tests = `tests:
- input_series:
  - {series: low, values: 2.9999999999999996}
  - {series: lower, values: 2.9999999999999987}
  - {series: flat, values: 0x10}
  - {series: h, values: '{{schema:0 count:3 sum:5 buckets:[1 2]}}'}
  promql_expr_test:
  - {expr: low, exp_samples: [{labels: low, value: 3}]}
  - {expr: lower, exp_samples: [{labels: lower, value: 3}]}
  - {expr: flat, eval_time: 10m, exp_samples: [{labels: flat, value: 0}]}
  - {expr: 0 / 0, exp_samples: [{value: .nan}]}
  - {expr: h, exp_samples: [{labels: h, histogram: '{{count:3 sum:5 buckets:[1 2 0]}}'}]}
  - {expr: h, exp_samples: [{labels: h, histogram: '{{count:3 sum:5 buckets:[2 1]}}'}]}
`
  const heads = (report: RuleTestReport): string[] =>
    failuresOf(report).map((failure) => failure.split('\n')[0]!)
  const exact = await run(t, tests)
  assert.deepEqual(heads(exact), [
    'expression low at 0s',
    'expression lower at 0s',
    'expression h at 0s',
  ])
  const fuzzy = await run(t, `fuzzy_compare: true\n${tests}`)
  assert.deepEqual(heads(fuzzy), ['expression lower at 0s', 'expression h at 0s'])
})

test('a rule or an expression that cannot be evaluated fails the test, without checks too', async (t) => {
  const rules = 'groups: [{name: g, rules: [{record: r, expr: a + on (j) b}]}]'
  const tests = `rule_files: [rules.yml]
tests:
- input_series:
  - {series: 'a{j="1"}', values: 1}
  - {series: 'b{j="1",k="1"}', values: 1}
  - {series: 'b{j="1",k="2"}', values: 1}
`
  assert.match(failuresOf(await run(t, tests, rules))[0]!, /^rule r fails at 0s: found duplicate/)
  const asked = `${tests.replace('rule_files: [rules.yml]', '')}  promql_expr_test: [{expr: 'a + on (j) b'}]\n`
  const report = await run(t, asked)
  assert.match(failuresOf(report)[0]!, /many-to-many matching not allowed/)
  assert.equal(report.tests[0]!.failedCount, 1)
})

test('every mistake in a file is named with its line, and a test without end is refused', async (t) => {
  const tests = `tests:
- input_series:
  - {series: 'x{', values: 1}
  - {series: x, values: 1 two}
  promql_expr_test:
  - {expr: x, exp_samples: [{labels: 'x} 1', value: 1}]}
  - {expr: x, exp_samples: [{labels: 'x', histogram: '1'}]}
  start_timestamp: noon
`
  assert.deepEqual(await mistakesOf(t, tests), [
    '8: "noon" is neither Unix seconds nor a time such as 2026-11-20T12:00:00Z',
    '3: bad labels in "x{"',
    '4: bad value "two"',
    '6: unexpected "} 1"',
    '7: "1" is not a histogram',
  ])
  assert.match(
    (await mistakesOf(t, 'tests:\n- {input: []}\nspeed: 1\n')).join(),
    /2: "input" is not a setting here.*3: "speed" is not a setting here/,
  )
  assert.deepEqual(await mistakesOf(t, 'tests: [{input_series: [{series: x}]}]'), [
    '1: needs values such as 1 2 3 or 0+10x5',
  ])
  assert.match((await mistakesOf(t, downTests, 'groups: [{nam: g}]')).join(), /"nam" is not/)
  await assert.rejects(
    run(t, 'tests: [{promql_expr_test: [{expr: "1", eval_time: 10y}]}]'),
    (thrown: CodedError) => thrown.code === 'DETECT_TEST_TOO_LONG',
  )
})
