/**
 * Objectives in OpenSLO's files: `openslo/v1` with indicators, policies and conditions inside or beside
 * it, and the older `openslo/v1alpha`.
 *
 * A query may hold `{{.window}}` where its range stands. Without it a counter gets its rate, if it is a
 * selector or a sum of one; any other query is averaged over the window. What is counted in time slices
 * is the part of bad slices.
 * Source: github.com/OpenSLO/OpenSLO (Apache-2.0), the specification.
 */

import { formatDuration } from '../../base/duration.ts'
import { type ConfigProblem, checkConfig, type ParsedYaml, problemAt } from '../../config/config.ts'
import { z } from '../../config/schema.ts'
import { type FoundSlo, windowQuery } from './read-sloth.ts'
import type { BurnCondition, Indicator, Slo, SloAlert, WindowQuery } from './slo.ts'

const minuteMs = 60_000
const dayMs = 86_400_000

const unitMs = new Map([
  ['m', minuteMs],
  ['h', 60 * minuteMs],
  ['d', dayMs],
  ['w', 7 * dayMs],
  ['M', 30 * dayMs],
  ['Q', 90 * dayMs],
  ['Y', 365 * dayMs],
  ['Minute', minuteMs],
  ['Hour', 60 * minuteMs],
  ['Day', dayMs],
  ['Week', 7 * dayMs],
  ['Month', 30 * dayMs],
  ['Quarter', 90 * dayMs],
  ['Year', 365 * dayMs],
])

/** `30d`; a month counts 30 days, a quarter 90, a year 365. */
const span = z.string().transform((text, context): number => {
  const match = /^(\d+)([mhdwMQY])$/.exec(text)
  if (match !== null && Number(match[1]) > 0) return Number(match[1]) * unitMs.get(match[2]!)!
  context.addIssue({ code: 'custom', message: `"${text}" is not a span such as 5m, 1h, 30d or 1M` })
  return z.NEVER
})

const metricSource = z.looseObject({ spec: z.looseObject({ query: z.string().min(1) }) })
const metric = z.looseObject({ metricSource })
const ratioShape = z.looseObject({
  counter: z.boolean().default(false),
  good: metric.optional(),
  bad: metric.optional(),
  total: metric.optional(),
  rawType: z.enum(['success', 'failure']).optional(),
  raw: metric.optional(),
})
const indicatorSpec = z.looseObject({
  ratioMetric: ratioShape.optional(),
  thresholdMetric: metric.optional(),
})
const metadata = z.looseObject({ name: z.string().min(1), displayName: z.string().optional() })
const conditionSpec = z.looseObject({
  severity: z.string().default('page'),
  condition: z.looseObject({
    kind: z.literal('burnrate').default('burnrate'),
    op: z.enum(['gt', 'gte']).default('gt'),
    threshold: z.number().gt(0),
    lookbackWindow: span,
    alertAfter: span.default(0),
  }),
})
const policySpec = z.looseObject({
  conditions: z.array(
    z.looseObject({
      conditionRef: z.string().optional(),
      metadata: metadata.optional(),
      spec: conditionSpec.optional(),
    }),
  ),
})
const objectiveShape = z.looseObject({
  displayName: z.string().optional(),
  op: z.enum(['lte', 'gte', 'lt', 'gt']).optional(),
  value: z.number().optional(),
  target: z.number().gt(0).lt(1).optional(),
  targetPercent: z.number().gt(0).lt(100).optional(),
  timeSliceTarget: z.number().gt(0).lte(1).optional(),
  timeSliceWindow: span.optional(),
})
const sloSpec = z.looseObject({
  service: z.string().min(1),
  description: z.string().default(''),
  indicator: z.looseObject({ spec: indicatorSpec }).optional(),
  indicatorRef: z.string().optional(),
  timeWindow: z
    .array(z.looseObject({ duration: span }))
    .min(1)
    .max(1),
  budgetingMethod: z.enum(['Occurrences', 'Timeslices', 'RatioTimeslices']).default('Occurrences'),
  objectives: z.array(objectiveShape).min(1),
  alertPolicies: z
    .array(
      z.union([
        z.string(),
        z.looseObject({ alertPolicyRef: z.string().optional(), spec: policySpec.optional() }),
      ]),
    )
    .default([]),
})
const alphaMetric = z.looseObject({ query: z.string().min(1) })
const alphaSpec = z.looseObject({
  service: z.string().min(1),
  description: z.string().default(''),
  timeWindows: z
    .array(z.looseObject({ count: z.number().int().gt(0), unit: z.enum([...unitMs.keys()]) }))
    .min(1),
  objectives: z
    .array(
      z.looseObject({
        target: z.number().gt(0).lt(1),
        ratioMetrics: z.looseObject({
          good: alphaMetric.optional(),
          bad: alphaMetric.optional(),
          total: alphaMetric,
        }),
      }),
    )
    .min(1),
})

type RawSpec = z.output<typeof sloSpec>
type RawObjective = z.output<typeof objectiveShape>
type RawIndicator = z.output<typeof indicatorSpec>

/** Things that objectives name, by kind and name. */
export interface OpenSloLibrary {
  indicators: Map<string, RawIndicator>
  policies: Map<string, z.output<typeof policySpec>>
  conditions: Map<string, z.output<typeof conditionSpec>>
}

/** An empty library. */
export function makeLibrary(): OpenSloLibrary {
  return { indicators: new Map(), policies: new Map(), conditions: new Map() }
}

/** Puts an indicator, policy or condition into the library; whatever else there is concerns others. */
export function collectOpenSlo(parsed: ParsedYaml, library: OpenSloLibrary): void {
  const { kind } = parsed.value as { kind?: unknown }
  const read = <Spec extends z.ZodType>(spec: Spec) =>
    checkConfig(parsed, z.looseObject({ metadata, spec })) as {
      metadata: { name: string }
      spec: z.output<Spec>
    }
  if (kind === 'SLI') {
    const found = read(indicatorSpec)
    library.indicators.set(found.metadata.name, found.spec)
  } else if (kind === 'AlertPolicy') {
    const found = read(policySpec)
    library.policies.set(found.metadata.name, found.spec)
  } else if (kind === 'AlertCondition') {
    const found = read(conditionSpec)
    library.conditions.set(found.metadata.name, found.spec)
  }
}

/** Reads a document of kind SLO; one objective each becomes one. Throws `CONFIG_INVALID`. */
export function readOpenSlo(
  parsed: ParsedYaml,
  library: OpenSloLibrary,
  problems: ConfigProblem[],
): FoundSlo[] {
  const { apiVersion } = parsed.value as { apiVersion?: unknown }
  if (apiVersion === 'openslo/v1alpha') return readAlpha(parsed)
  const { metadata: head, spec } = checkConfig(parsed, z.looseObject({ metadata, spec: sloSpec }))
  const add = (path: PropertyKey[], message: string): void => {
    problems.push(problemAt(parsed, path, message))
  }
  const source =
    spec.indicatorRef === undefined
      ? spec.indicator?.spec
      : library.indicators.get(spec.indicatorRef)
  if (source === undefined) {
    add(['spec'], `there is no indicator "${spec.indicatorRef ?? ''}" in this file`)
    return []
  }
  const conditions = listConditions(spec, library, (message) =>
    add(['spec', 'alertPolicies'], message),
  )
  const hasPolicies = spec.alertPolicies.length > 0
  return spec.objectives.flatMap((objective, index) => {
    const path = ['spec', 'objectives', index]
    const target = objective.targetPercent ?? (objective.target ?? 0) * 100
    if (target === 0) add(path, 'needs "target" or "targetPercent"')
    const indicator = makeIndicator(source, spec, objective)
    if (typeof indicator === 'string') {
      add(path, indicator)
      return []
    }
    const name = spec.objectives.length === 1 ? head.name : `${head.name}-${index}`
    const slo = makeSlo({
      service: spec.service,
      name,
      description: spec.description,
      objectivePercent: Number(target.toPrecision(12)),
      periodMs: spec.timeWindow[0]!.duration,
      indicator,
      spec: 'openslo/v1',
    })
    if (hasPolicies) Object.assign(slo, { page: undefined, ticket: undefined, conditions })
    return [{ slo, queries: [{ path: ['spec'], query: indicator.errorRatio }] }]
  })
}

function readAlpha(parsed: ParsedYaml): FoundSlo[] {
  const { metadata: head, spec } = checkConfig(parsed, z.looseObject({ metadata, spec: alphaSpec }))
  const { count, unit } = spec.timeWindows[0]!
  return spec.objectives.map(({ target, ratioMetrics: { good, bad, total } }, index) => {
    const indicator = eventsOf({
      good: good === undefined ? undefined : windowQuery(good.query),
      bad: bad === undefined ? undefined : windowQuery(bad.query),
      total: windowQuery(total.query),
    })
    const slo = makeSlo({
      service: spec.service,
      // As Sloth names them: an objective is one of several.
      name: `${head.name}-${index}`,
      description: spec.description,
      objectivePercent: Number((target * 100).toPrecision(12)),
      periodMs: count * unitMs.get(unit)!,
      indicator,
      spec: 'openslo/v1alpha',
    })
    return { slo, queries: [{ path: ['spec', 'objectives', index], query: indicator.errorRatio }] }
  })
}

function makeSlo(
  parts: Pick<
    Slo,
    'service' | 'name' | 'description' | 'objectivePercent' | 'periodMs' | 'indicator' | 'spec'
  >,
): Slo {
  const alert = (): SloAlert => ({
    name: 'SloErrorBudgetBurn',
    labels: new Map(),
    annotations: new Map(),
  })
  return {
    ...parts,
    id: `${parts.service}-${parts.name}`,
    labels: new Map(),
    page: alert(),
    ticket: alert(),
    conditions: [],
  }
}

function listConditions(
  spec: RawSpec,
  library: OpenSloLibrary,
  add: (message: string) => void,
): BurnCondition[] {
  const found: BurnCondition[] = []
  for (const policy of spec.alertPolicies) {
    const ref = typeof policy === 'string' ? policy : policy.alertPolicyRef
    const own =
      ref === undefined && typeof policy !== 'string' ? policy.spec : library.policies.get(ref!)
    if (own === undefined) {
      add(`there is no policy "${ref ?? ''}" in this file`)
      continue
    }
    for (const { conditionRef, metadata: head, spec: inner } of own.conditions) {
      const condition = inner ?? library.conditions.get(conditionRef ?? '')
      if (condition === undefined) {
        add(`there is no condition "${conditionRef ?? ''}" in this file`)
        continue
      }
      const { threshold, lookbackWindow, alertAfter } = condition.condition
      found.push({
        name: head?.name ?? conditionRef ?? 'SloErrorBudgetBurn',
        severity: condition.severity,
        threshold,
        windowMs: lookbackWindow,
        holdMs: alertAfter,
      })
    }
  }
  return found
}

/** The indicator of one objective, or what is missing. */
function makeIndicator(
  source: RawIndicator,
  spec: RawSpec,
  objective: RawObjective,
): Indicator | string {
  const slice = spec.budgetingMethod === 'Occurrences' ? undefined : objective.timeSliceWindow
  if (spec.budgetingMethod !== 'Occurrences' && slice === undefined)
    return `budgetingMethod ${spec.budgetingMethod} needs "timeSliceWindow"`
  const { ratioMetric, thresholdMetric } = source
  if (thresholdMetric !== undefined) {
    const { op, value } = objective
    if (op === undefined || value === undefined) return 'a threshold needs "op" and "value"'
    const bad = { lte: '>', lt: '>=', gte: '<', gt: '<=' }[op]
    const query = thresholdMetric.metricSource.spec.query.trim()
    const step = formatDuration(slice ?? minuteMs)
    const inner = query.includes('{{') ? windowQuery(query)(step) : query
    const errorRatio: WindowQuery = (window) =>
      `avg_over_time(((${inner}) ${bad} bool ${value})[${window}:${step}])`
    return { kind: 'ratio', errorRatio }
  }
  if (ratioMetric === undefined) return 'an indicator needs "ratioMetric" or "thresholdMetric"'
  const { counter, good, bad, total, raw, rawType } = ratioMetric
  const over = (one: typeof good): WindowQuery | undefined =>
    one === undefined ? undefined : overWindow(one.metricSource.spec.query, counter)
  let indicator: Indicator
  if (raw !== undefined) {
    const ratio = overWindow(raw.metricSource.spec.query, false)
    const errorRatio: WindowQuery = (window) =>
      rawType === 'failure' ? ratio(window) : `1 - (${ratio(window)})`
    indicator = { kind: 'ratio', errorRatio }
  } else {
    const all = over(total)
    if (all === undefined || (good ?? bad) === undefined)
      return 'a ratio needs "total" and "good" or "bad"'
    indicator = eventsOf({ good: over(good), bad: over(bad), total: all })
  }
  if (slice === undefined) return indicator
  const step = formatDuration(slice)
  const { errorRatio } = indicator
  if (spec.budgetingMethod === 'RatioTimeslices')
    return {
      kind: 'ratio',
      errorRatio: (window) => `avg_over_time((${errorRatio(step)})[${window}:${step}])`,
    }
  const allowed = Number((1 - (objective.timeSliceTarget ?? 1)).toPrecision(12))
  return {
    kind: 'ratio',
    errorRatio: (window) =>
      `avg_over_time(((${errorRatio(step)}) > bool ${allowed})[${window}:${step}])`,
  }
}

function eventsOf(parts: {
  good: WindowQuery | undefined
  bad: WindowQuery | undefined
  total: WindowQuery
}): Indicator {
  const { good, bad, total } = parts
  if (bad !== undefined) {
    const errorRatio: WindowQuery = (window) => `(${bad(window)})\n/\n(${total(window)})`
    return { kind: 'events', errorRatio, badRate: bad, totalRate: total }
  }
  const errorRatio: WindowQuery = (window) => `1 - ((${good!(window)})\n/\n(${total(window)}))`
  const badRate: WindowQuery = (window) => `(${total(window)}) - (${good!(window)})`
  return { kind: 'events', errorRatio, badRate, totalRate: total }
}

/** A query of the file over a window. */
function overWindow(query: string, isCounter: boolean): WindowQuery {
  const text = query.trim()
  if (/\{\{\s*\.window\s*\}\}/.test(text)) return windowQuery(text)
  const sum = /^(sum\s*(?:(?:by|without)\s*\([^()]*\)\s*)?)\(([^()[\]]+)\)$/.exec(text)
  const selector = sum?.[2]?.trim() ?? text
  if (isCounter && /^[\w:]*(?:\{[^{}]*\})?$/.test(selector))
    return (window) =>
      sum === null ? `rate(${selector}[${window}])` : `${sum[1]}(rate(${selector}[${window}]))`
  return isCounter
    ? (window) => `rate((${text})[${window}:1m])`
    : (window) => `avg_over_time((${text})[${window}:1m])`
}
