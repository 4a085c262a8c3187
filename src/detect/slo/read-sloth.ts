/**
 * Objectives in Sloth's files: `version: prometheus/v1`, and the Kubernetes object
 * `PrometheusServiceLevel`, which says the same in camel case.
 * Source: sloth.dev/specs (Apache-2.0), behaviour re-implemented. Plugins run code of others and are refused.
 */

import { checkConfig, type ParsedYaml } from '../../config/config.ts'
import { labelMap, z } from '../../config/schema.ts'
import type { Indicator, Slo, SloAlert, WindowQuery } from './slo.ts'

const dayMs = 86_400_000
/** Sloth's own default. */
const periodMs = 30 * dayMs

const text = z.string()
const alertShape = z.strictObject({
  disable: z.boolean().default(false),
  labels: labelMap('Labels of the alert.').default({}),
  annotations: labelMap('Annotations of the alert.').default({}),
})
const plugin = z.never('plugins are code of others; write the queries with "events" or "raw"')

const sloShape = z.strictObject({
  name: text.min(1),
  description: text.default(''),
  objective: z.number().gt(0).lt(100),
  labels: labelMap('Labels of the series.').default({}),
  sli: z.strictObject({
    events: z.strictObject({ error_query: text.min(1), total_query: text.min(1) }).optional(),
    raw: z.strictObject({ error_ratio_query: text.min(1) }).optional(),
    plugin: plugin.optional(),
  }),
  alerting: z.strictObject({
    name: text.default(''),
    labels: labelMap('Labels of both alerts.').default({}),
    annotations: labelMap('Annotations of both alerts.').default({}),
    page_alert: alertShape.prefault({}),
    ticket_alert: alertShape.prefault({}),
  }),
  /** Plugins change the rules that Sloth makes; those made here stay as they are. */
  plugins: z.unknown().optional(),
})

const specShape = z.strictObject({
  version: text.optional(),
  service: text.min(1),
  labels: labelMap('Labels of all series.').default({}),
  slo_plugins: z.unknown().optional(),
  slos: z.array(sloShape).min(1),
})

const fileShape = specShape.extend({ version: z.literal('prometheus/v1') })
const objectShape = z.looseObject({
  kind: z.literal('PrometheusServiceLevel'),
  spec: z.preprocess(toSnakeCase, specShape),
})

type RawSpec = z.output<typeof specShape>
type RawSlo = z.output<typeof sloShape>

/** An objective with the places of its queries in the file. */
export interface FoundSlo {
  slo: Slo
  queries: { path: PropertyKey[]; query: WindowQuery }[]
}

/** Reads a document, which is known to be Sloth's. Throws `CONFIG_INVALID`. */
export function readSloth(parsed: ParsedYaml): FoundSlo[] {
  const isObject = (parsed.value as { kind?: unknown }).kind !== undefined
  const spec = isObject ? checkConfig(parsed, objectShape).spec : checkConfig(parsed, fileShape)
  const path = isObject ? ['spec'] : []
  return spec.slos.map((raw, index) =>
    makeSlo(raw, spec, { path: [...path, 'slos', index], isObject }),
  )
}

function makeSlo(
  raw: RawSlo,
  spec: RawSpec,
  { path, isObject }: { path: PropertyKey[]; isObject: boolean },
): FoundSlo {
  const { alerting } = raw
  const alert = (own: RawSlo['alerting']['page_alert']): SloAlert | undefined =>
    own.disable
      ? undefined
      : {
          name: alerting.name === '' ? 'SloErrorBudgetBurn' : alerting.name,
          labels: new Map(Object.entries({ ...alerting.labels, ...own.labels })),
          annotations: new Map(Object.entries({ ...alerting.annotations, ...own.annotations })),
        }
  const { indicator, queries } = readIndicator(raw, path)
  const slo: Slo = {
    id: `${spec.service}-${raw.name}`,
    service: spec.service,
    name: raw.name,
    description: raw.description,
    objectivePercent: raw.objective,
    periodMs,
    labels: new Map(Object.entries({ ...spec.labels, ...raw.labels })),
    indicator,
    page: alert(alerting.page_alert),
    ticket: alert(alerting.ticket_alert),
    conditions: [],
    spec: isObject ? 'sloth.slok.dev/v1' : 'prometheus/v1',
  }
  return { slo, queries }
}

function readIndicator(
  raw: RawSlo,
  path: PropertyKey[],
): { indicator: Indicator; queries: FoundSlo['queries'] } {
  const { events, raw: ratio } = raw.sli
  if (events !== undefined) {
    const badRate = windowQuery(events.error_query)
    const totalRate = windowQuery(events.total_query)
    const errorRatio: WindowQuery = (window) => `(${badRate(window)})\n/\n(${totalRate(window)})`
    const at = [...path, 'sli', 'events']
    return {
      indicator: { kind: 'events', errorRatio, badRate, totalRate },
      queries: [
        { path: at, query: badRate },
        { path: at, query: totalRate },
      ],
    }
  }
  const errorRatio = windowQuery(ratio?.error_ratio_query ?? '')
  return {
    indicator: { kind: 'ratio', errorRatio },
    queries: [{ path: [...path, 'sli'], query: errorRatio }],
  }
}

/** A query in which `{{.window}}` stands for the window. */
export function windowQuery(query: string): WindowQuery {
  return (window) => query.trim().replaceAll(/\{\{\s*\.window\s*\}\}/g, window)
}

/** Keys of the Kubernetes object as the plain file has them; values and labels stay. */
function toSnakeCase(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(toSnakeCase)
  if (typeof value !== 'object' || value === null) return value
  const rows = Object.entries(value).map(([key, inner]) => [
    key.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
    key === 'labels' || key === 'annotations' ? inner : toSnakeCase(inner),
  ])
  return Object.fromEntries(rows)
}
