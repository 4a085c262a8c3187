import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { runCli } from './cli.ts'

/** Runs a command over files with these texts; file names in the words are replaced by their paths. */
async function run(
  t: TestContext,
  words: readonly string[],
  files: Record<string, string>,
): Promise<{ code: number; out: string; err: string }> {
  const dir = mkdtempSync(join(tmpdir(), 'cli-'))
  t.after(() => rmSync(dir, { recursive: true }))
  for (const [name, text] of Object.entries(files)) writeFileSync(join(dir, name), text)
  let out = ''
  let err = ''
  const code = await runCli(
    words.map((word) => (word in files ? join(dir, word) : word)),
    {
      out: (text) => {
        out += text
      },
      err: (text) => {
        err += text
      },
    },
  )
  return { code, out: out.replaceAll(`${dir}/`, ''), err: err.replaceAll(`${dir}/`, '') }
}

const goodRules = `groups:
- name: g
  rules:
  - alert: Down
    expr: up == 0
    annotations: {summary: '{{ $labels.instance }} is down'}
  - record: job:up:sum
    expr: sum by (job) (up)
`

test('check rules says what a good file has', async (t) => {
  const { code, out, err } = await run(t, ['check', 'rules', 'a.yml'], { 'a.yml': goodRules })
  assert.equal(
    out,
    'Checking a.yml\n  SUCCESS: 2 rules found (1 group, 1 alert, 1 recording rule)\n\n',
  )
  assert.equal(err, '')
  assert.equal(code, 0)
})

test('check rules names every mistake of every file with its place, and still reads the others', async (t) => {
  const bad = goodRules.replace('up == 0', 'up ==').replace('$labels', '$label')
  const { code, out, err } = await run(t, ['check', 'rules', 'bad.yml', 'a.yml'], {
    'bad.yml': bad,
    'a.yml': goodRules,
  })
  assert.match(err, /^bad\.yml:5:5: groups\[0\]\.rules\[0\]\.expr: could not parse expression: /m)
  assert.match(err, /^bad\.yml:6:\d+: .*undefined variable "\$label"/m)
  assert.match(out, /^Checking a\.yml\n {2}SUCCESS: 2 rules found/m)
  assert.equal(code, 1)
})

test('check rules notes recordings that overwrite each other, fatal or not', async (t) => {
  const twice = goodRules + goodRules.split('\n').slice(-3).join('\n')
  const files = { 'a.yml': twice }
  const { code, err } = await run(t, ['check', 'rules', 'a.yml'], files)
  assert.match(err, /^ {2}FAILED:\na\.yml: 2 rules record job:up:sum with the same labels/)
  assert.equal(code, 0)
  assert.equal((await run(t, ['check', 'rules', 'a.yml', '--lint-fatal'], files)).code, 3)
  const none = await run(t, ['check', 'rules', 'a.yml', '--lint-fatal', '--lint', 'none'], files)
  assert.deepEqual([none.code, none.err], [0, ''])
  assert.equal((await run(t, ['check', 'rules', 'a.yml', '--lint', 'some'], files)).code, 2)
  assert.equal((await run(t, ['check', 'rules', '/nowhere/x.yml'], {})).code, 1)
})

test('check metrics has nothing to say of a good page, in either format', async (t) => {
  const text = `# HELP http_requests_total Requests.
# TYPE http_requests_total counter
http_requests_total{code="200"} 5
# HELP http_request_duration_seconds Time.
# TYPE http_request_duration_seconds histogram
http_request_duration_seconds_bucket{le="+Inf"} 5
http_request_duration_seconds_count 5
http_request_duration_seconds_sum 1.5
`
  const open = '# HELP jobs Jobs.\n# TYPE jobs counter\njobs_total 3\n# EOF\n'
  const { code, out, err } = await run(t, ['check', 'metrics', 'a.txt', 'b.txt'], {
    'a.txt': text,
    'b.txt': open,
  })
  assert.equal(err, '')
  assert.equal(out, 'a.txt: 2 metrics, 4 samples\nb.txt: 1 metrics, 1 samples\n')
  assert.equal(code, 0)
})

test('check metrics gives advice on each bad name, unit, suffix and label', async (t) => {
  const cases: [page: string, advice: string][] = [
    ['# TYPE x_total counter\nx_total 1\n', 'x_total: no help text'],
    ['# HELP x X.\n# TYPE x counter\nx 1\n', 'x: counter metrics should have "_total" suffix'],
    [
      '# HELP x_total X.\n# TYPE x_total gauge\nx_total 1\n',
      'x_total: non-counter metrics should not have "_total" suffix',
    ],
    [
      '# HELP x_milliseconds X.\n# TYPE x_milliseconds gauge\nx_milliseconds 1\n',
      'x_milliseconds: use base unit "seconds" instead of "milliseconds"',
    ],
    [
      '# HELP x_ms_y X.\n# TYPE x_ms_y gauge\nx_ms_y 1\n',
      'x_ms_y: metric names should not contain abbreviated units',
    ],
    ['# HELP a:b X.\n# TYPE a:b gauge\na:b 1\n', "a:b: metric names should not contain ':'"],
    [
      '# HELP anX X.\n# TYPE anX gauge\nanX 1\n',
      "anX: metric names should be written in 'snake_case' not 'camelCase'",
    ],
    [
      '# HELP x_gauge X.\n# TYPE x_gauge gauge\nx_gauge 1\n',
      "x_gauge: metric name should not include type 'gauge'",
    ],
    [
      '# HELP x_count X.\n# TYPE x_count gauge\nx_count 1\n',
      'x_count: non-histogram and non-summary metrics should not have "_count" suffix',
    ],
    [
      '# HELP x X.\n# TYPE x gauge\nx{le="1"} 1\n',
      'x: non-histogram metrics should not have "le" label',
    ],
    [
      '# HELP x X.\n# TYPE x gauge\nx{anY="1"} 1\n',
      `x: label names should be written in 'snake_case' not 'camelCase': "anY"`,
    ],
    ['# HELP x X.\n# TYPE x gauge\nx 1\nx 2\n', 'x: the series x is given twice'],
  ]
  for (const [page, advice] of cases) {
    const { code, err } = await run(t, ['check', 'metrics', 'a.txt'], { 'a.txt': page })
    assert.equal(err, `a.txt: ${advice}\n`)
    assert.equal(code, 3)
  }
})

test('check metrics refuses a page that is not valid, and reads standard input', async (t) => {
  const { code, err } = await run(t, ['check', 'metrics', 'a.txt'], { 'a.txt': 'x 1\ny{ 1\n' })
  assert.match(err, /^a\.txt: .*line 2/)
  assert.equal(code, 1)
  assert.equal((await run(t, ['check', 'metrics', '/nowhere/x'], {})).code, 1)
  const page = { 'a.txt': '# HELP a_total A.\n# TYPE a_total counter\na_total 1\n# EOF\n' }
  assert.equal((await run(t, ['check', 'metrics', 'a.txt'], page)).code, 1)
  assert.equal((await run(t, ['check', 'metrics', 'a.txt', '--format', 'text'], page)).code, 0)
  assert.equal((await run(t, ['check', 'metrics', 'a.txt', '--format', 'html'], page)).code, 2)
  const { status, stderr } = spawnSync(
    process.execPath,
    [join(import.meta.dirname, '..', 'main.ts'), 'check', 'metrics'],
    { input: 'x 1\n', encoding: 'utf8' },
  )
  assert.equal(stderr, 'standard input: x: no help text\n')
  assert.equal(status, 3)
})

test('test rules runs the tests of files, all or those whose name matches', async (t) => {
  const tests = `rule_files: [a.yml]
tests:
- name: down is told
  input_series: [{series: 'up{instance="i"}', values: 0}]
  alert_rule_test:
  - alertname: Down
    exp_alerts:
    - exp_labels: {instance: i}
      exp_annotations: {summary: i is down}
- name: sums are made
  input_series: [{series: 'up{job="j"}', values: 1}]
  promql_expr_test: [{expr: 'job:up:sum', exp_samples: [{labels: 'job:up:sum{job="j"}', value: 2}]}]
`
  const files = { 't.yml': tests, 'a.yml': goodRules }
  const all = await run(t, ['test', 'rules', 't.yml'], files)
  assert.equal(
    all.err,
    '  FAILED:\nt.yml:10: sums are made\n  expression job:up:sum at 0s\n    job:up:sum{job="j"}: expected 2, found 1\n',
  )
  assert.equal(all.out, 'Unit Testing:  t.yml\n  (1 of 2 tests, 2 checks)\n\n')
  assert.equal(all.code, 1)
  const one = await run(t, ['test', 'rules', 't.yml', '--run', '^down'], files)
  assert.equal(one.out, 'Unit Testing:  t.yml\n  SUCCESS (1 of 1 tests, 1 checks)\n\n')
  assert.equal(one.code, 0)
  assert.equal((await run(t, ['test', 'rules'], {})).code, 2)
  assert.equal((await run(t, ['test', 'rules', 't.yml', '--run', '('], files)).code, 2)
  const gone = await run(t, ['test', 'rules', 't.yml'], { ...files, 'a.yml': 'groups: [1]' })
  assert.match(gone.err, /^ {2}FAILED:\nt\.yml: could not be run:\n\S*a\.yml:1:/)
  assert.equal(gone.code, 1)
  const diff = await run(t, ['test', 'rules', 't.yml', '--diff'], files)
  assert.match(diff.err, /\n {2}- job:up:sum\{job="j"\} 2\n {2}\+ job:up:sum\{job="j"\} 1\n/)
})

test('fields of other programs are skipped when asked, and refused otherwise', async (t) => {
  const odd = goodRules.replace('- name: g', '- name: g\n  concurrency: 2')
  const tests = 'rule_files: [a.yml]\nmade_by: me\ntests: []\n'
  const files = { 'a.yml': odd, 't.yml': tests }
  for (const words of [
    ['check', 'rules', 'a.yml'],
    ['test', 'rules', 't.yml'],
  ]) {
    const refused = await run(t, words, files)
    assert.equal(refused.code, 1)
    assert.match(refused.err, /is not a setting here/)
    assert.equal((await run(t, [...words, '--ignore-unknown-fields'], files)).code, 0)
  }
})

test('results of tests are written as a JUnit report', async (t) => {
  const tests = `rule_files: [a.yml]
tests:
- name: well <done>
  promql_expr_test: [{expr: '1', exp_samples: [{value: 1}]}]
- name: wrong
  promql_expr_test: [{expr: '1', exp_samples: [{value: 2}]}]
`
  const dir = mkdtempSync(join(tmpdir(), 'shipwatch-junit-'))
  t.after(() => rmSync(dir, { recursive: true }))
  const report = join(dir, 'report.xml')
  const files = { 'a.yml': goodRules, 't.yml': tests }
  assert.equal((await run(t, ['test', 'rules', 't.yml', '--junit', report], files)).code, 1)
  const text = readFileSync(report, 'utf8')
  assert.match(text, /t\.yml" tests="2" failures="1" errors="0">/)
  assert.match(text, /<testcase name="well &lt;done&gt;"\/>/)
  assert.match(text, /<testcase name="wrong">\n\s*<failure message="expression 1 at 0s">/)
})
