/**
 * `/api/v1/targets`, `/scrape_pools`, `/targets/metadata` and `/metadata` in Prometheus's shapes: who is
 * scraped and what the metrics are said to be. What is pushed has no target but has metadata.
 */

import { z } from '../../config/schema.ts'
import { compareText, type Labels, makeLabels } from '../../model/labels.ts'
import { makeMatcher, matchesAll } from '../../model/matcher.ts'
import type { MetricMetadata } from '../../model/flow.ts'
import { serverErrors } from '../errors.ts'
import { queryOf } from '../request.ts'
import type { AddRoute, RouteContext } from '../route/route.ts'
import { withParameter } from './parameter.ts'
import { sendSuccess } from './result.ts'

/** How far back a target's metrics are looked for. */
const metadataRangeMs = 600_000
/** Names that the parts of a family have behind the family's. */
const partSuffix = /_(?:total|bucket|count|sum|created|info)$/

/** Adds the routes of targets and metadata. */
export function addPrometheusTargetRoutes(add: AddRoute, context: RouteContext): void {
  const { store, collector } = context.parts

  add('GET', '/metadata', async (request, reply) => {
    const parameters = queryOf(request)
    const limit = countParameter(parameters, 'limit')
    const perMetric = countParameter(parameters, 'limit_per_metric')
    const entries: string[] = []
    for (const [metric, { type, help, unit }] of store.metadata(
      parameters.get('metric') || undefined,
    )) {
      if (entries.length >= limit) break
      const told = perMetric === 0 ? '' : JSON.stringify({ type, help, unit })
      entries.push(`${JSON.stringify(metric)}:[${told}]`)
    }
    return sendSuccess(reply, `{${entries.join(',')}}`)
  })

  add('GET', '/targets', async (request, reply) => {
    const parameters = queryOf(request)
    const state = (parameters.get('state') ?? '').toLowerCase()
    const pool = parameters.get('scrapePool') ?? ''
    const isActive = state === '' || state === 'any' || state === 'active'
    const all = isActive ? collector.targets() : []
    const activeTargets = all.filter((target) => pool === '' || target.scrapePool === pool)
    if (state !== '' && state !== 'any' && state !== 'dropped') {
      return sendSuccess(reply, JSON.stringify({ activeTargets, droppedTargets: [] }))
    }
    const { targets, counts } = collector.droppedTargets()
    const droppedTargets = targets.filter((target) => pool === '' || target.scrapePool === pool)
    const answer = { activeTargets, droppedTargets, droppedTargetCounts: counts }
    return sendSuccess(reply, JSON.stringify(answer))
  })

  add('GET', '/targets/relabel_steps', async (request, reply) => {
    const parameters = queryOf(request)
    const pool = needParameter(parameters, 'scrapePool')
    const labels = readLabels(needParameter(parameters, 'labels'))
    const steps = collector.relabelSteps(pool, labels)
    if (steps === undefined) {
      throw serverErrors.PARAMETER_INVALID({ text: `unknown scrape pool ${JSON.stringify(pool)}` })
    }
    return sendSuccess(reply, JSON.stringify({ steps }))
  })

  add('GET', '/scrape_pools', async (_request, reply) => {
    const pools = new Set(collector.targets().map((target) => target.scrapePool))
    return sendSuccess(reply, JSON.stringify({ scrapePools: [...pools].sort(compareText) }))
  })

  add('GET', '/targets/metadata', async (request, reply) => {
    const parameters = queryOf(request)
    const limit = countParameter(parameters, 'limit')
    const metric = parameters.get('metric') ?? ''
    const isWanted = makeTargetFilter(context, parameters.get('match_target') ?? '')
    const rows: object[] = []
    for (const { labels } of collector.targets()) {
      if (rows.length >= limit) break
      const set = makeLabels(labels)
      if (!isWanted(set)) continue
      const names = await listMetrics(context, set, request.goneSignal)
      for (const [family, { type, help, unit }] of listFamilies(store, names, metric)) {
        if (rows.length >= limit) break
        rows.push({
          target: labels,
          ...(metric === '' ? { metric: family } : {}),
          ...{ type, help, unit },
        })
      }
    }
    return sendSuccess(reply, JSON.stringify(rows))
  })
}

function needParameter(parameters: URLSearchParams, name: string): string {
  const text = parameters.get(name) ?? ''
  if (text === '') {
    throw serverErrors.PARAMETER_INVALID({ text: `no ${name} parameter provided` })
  }
  return text
}

const labelObject = z.record(z.string(), z.string())

/** A label set as a JSON object. */
function readLabels(text: string): Labels {
  try {
    const parsed = labelObject.safeParse(JSON.parse(text))
    if (parsed.success) return makeLabels(parsed.data)
  } catch {
    // Told below, with what is expected.
  }
  const reason = 'labels must be a JSON object of texts'
  throw serverErrors.PARAMETER_INVALID({ text: `error parsing labels: ${reason}` })
}

/** A limit in the words of these routes; infinite when absent, since 0 means none here. */
function countParameter(parameters: URLSearchParams, name: string): number {
  const text = parameters.get(name) ?? ''
  if (text === '') return Number.POSITIVE_INFINITY
  if (!/^[-+]?\d{1,15}$/.test(text)) {
    throw serverErrors.PARAMETER_INVALID({ text: `${name} must be a number` })
  }
  const count = Number(text)
  return count < 0 ? Number.POSITIVE_INFINITY : count
}

function makeTargetFilter(context: RouteContext, text: string): (labels: Labels) => boolean {
  if (text === '') return () => true
  const matchers = withParameter('match_target', () => context.parts.engine.parseSelector(text))
  return (labels) => matchesAll(matchers, labels)
}

/** Names of the series that bear a target's labels. */
async function listMetrics(
  context: RouteContext,
  target: Labels,
  signal: AbortSignal,
): Promise<string[]> {
  const { store, clock } = context.parts
  const matchers = []
  for (let at = 0; at < target.pairs.length; at += 2)
    matchers.push(makeMatcher(target.pairs[at]!, '=', target.pairs[at + 1]!))
  const endTimeMs = clock.nowTimeMs()
  const startTimeMs = endTimeMs - metadataRangeMs
  return store.labelValues('__name__', { matchers, startTimeMs, endTimeMs, signal })
}

/** The families that the names belong to, with what is known of them; only `wanted` unless that is empty. */
function listFamilies(
  store: RouteContext['parts']['store'],
  names: readonly string[],
  wanted: string,
): Map<string, MetricMetadata> {
  const known = store.metadata(wanted === '' ? undefined : wanted)
  const families = new Map<string, MetricMetadata>()
  for (const name of names) {
    for (const family of [name, name.replace(partSuffix, '')]) {
      const metadata = known.get(family)
      if (metadata === undefined) continue
      families.set(family, metadata)
      break
    }
  }
  return families
}
