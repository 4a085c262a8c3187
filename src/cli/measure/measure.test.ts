import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { findSuite } from './measure.ts'
import type { MeasureResult } from './suite.ts'

/** Runs a suite over a folder with these files. */
async function run(
  t: TestContext,
  name: string,
  files: Record<string, unknown>,
): Promise<{ result: MeasureResult; lines: string[] }> {
  const from = mkdtempSync(join(tmpdir(), 'measure-'))
  t.after(() => rmSync(from, { recursive: true }))
  for (const [file, content] of Object.entries(files)) {
    mkdirSync(join(from, file, '..'), { recursive: true })
    writeFileSync(join(from, file), typeof content === 'string' ? content : JSON.stringify(content))
  }
  const measure = (await findSuite(name))!
  const lines: string[] = []
  const result = await measure({ from, print: (line) => lines.push(line), listsFailures: true })
  return { result, lines }
}

const oneRule = { groups: [{ name: 'g', rules: [{ alert: 'A', expr: 'x > 1' }] }] }
const twoChecks = {
  rule_files: ['r.yaml'],
  tests: [
    {
      input_series: [{ series: 'x', values: '2' }],
      alert_rule_test: [{ alertname: 'A' }, { alertname: 'A', exp_alerts: [{}] }],
    },
  ],
}

test('rule tests are right when they pass or fail as they must', async (t) => {
  const { result } = await run(t, 'rule-tests', {
    'r.yaml': oneRule,
    'a.yml': twoChecks,
    'index.json': [
      { file: 'a.yml', expect: 'fail' },
      { file: 'a.yml', expect: 'pass' },
    ],
  })
  assert.deepEqual([result.passed, result.total], [1, 2])
  assert.deepEqual(result.figures, { checksPassed: 1, checksTotal: 2 })
})

test('of the alert generator every check counts', async (t) => {
  const { result, lines } = await run(t, 'alert-generator', {
    'r.yaml': oneRule,
    'a.yml': twoChecks,
    'b.yml': 'tests: 5',
  })
  assert.deepEqual([result.passed, result.total], [1, 3])
  assert.match(lines.join('\n'), /found, not expected: \{alertname="A"\}/)
})

test('templates are compared by their text, their failure or their refusal', async (t) => {
  const context = {
    labels: { alertname: 'T', job: 'app' },
    externalLabels: { region: 'eu' },
    externalURL: 'http://ship.example',
    series: { 'up{job="app"}': 12.5, 'up{job="db"}': 1 },
  }
  const cases = [
    { template: '{{ $value }} in {{ $externalLabels.region }}', load: 'ok', result: '12.5 in eu' },
    { template: '{{ len (query "up") }}', load: 'ok', result: '3' },
    { template: '{{ first (query "gone") }}', load: 'ok', error: true },
    { template: 'plain', load: 'ok', error: true },
    { template: '{{ $nothing }}', load: 'rejected' },
    { template: 'plain', load: 'rejected' },
  ]
  const { result, lines } = await run(t, 'alert-templates', { 'cases.json': { context, cases } })
  assert.deepEqual([result.passed, result.total], [3, 6])
  assert.ok(lines.includes('{{ len (query "up") }}\n    expected "3", got "2"'))
})

test('rule files load with all their rules or are refused; dashboards parse or are refused', async (t) => {
  const rules = await run(t, 'rules', {
    'f/a.yml': oneRule,
    'index.json': [
      { file: 'f/a.yml', kind: 'rules', valid: true, alerts: 1, records: 0 },
      { file: 'f/a.yml', kind: 'rules', valid: true, alerts: 2, records: 0 },
      { file: 'f/a.yml', kind: 'rules', valid: false, alerts: 1, records: 0 },
      { file: 'f/a.yml', kind: 'rules', valid: null, alerts: 1, records: 0 },
    ],
    'exprs.jsonl': '{"expr":"up"}\n{"expr":"up +"}\n',
  })
  assert.deepEqual([rules.result.passed, rules.result.total], [1, 3])
  assert.deepEqual(rules.result.figures, { expressionsParsed: 1, expressionsTotal: 2 })
  const lines = [
    { expr: 'x{a="$b"}', expanded: 'x{a="v"}', promtool_2_42: 'ok' },
    { expr: '$a', expanded: 'x y', promtool_2_42: 'unexpected identifier' },
    { expr: 'x', expanded: 'x', promtool_2_42: 'no' },
  ]
  const dashboards = await run(t, 'dashboards', {
    'exprs.jsonl': lines.map((line) => `${JSON.stringify(line)}\n`).join(''),
  })
  assert.deepEqual([dashboards.result.passed, dashboards.result.total], [2, 3])
  assert.ok(dashboards.lines.includes('x\n    was not refused'))
})
