/**
 * `GET /federate?match[]=…`: the latest sample of every series that a selector finds, as a page of the
 * text format with timestamps, for another Prometheus to scrape. Series that ended or were silent for
 * five minutes are left out; `instance` is written even when it is empty, so that the scraper does not
 * put its own in; the labels that name this installation are added where a series lacks them.
 * Source: prometheus docs/federation.md, web/federate.go (behaviour).
 */

import type { FastifyInstance } from 'fastify'
import { formatGeneral } from '../../base/template/template.ts'
import { compareLabels, type Labels, metricNameLabel } from '../../model/labels.ts'
import { bitsOf, isStaleAt } from '../../model/sample.ts'
import { queryOf } from '../request.ts'
import type { RouteContext } from '../route/route.ts'
import { withParameter } from './parameter.ts'

/** How old the latest sample may be: Prometheus's own lookback. */
const lookbackMs = 5 * 60_000
/** Samples read for one page at most. */
const sampleCountMax = 20_000_000

interface Latest {
  labels: Labels
  timeMs: number
  value: number
}

/** Adds the route of federation. */
export function addFederationRoute(app: FastifyInstance, context: RouteContext): void {
  const { store, engine, clock, collector } = context.parts
  app.get('/federate', { config: { access: 'read', shape: 'text' } }, async (request, reply) => {
    const endTimeMs = clock.nowTimeMs()
    const latest = new Map<string, Latest>()
    for (const text of queryOf(request).getAll('match[]')) {
      const matchers = withParameter('match[]', () => engine.parseSelector(text))
      const range = { startTimeMs: endTimeMs - lookbackMs, endTimeMs, sampleCountMax }
      const found = await store.select({ matchers, ...range, signal: request.goneSignal })
      for (const { labels, count, timeMs, value, histogram } of found) {
        const last = count - 1
        // Native histograms have no place in the text format.
        if (last < 0 || histogram?.[last] !== undefined || isStaleAt(bitsOf(value), last)) continue
        latest.set(labels.key, { labels, timeMs: timeMs[last]!, value: value[last]! })
      }
    }
    const isUtf8 = /escaping=allow-utf-8/i.test(request.headers.accept ?? '')
    const page = formatPage([...latest.values()], {
      added: collector.externalLabels(),
      fitName: isUtf8 ? (name) => name : (name) => name.replace(/[^a-zA-Z0-9_:]/g, '_'),
    })
    const version = isUtf8 ? '1.0.0; charset=utf-8; escaping=allow-utf-8' : '0.0.4; charset=utf-8'
    return reply.type(`text/plain; version=${version}`).send(page)
  })
}

function formatPage(
  rows: Latest[],
  options: { added: Labels; fitName: (name: string) => string },
): string {
  const { added, fitName } = options
  rows.sort((a, b) => compareRows(a.labels, b.labels))
  let page = ''
  let named = ''
  for (const { labels, timeMs, value } of rows) {
    const metric = fitName(labels.get(metricNameLabel))
    if (metric !== named) {
      named = metric
      page += `# TYPE ${formatName(metric)} untyped\n`
    }
    let all = labels
    for (let index = 0; index < added.pairs.length; index += 2) {
      const name = added.pairs[index]!
      if (!all.has(name)) all = all.with(name, added.pairs[index + 1]!)
    }
    page += `${formatSeries(metric, all, fitName)} ${formatGeneral(value, -1)} ${timeMs}\n`
  }
  return page
}

function compareRows(a: Labels, b: Labels): number {
  const left = a.get(metricNameLabel)
  const right = b.get(metricNameLabel)
  return left === right ? compareLabels(a, b) : left < right ? -1 : 1
}

function formatSeries(metric: string, labels: Labels, fitName: (name: string) => string): string {
  const isPlain = formatName(metric) === metric
  const inner: string[] = isPlain ? [] : [formatName(metric)]
  for (let index = 0; index < labels.pairs.length; index += 2) {
    const name = labels.pairs[index]!
    if (name === metricNameLabel) continue
    inner.push(`${formatName(fitName(name))}="${escapeValue(labels.pairs[index + 1]!)}"`)
  }
  if (!labels.has('instance')) inner.push('instance=""')
  return `${isPlain ? metric : ''}{${inner.join(',')}}`
}

/** A name as it stands, or quoted where the syntax needs it. */
function formatName(name: string): string {
  return /^[a-zA-Z_:][a-zA-Z0-9_:]*$/.test(name) ? name : `"${escapeValue(name)}"`
}

function escapeValue(value: string): string {
  return value.replace(/[\\"\n]/g, (found) => (found === '\n' ? '\\n' : `\\${found}`))
}
