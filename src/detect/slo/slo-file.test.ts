import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '../../base/clock.ts'
import { CodedError } from '../../base/error.ts'
import { silentLog } from '../../base/log.ts'
import { z } from '../../config/schema.ts'
import { emptyLabels } from '../../model/labels.ts'
import { parseSeriesLine, QueryEngine, querySettings, ScriptStore } from '../../query/query.ts'
import { RuleBench } from '../rule-test/rule-bench.ts'
import { parseSloFile, type SloFile } from './slo-file.ts'

const minute = 60_000
const hour = 60 * minute

const parser = new QueryEngine({
  querier: new ScriptStore(),
  logs: undefined,
  settings: z.object(querySettings.top).parse({}),
  clock: systemClock,
  log: silentLog,
})

const read = (text: string, badEventsMin = 3): SloFile =>
  parseSloFile(text, 'slo.yml', { parser, guard: { badEventsMin } })

function problemsOf(text: string): string[] {
  try {
    read(text)
    return []
  } catch (thrown) {
    assert.ok(thrown instanceof CodedError)
    const problems = thrown.facts['problems'] as { line: number; message: string }[]
    return problems.map(({ line, message }) => `${line} ${message}`)
  }
}

const sloth = `version: prometheus/v1
service: shop
labels: { team: orders }
slos:
  - name: availability
    objective: 99.9
    sli:
      events:
        error_query: sum(rate(requests_total{code=~"5.."}[{{.window}}]))
        total_query: sum(rate(requests_total[{{ .window }}]))
    alerting:
      name: ShopFails
      page_alert: { labels: { severity: page } }
      ticket_alert: { disable: true }
`

test("Sloth's file becomes its recordings and alerts, under its names and labels", () => {
  const { slos, groups } = read(sloth)
  assert.equal(slos[0]!.id, 'shop-availability')
  const recording = groups[0]!.rules[0]!
  assert.equal(recording.name, 'slo:sli_error:ratio_rate5m')
  assert.equal(
    recording.expression,
    '(sum(rate(requests_total{code=~"5.."}[5m])))\n/\n(sum(rate(requests_total[5m])))',
  )
  assert.deepEqual(Object.fromEntries(recording.labels), {
    team: 'orders',
    sloth_id: 'shop-availability',
    sloth_service: 'shop',
    sloth_slo: 'availability',
    sloth_window: '5m',
  })
  const names = groups.flatMap((group) => group.rules.map((rule) => rule.name))
  for (const name of ['slo:error_budget:ratio', 'slo:period_error_budget_remaining:ratio'])
    assert.ok(names.includes(name), name)
  const alerts = groups.at(-1)!.rules
  assert.equal(alerts.length, 1)
  assert.equal(alerts[0]!.labels.get('severity'), 'page')
  assert.equal(alerts[0]!.labels.get('service'), 'shop')
  assert.match(alerts[0]!.expression, /ratio_rate5m\{[^}]*\} > \(14\.4 \* 0\.001\)/)
  for (const { rules } of groups)
    for (const rule of rules) assert.doesNotThrow(() => parser.prepare(rule.expression), rule.name)
})

test('the Kubernetes object says the same in camel case, and each document counts', () => {
  const object = (service: string) => `
apiVersion: sloth.slok.dev/v1
kind: PrometheusServiceLevel
metadata: { name: x }
spec:
  service: ${service}
  slos:
    - name: availability
      objective: 99
      sli:
        events: { errorQuery: 'rate(bad[{{.window}}])', totalQuery: 'rate(all[{{.window}}])' }
      alerting: { pageAlert: { disable: true }, ticketAlert: { labels: { camelCase: stays } } }
`
  const { slos, groups } = read(`${object('a')}---${object('b')}`)
  assert.deepEqual(
    slos.map(({ id }) => id),
    ['a-availability', 'b-availability'],
  )
  assert.equal(groups.at(-1)!.rules[0]!.labels.get('camelCase'), 'stays')
})

const openslo = (spec: string): string => `apiVersion: openslo/v1
kind: SLO
metadata: { name: fast }
spec:
  service: shop
${spec}`

test("OpenSLO's ratios, counters, raw ratios, thresholds and time slices are measured as they say", () => {
  const expressionOf = (spec: string): string =>
    read(openslo(spec), 0).groups[0]!.rules[0]!.expression.replaceAll('\n', ' ')
  const source = (query: string) => `{ metricSource: { type: P, spec: { query: '${query}' } } }`
  const rest = 'timeWindow: [{ duration: 28d, isRolling: true }]'
  assert.equal(
    expressionOf(`  ${rest}
  objectives: [{ target: 0.99 }]
  indicator: { spec: { ratioMetric: { counter: true, bad: ${source('sum(bad{a="b"})')}, total: ${source('all')} } } }`),
    '(sum(rate(bad{a="b"}[5m]))) / (rate(all[5m]))',
  )
  assert.equal(
    expressionOf(`  ${rest}
  objectives: [{ targetPercent: 99 }]
  indicator: { spec: { ratioMetric: { good: ${source('sum(rate(ok[{{.window}}]))')}, total: ${source('max(all)')} } } }`),
    '1 - ((sum(rate(ok[5m]))) / (avg_over_time((max(all))[5m:1m])))',
  )
  assert.equal(
    expressionOf(`  ${rest}
  objectives: [{ target: 0.99 }]
  indicator: { spec: { ratioMetric: { rawType: success, raw: ${source('ratio')} } } }`),
    '1 - (avg_over_time((ratio)[5m:1m]))',
  )
  assert.equal(
    expressionOf(`  ${rest}
  objectives: [{ target: 0.99, op: lte, value: 0.3 }]
  indicator: { spec: { thresholdMetric: ${source('latency')} } }`),
    'avg_over_time(((latency) > bool 0.3)[5m:1m])',
  )
  assert.equal(
    expressionOf(`  ${rest}
  budgetingMethod: Timeslices
  objectives: [{ target: 0.99, timeSliceTarget: 0.95, timeSliceWindow: 2m }]
  indicator: { spec: { ratioMetric: { counter: true, bad: ${source('bad')}, total: ${source('all')} } } }`),
    'avg_over_time((((rate(bad[2m])) / (rate(all[2m]))) > bool 0.05)[5m:2m])',
  )
})

test("OpenSLO's indicators, policies and conditions are found beside the objective", () => {
  const { slos, groups } = read(`${openslo(`  timeWindow: [{ duration: 1M }]
  objectives: [{ target: 0.999 }]
  indicatorRef: ratio
  alertPolicies: [burning]
`)}---
apiVersion: openslo/v1
kind: SLI
metadata: { name: ratio }
spec:
  ratioMetric:
    bad: { metricSource: { spec: { query: 'rate(bad[{{.window}}])' } } }
    total: { metricSource: { spec: { query: 'rate(all[{{.window}}])' } } }
---
apiVersion: openslo/v1
kind: AlertPolicy
metadata: { name: burning }
spec: { conditions: [{ conditionRef: soon }] }
---
apiVersion: openslo/v1
kind: AlertCondition
metadata: { name: soon }
spec:
  severity: page
  condition: { kind: burnrate, op: gte, threshold: 10, lookbackWindow: 2h, alertAfter: 5m }
`)
  assert.equal(slos[0]!.periodMs, 30 * 24 * hour)
  const [alert] = groups.at(-1)!.rules
  assert.ok(alert?.kind === 'alerting')
  assert.equal(alert.name, 'soon')
  assert.equal(alert.holdMs, 5 * minute)
  assert.match(alert.expression, /ratio_rate10m\{[^}]*\} > \(10 \* 0\.001\)/)
  assert.match(alert.expression, /ratio_rate2h\{[^}]*\} > \(10 \* 0\.001\)/)
})

test('mistakes are named with their lines, all at once', () => {
  assert.deepEqual(problemsOf(sloth.replace('sum(rate(requests_total[', 'sum(rate(x[')), [])
  assert.match(problemsOf(sloth.replace('sum(rate(requests_total[', 'sum(('))[0]!, /^8 could not/)
  assert.match(
    problemsOf(sloth.replace(/events:[\s\S]*?alerting/, 'plugin: { id: x }\n    alerting'))[0]!,
    /^8 plugins are code of others/,
  )
  assert.match(problemsOf(`${sloth}---\n${sloth}`)[0]!, /^16 the objective "shop-availability"/)
  assert.match(problemsOf(sloth.replace('99.9', '100'))[0]!, /^6 /)
  assert.match(
    problemsOf(openslo('  timeWindow: [{ duration: 30d }]\n  objectives: [{ target: 0.9 }]\n'))[0]!,
    /there is no indicator/,
  )
})

/** When the page fires over given requests a minute, in minutes; `undefined` within three hours. */
async function firstPage(series: readonly string[], badEventsMin = 3): Promise<number | undefined> {
  const { groups } = read(sloth, badEventsMin)
  const bench = new RuleBench({
    groups,
    startTimeMs: 0,
    evaluationIntervalMs: minute,
    externalLabels: emptyLabels,
    externalUrl: 'http://x',
  })
  for (const line of series) bench.add(parseSeriesLine(line), minute)
  for (let atMs = 0; atMs <= 3 * hour; atMs += minute) {
    assert.deepEqual(await bench.advance(atMs), [])
    if (bench.firing('ShopFails').length > 0) return atMs / minute
  }
  return undefined
}

test('a busy service that fails pages within minutes, and a steady trickle within the budget does not', async () => {
  // 600 requests a minute; from the first hour on a tenth of them fail
  const busy = [
    'requests_total{code="200"} 0+600x60 0+540x120',
    'requests_total{code="500"} 0x60 0+60x120',
  ]
  const atMinute = await firstPage(busy)
  assert.ok(atMinute !== undefined && atMinute > 60 && atMinute <= 75, String(atMinute))
  // a thousandth of 60,000 a minute is just what is allowed
  assert.equal(
    await firstPage([
      'requests_total{code="200"} 0+59940x180',
      'requests_total{code="500"} 0+60x180',
    ]),
    undefined,
  )
})

test('few requests do not page for one failure, which without the guard they would', async () => {
  // six requests an hour, and one of them fails
  const ok = Array.from({ length: 180 }, (_, index) => Math.floor(index / 10)).join(' ')
  const idle = [`requests_total{code="200"} ${ok}`, `requests_total{code="500"} 0x90 1x89`]
  assert.equal(await firstPage(idle), undefined)
  assert.ok((await firstPage(idle, 0)) !== undefined)
})

test('few requests of which all fail page after a handful', async () => {
  const bad = Array.from({ length: 180 }, (_, index) => Math.floor(index / 10)).join(' ')
  const down = [`requests_total{code="200"} 0x179`, `requests_total{code="500"} ${bad}`]
  const atMinute = await firstPage(down)
  assert.ok(atMinute !== undefined && atMinute <= 60, String(atMinute))
})
