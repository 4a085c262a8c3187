/**
 * Our own metrics, declared beside the code as described data: `shipwatch_<folder>_<noun>_<unit>`.
 * One registry per process; the reference page is generated from it. Counting must stay cheap: hot
 * loops count per batch, never per sample.
 */

import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'

const registry = new Registry()

/** One declared metric, for the reference page. */
export interface MetricDescription {
  name: string
  type: 'counter' | 'gauge' | 'histogram'
  help: string
  labels: readonly string[]
}

const described: MetricDescription[] = []

interface MetricSpec {
  name: string
  help: string
  labels?: readonly string[]
}

/** Declares a counter; the name ends in `_total`. */
export function counter(spec: MetricSpec): Counter<string> {
  return declare(
    'counter',
    spec,
    (labelNames) => new Counter({ ...spec, labelNames, registers: [registry] }),
  )
}

/** Declares a gauge. `read`, when given, is called at each scrape. */
export function gauge(spec: MetricSpec & { read?: (self: Gauge<string>) => void }): Gauge<string> {
  const { read, ...rest } = spec
  return declare(
    'gauge',
    rest,
    (labelNames) =>
      new Gauge({
        ...rest,
        labelNames,
        registers: [registry],
        ...(read === undefined
          ? {}
          : {
              collect: function collect(this: Gauge<string>) {
                read(this)
              },
            }),
      }),
  )
}

/** Declares a histogram; `buckets` in the unit of the name. */
export function histogram(spec: MetricSpec & { buckets: number[] }): Histogram<string> {
  return declare(
    'histogram',
    spec,
    (labelNames) => new Histogram({ ...spec, labelNames, registers: [registry] }),
  )
}

function declare<Metric>(
  type: MetricDescription['type'],
  spec: MetricSpec,
  make: (labelNames: string[]) => Metric,
): Metric {
  const labels = spec.labels ?? []
  described.push({ name: spec.name, type, help: spec.help, labels })
  return make([...labels])
}

/** Adds the process's own figures (CPU, memory, event loop) under the prefix `shipwatch_`. */
export function collectProcessMetrics(): void {
  if (registry.getSingleMetric('shipwatch_process_cpu_seconds_total') === undefined) {
    collectDefaultMetrics({ register: registry, prefix: 'shipwatch_' })
  }
}

/** The exposition page in text format 0.0.4. */
export function renderMetrics(): Promise<string> {
  return registry.metrics()
}

/** Content type of `renderMetrics`. */
export const metricsContentType = 'text/plain; version=0.0.4; charset=utf-8'

/** Every metric declared so far, by name. */
export function listMetrics(): MetricDescription[] {
  return [...described].sort((a, b) => (a.name < b.name ? -1 : 1))
}

export type { Counter, Gauge, Histogram }
