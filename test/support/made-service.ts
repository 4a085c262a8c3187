/**
 * A made service under a virtual clock: counters, a latency histogram and log lines written second by
 * second into a store in memory, and alerts that fire and end on command. For stories of incidents and
 * deliveries; the query engine over it is the real one.
 */

import { VirtualClock } from '../../src/base/clock.ts'
import { silentLog } from '../../src/base/log.ts'
import { z } from '../../src/config/schema.ts'
import type { AlertFeed } from '../../src/incident/incident.ts'
import type { Alert } from '../../src/model/alert.ts'
import { makeLabels } from '../../src/model/labels.ts'
import { logLevels } from '../../src/model/log-line.ts'
import { SampleBatchBuilder } from '../../src/model/sample.ts'
import { QueryEngine, querySettings } from '../../src/query/query.ts'
import { MemoryStore } from '../../src/store/store.ts'
import { MemoryRecords } from './memory-records.ts'

/** How the service behaves in one second. */
export interface Behaviour {
  version: string
  requestsPerSecond?: number
  /** Share that fails. */
  errorRatio?: number
  /** Share that takes about 0.4 s instead of 0.02 s. */
  slowRatio?: number
  /** A line for every failed request. */
  errorLine?: string
}

const edges = ['0.05', '0.25', '0.5', '+Inf']

/** The world of a story. */
export class MadeService {
  readonly clock = new VirtualClock(Date.UTC(2026, 10, 20, 10, 0, 0))
  readonly store = new MemoryStore({ clock: this.clock })
  readonly records = new MemoryRecords()
  readonly engine: QueryEngine
  readonly name: string
  readonly #alerts = new Map<string, Alert>()
  readonly #listeners = new Set<(changed: readonly Alert[]) => void>()
  /** Running totals by series key. */
  readonly #totals = new Map<string, number>()
  #lastVersion = ''
  #owed = 0

  constructor(name = 'checkout') {
    this.name = name
    this.engine = new QueryEngine({
      querier: this.store,
      logs: this.store,
      settings: z.object(querySettings.top).parse({}),
      clock: this.clock,
      log: silentLog,
    })
  }

  /** The alert desk as incidents see it. */
  readonly feed: AlertFeed = {
    list: () => [...this.#alerts.values()],
    onChange: (listener) => {
      this.#listeners.add(listener)
      return () => this.#listeners.delete(listener)
    },
  }

  /** Lives through `seconds`, one scrape a second. */
  async live(seconds: number, behaviour: Behaviour | (() => Behaviour)): Promise<void> {
    for (let second = 0; second < seconds; second++) {
      await this.clock.advance(1_000)
      await this.#tick(typeof behaviour === 'function' ? behaviour() : behaviour)
    }
  }

  /** Time passes and the service is gone: its series end. */
  async vanish(seconds: number): Promise<void> {
    this.#endVersion(this.#lastVersion)
    this.#lastVersion = ''
    for (let second = 0; second < seconds; second++) await this.clock.advance(1_000)
  }

  /** One gauge sample now. */
  async gauge(metric: string, value: number): Promise<void> {
    const builder = new SampleBatchBuilder(1)
    const labels = makeLabels({ __name__: metric, service: this.name })
    builder.add(this.store.seriesId(labels), this.clock.nowTimeMs(), value)
    await this.store.append(builder.batch)
  }

  /** An alert begins to fire. */
  async fire(
    name: string,
    options: { expression?: string; labels?: Record<string, string>; activeMsAgo?: number } = {},
  ): Promise<Alert> {
    const nowTimeMs = this.clock.nowTimeMs()
    const labels = makeLabels({
      alertname: name,
      service: this.name,
      severity: 'critical',
      ...options.labels,
    })
    const alert: Alert = {
      labels,
      annotations: makeLabels({ summary: `${name} of ${labels.get('service')}` }),
      state: 'firing',
      firedTimeMs: nowTimeMs,
      activeTimeMs: nowTimeMs - (options.activeMsAgo ?? 2_000),
      endTimeMs: nowTimeMs + 300_000,
      value: 1,
      generatorUrl: '',
      rule: { group: 'made', name, expression: options.expression ?? this.errorExpression },
      fingerprint: labels.fingerprint(),
      updatedTimeMs: nowTimeMs,
      held: undefined,
      receivers: ['team'],
    }
    await this.#change(alert)
    return alert
  }

  /** An alert ends. */
  async end(alert: Alert): Promise<void> {
    const nowTimeMs = this.clock.nowTimeMs()
    await this.#change({ ...alert, state: 'resolved', endTimeMs: nowTimeMs })
  }

  /** The rule that the made alerts stand for. */
  get errorExpression(): string {
    return 'sum by (service) (rate(http_requests_total{status="500"}[10s])) / sum by (service) (rate(http_requests_total[10s])) > 0.03'
  }

  async #change(alert: Alert): Promise<void> {
    this.#alerts.set(alert.fingerprint, alert)
    for (const listener of this.#listeners) listener([alert])
    await this.clock.advance(0)
  }

  async #tick(behaviour: Behaviour): Promise<void> {
    const { version, requestsPerSecond = 50, errorRatio = 0, slowRatio = 0 } = behaviour
    if (this.#lastVersion !== '' && this.#lastVersion !== version)
      this.#endVersion(this.#lastVersion)
    const isFirst = this.#lastVersion !== version
    this.#lastVersion = version
    this.#owed += requestsPerSecond * errorRatio
    const badCount = Math.floor(this.#owed)
    this.#owed -= badCount
    const slowCount = Math.round(requestsPerSecond * slowRatio)
    const builder = new SampleBatchBuilder()
    const timeMs = this.clock.nowTimeMs()
    const add = (labels: Record<string, string>, increase: number): void => {
      const full = makeLabels({ service: this.name, version, ...labels })
      // Counters begin at zero with the process.
      const total = isFirst ? 0 : (this.#totals.get(full.key) ?? 0) + increase
      this.#totals.set(full.key, total)
      builder.add(this.store.seriesId(full), timeMs, total)
    }
    add({ __name__: 'http_requests_total', status: '200' }, requestsPerSecond - badCount)
    add({ __name__: 'http_requests_total', status: '500' }, badCount)
    for (const le of edges) {
      const count =
        le === '0.05' || le === '0.25' ? requestsPerSecond - slowCount : requestsPerSecond
      add({ __name__: 'http_request_duration_seconds_bucket', le }, count)
    }
    await this.store.append(builder.batch)
    const lines = [`level=info msg="orders placed" count=${timeMs}`]
    if (behaviour.errorLine !== undefined) {
      for (let index = 0; index < badCount; index++) lines.push(behaviour.errorLine)
    }
    await this.#log(lines, timeMs)
    await this.clock.advance(0)
  }

  async #log(lines: readonly string[], timeMs: number): Promise<void> {
    await this.store.appendLogs({
      count: lines.length,
      streams: [makeLabels({ service_name: this.name })],
      stream: new Uint32Array(lines.length),
      timeNs: BigInt64Array.from(
        lines,
        (_line, index) => BigInt(timeMs) * 1_000_000n + BigInt(index),
      ),
      level: Uint8Array.from(lines, (line) =>
        logLevels.indexOf(line.includes('level=error') ? 'error' : 'info'),
      ),
      line: lines,
    })
  }

  /** The scraper's farewell: stale markers for the series of a version. */
  #endVersion(version: string): void {
    const builder = new SampleBatchBuilder()
    for (const key of this.#totals.keys()) {
      const pairs = key.split('\xff')
      if (pairs[pairs.indexOf('version') + 1] !== version) continue
      const object: Record<string, string> = {}
      for (let index = 0; index < pairs.length; index += 2)
        object[pairs[index]!] = pairs[index + 1]!
      builder.addStale(this.store.seriesId(makeLabels(object)), this.clock.nowTimeMs())
    }
    void this.store.append(builder.batch)
  }
}
