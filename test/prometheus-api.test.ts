/**
 * Prometheus's HTTP API beside a real Prometheus that scrapes the same target with the same rules: the same
 * statuses, the same words for the same mistakes, answers of the same shape. Debian's is 2.42; where later
 * versions changed, docs/querying/api.md of 3.x holds and the case is not here.
 */

import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import {
  fetchWhenUp,
  findFreePort,
  type Program,
  skipWithout,
  startProgram,
} from './support/programs.ts'
import { eventually, type Served, startServe } from './support/serve.ts'

const skip = skipWithout('prometheus')
const folder = mkdtempSync(join(tmpdir(), 'shipwatch-api-'))
let theirs = ''
let prometheus: Program | undefined
let served: Served | undefined

before(async () => {
  if (skip !== false) return
  const port = await findFreePort()
  theirs = `http://127.0.0.1:${port}`
  const rules = join(folder, 'rules.yml')
  writeFileSync(
    rules,
    `groups:
  - name: a
    rules:
      - { alert: Answers, expr: up == 1, labels: { severity: page }, annotations: { summary: hi } }
      - { record: 'job:up', expr: sum by (job) (up) }
  - name: b
    rules:
      - { alert: Silent, expr: up == 2, for: 5m }
`,
  )
  const config = `global: { scrape_interval: 1s, evaluation_interval: 1s }
rule_files: ['${rules}']
scrape_configs:
  - job_name: self
    static_configs: [{ targets: ['127.0.0.1:${port}'] }]
`
  const file = join(folder, 'prometheus.yml')
  writeFileSync(file, config)
  prometheus = startProgram('prometheus', [
    `--config.file=${file}`,
    `--storage.tsdb.path=${join(folder, 'data')}`,
    `--web.listen-address=127.0.0.1:${port}`,
    '--log.level=error',
  ])
  await fetchWhenUp(`${theirs}/-/ready`)
  // What the server watches by itself would be more than Prometheus has.
  served = await startServe({
    isAuthRequired: false,
    config: `host_agent: { enabled: false }\n${config}`,
  })
  const isFiring = async (base: string): Promise<true | undefined> => {
    const reply = await fetch(`${base}/api/v1/alerts`)
    return /"alertname":"Answers"[^}]*"job":"self"/.test(await reply.text()) ? true : undefined
  }
  await eventually(
    'both know the alert',
    async () => (await isFiring(theirs)) && (await isFiring(served!.base)),
  )
})

after(async () => {
  await prometheus?.stop()
  await served?.stop()
  rmSync(folder, { recursive: true, force: true })
})

interface Reply {
  status: number
  body: unknown
}

async function ask(base: string, path: string, form?: string): Promise<Reply> {
  const init =
    form === undefined
      ? {}
      : {
          method: 'POST',
          body: form,
          headers: { 'content-type': 'application/x-www-form-urlencoded' },
        }
  const reply = await fetch(`${base}/api/v1/${path}`, init)
  return { status: reply.status, body: JSON.parse(await reply.text()) }
}

async function askBoth(path: string, form?: string): Promise<[Reply, Reply]> {
  return Promise.all([ask(theirs, path, form), ask(served!.base, path, form)])
}

/** Names and types of what a value holds; of a list its first. */
function shapeOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.length === 0 ? [] : [shapeOf(value[0])]
  if (value === null || typeof value !== 'object') return typeof value
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, inner]) => [name, shapeOf(inner)]),
  )
}

test('mistakes are refused with the same status and the same words', { skip }, async () => {
  const range = 'query_range?query=up'
  const paths = [
    'query?query=up&time=x',
    'query?query=up&timeout=x',
    ...['sum(', 'sum(up))', 'up{', 'up{a="b" c="d"}', 'up[5m', 'up(', 'rate(up)', '1 +', '"a'].map(
      (query) => `query?query=${encodeURIComponent(query)}`,
    ),
    ...[range, `${range}&start=1`, `${range}&start=1&end=x`, `${range}&start=1&end=2`],
    `${range}&start=2&end=1&step=1`,
    ...['0', '-1', 'x'].map((step) => `${range}&start=1&end=2&step=${step}`),
    `${range}&start=1&end=200000&step=1`,
    'series',
    'series?match[]=up&start=x',
    'series?match[]=%7Ba%3D%22%22%7D',
    'label/__name__/values?start=x',
    'targets/metadata?limit=x',
    'metadata?limit=x',
    'rules?type=x',
    'format_query?query=sum(',
  ]
  for (const path of paths) {
    const [expected, own] = await askBoth(path)
    assert.ok(expected.status >= 400, path)
    assert.deepEqual(own, expected, path)
  }
})

test('answers have the same shape', { skip }, async () => {
  const self = encodeURIComponent('{job="self"}')
  const up = encodeURIComponent('up{job="self"}')
  const paths = [
    ...[`query?query=${up}`, 'query?query=1', 'query?query=%22a%22', `query?query=${up}[10s]`],
    `query?query=${up}&stats=true`,
    ...[`series?match[]=${up}`, `labels?match[]=${up}`, `label/job/values?match[]=${up}`],
    ...['targets?scrapePool=self&state=active', 'targets?state=x'],
    ...[`targets/metadata?match_target=${self}&limit=1`, 'targets/metadata?metric=nothing'],
    `targets/metadata?match_target=${self}&metric=go_goroutines`,
    ...['metadata?metric=go_goroutines', 'metadata?metric=nothing', 'metadata?limit=0'],
    'rules?rule_name[]=Answers',
    ...['alertmanagers', 'status/config', 'status/buildinfo', 'format_query?query=up%2F1'],
    'status/tsdb',
  ]
  for (const path of paths) {
    const [expected, own] = await askBoth(path)
    assert.equal(own.status, 200, path)
    assert.deepEqual(shapeOf(own.body), shapeOf(expected.body), path)
  }
})

test('a form says what a query string says', { skip }, async () => {
  const form = 'query=up{job="self"}&start=1&end=3&step=1'
  const [expected, own] = await askBoth('query_range', form)
  assert.deepEqual(own, expected)
  const [text, ownText] = await askBoth('format_query', 'query=sum(up)by(job)')
  assert.deepEqual(ownText, text)
})

test('an alert and its rule are told alike, with their own values', { skip }, async () => {
  const [expected, own] = await askBoth('rules?rule_name[]=Answers')
  const ruleOf = ({ body }: Reply) => {
    const { data } = body as { data: { groups: { rules: Record<string, unknown>[] }[] } }
    const { lastEvaluation: _l, evaluationTime: _e, alerts, ...rule } = data.groups[0]!.rules[0]!
    const told = (alerts as Record<string, unknown>[]).find(
      (alert) => (alert['labels'] as { job: string }).job === 'self',
    )
    const { activeAt: _a, ...alert } = told ?? {}
    return { ...rule, alert }
  }
  assert.deepEqual(ruleOf(own), ruleOf(expected))
})
