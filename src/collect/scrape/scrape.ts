/**
 * All scraping: the jobs of the configuration with their discovered targets, and pages of our own
 * process that are read without HTTP (our metrics, the host agent) but with the same rules.
 */

import type { Clock } from '../../base/clock.ts'
import { formatDuration } from '../../base/duration.ts'
import { messageOf } from '../../base/error.ts'
import { redactUrl } from '../../base/http-client.ts'
import type { Log } from '../../base/log.ts'
import { Secret } from '../../base/secret.ts'
import type { Appender } from '../../model/flow.ts'
import { emptyLabels, type Labels, makeLabels } from '../../model/labels.ts'
import { z } from '../../config/schema.ts'
import { compileRelabel, relabel } from '../../prepare/prepare.ts'
import { makeDiscoveries } from '../discover/all.ts'
import type { Discovery, TargetGroup } from '../discover/discover.ts'
import type { DropLedger } from '../drops.ts'
import { collectErrors } from '../errors.ts'
import { HttpAccess } from '../http-access.ts'
import { collectTargets } from '../metrics.ts'
import { type CollectSettings, collectSettings, type ScrapeConfig } from '../settings.ts'
import { FailureLog } from './failure-log.ts'
import { ScrapeLoop } from './loop.ts'
import { makePageSource, type PageSource } from './page.ts'
import { RowPool } from './row-pool.ts'
import { hashRatio, makeScrapeJob, makeTarget, type ScrapeJob } from './target.ts'

/** Targets of one job beyond this are not scraped, and the job says so. */
const jobTargetsMax = 100_000
/** Problems that a job tells at most. */
const problemsMax = 10

/** An active target in the shape of `/api/v1/targets`. */
export interface PrometheusTarget {
  discoveredLabels: Record<string, string>
  labels: Record<string, string>
  scrapePool: string
  scrapeUrl: string
  globalUrl: string
  lastError: string
  /** RFC 3339; the zero time when it was never scraped. */
  lastScrape: string
  /** Seconds. */
  lastScrapeDuration: number
  health: 'up' | 'down' | 'unknown'
  scrapeInterval: string
  scrapeTimeout: string
}

/** What scraping works with. */
export interface ScraperParts {
  appender: Appender
  clock: Clock
  log: Log
  drops: DropLedger
  version: string
  onChange: () => void
}

interface Pool {
  job: ScrapeJob
  access: HttpAccess
  /** The configuration as text: equal text means that nothing changed. */
  fingerprint: string
  discoveries: Discovery[]
  groups: Map<Discovery, { groups: readonly TargetGroup[]; problems: readonly string[] }>
  loops: Map<string, ScrapeLoop>
  /** What is wrong with discovered targets. */
  problems: string[]
  /** Label sets that relabeling dropped, up to the job's limit, and how many there are. */
  dropped: Labels[]
  droppedCount: number
}

/** A target that relabeling dropped, in the shape of `/api/v1/targets`. */
export interface DroppedTarget {
  discoveredLabels: Record<string, string>
  scrapePool: string
}

/** One rule of relabeling and what it left, in the shape of `/api/v1/targets/relabel_steps`. */
export interface RelabelStep {
  rule: object
  output: Record<string, string>
  keep: boolean
}

/** A page of our own process. */
export interface OwnPage {
  job: string
  instance: string
  intervalMs: number
  source: PageSource
}

/** Runs every scrape loop. */
export class Scraper {
  readonly #parts: ScraperParts
  readonly #pools = new Map<string, Pool>()
  readonly #own = new Map<string, ScrapeLoop>()
  /** Loops that are ending; awaited at stop. */
  readonly #ending = new Set<Promise<void>>()
  readonly #rowPool = new RowPool()
  readonly #failureLogs = new Map<string, FailureLog>()
  #isStopped = false

  constructor(parts: ScraperParts) {
    this.#parts = parts
  }

  /** Makes the jobs be as configured; targets that stay keep their loops. */
  async configure(settings: CollectSettings): Promise<void> {
    const wanted = new Map<string, { config: ScrapeConfig; fingerprint: string }>()
    for (const config of settings.scrape_configs) {
      wanted.set(config.job_name, { config, fingerprint: fingerprintOf(config, settings.global) })
    }
    for (const [name, pool] of this.#pools) {
      if (wanted.get(name)?.fingerprint !== pool.fingerprint) this.#closePool(name, pool)
    }
    const starts: Promise<void>[] = []
    for (const [name, { config, fingerprint }] of wanted) {
      if (this.#pools.has(name)) continue
      const { clock, version } = this.#parts
      const pool: Pool = {
        job: makeScrapeJob(config, settings.global, compileRelabel),
        access: new HttpAccess(config, clock),
        fingerprint,
        discoveries: makeDiscoveries(config, clock, version),
        groups: new Map(),
        loops: new Map(),
        problems: [],
        dropped: [],
        droppedCount: 0,
      }
      this.#pools.set(name, pool)
      for (const discovery of pool.discoveries) starts.push(this.#startDiscovery(pool, discovery))
    }
    await Promise.all(starts)
    this.#parts.onChange()
  }

  /** Reads a page of our own at its rhythm; a page with the same job and instance is replaced. */
  addOwn(page: OwnPage): void {
    const key = `${page.job}\xff${page.instance}`
    this.removeOwn(page.job, page.instance)
    const labels = makeLabels({ job: page.job, instance: page.instance })
    const loop = new ScrapeLoop(
      makeOwnJob(page.job),
      {
        key,
        job: page.job,
        discovered: emptyLabels,
        labels,
        url: `internal://${page.job}`,
        intervalMs: page.intervalMs,
        timeoutMs: page.intervalMs,
        offsetRatio: hashRatio(key),
      },
      page.source,
      this.#loopParts(),
    )
    this.#own.set(key, loop)
    loop.start(true)
  }

  /** Stops reading a page of our own; its series end. */
  removeOwn(job: string, instance: string): void {
    const key = `${job}\xff${instance}`
    const loop = this.#own.get(key)
    if (loop === undefined) return
    this.#own.delete(key)
    this.#end(loop)
  }

  /** Ends all loops after the turns that run. Series do not end: a restart goes on with them. */
  async stop(): Promise<void> {
    this.#isStopped = true
    const loops: ScrapeLoop[] = [...this.#own.values()]
    for (const pool of this.#pools.values()) {
      for (const discovery of pool.discoveries) discovery.stop()
      loops.push(...pool.loops.values())
    }
    await Promise.all([...loops.map((loop) => loop.stop(false)), ...this.#ending])
    await Promise.all([...this.#failureLogs.values()].map((file) => file.close()))
  }

  /** Every loop with the kind of its source. */
  list(): { kind: 'own' | 'http'; loop: ScrapeLoop }[] {
    const rows: { kind: 'own' | 'http'; loop: ScrapeLoop }[] = []
    for (const loop of this.#own.values()) rows.push({ kind: 'own', loop })
    for (const pool of this.#pools.values()) {
      for (const loop of pool.loops.values()) rows.push({ kind: 'http', loop })
    }
    return rows
  }

  /** What is wrong with discovery, by job. */
  problems(): { job: string; message: string }[] {
    const rows: { job: string; message: string }[] = []
    for (const [job, pool] of this.#pools) {
      for (const message of pool.problems.slice(0, problemsMax)) rows.push({ job, message })
    }
    return rows
  }

  /** As `/api/v1/targets` shows them. */
  targets(): PrometheusTarget[] {
    return this.list()
      .filter(({ kind }) => kind === 'http')
      .map(({ loop }) => viewTarget(loop))
  }

  /** What each rule of a job makes of a discovered label set; `undefined` when there is no such job. */
  relabelSteps(jobName: string, discovered: Labels): RelabelStep[] | undefined {
    const rules = this.#pools.get(jobName)?.job.relabelRules
    if (rules === undefined) return undefined
    const steps: RelabelStep[] = []
    for (const [index, rule] of rules.entries()) {
      const labels = relabel(discovered, rules.slice(0, index + 1))
      const { pattern: _pattern, ...config } = rule
      steps.push({ rule: config, output: labels?.toObject() ?? {}, keep: labels !== undefined })
      if (labels === undefined) break
    }
    return steps
  }

  /** Targets that relabeling dropped, as far as they are remembered, and how many there are by job. */
  droppedTargets(): { targets: DroppedTarget[]; counts: Record<string, number> } {
    const targets: DroppedTarget[] = []
    const counts = Object.create(null) as Record<string, number>
    for (const [scrapePool, pool] of this.#pools) {
      counts[scrapePool] = pool.droppedCount
      for (const labels of pool.dropped) {
        targets.push({ discoveredLabels: labels.toObject(), scrapePool })
      }
    }
    return { targets, counts }
  }

  async #startDiscovery(pool: Pool, discovery: Discovery): Promise<void> {
    await discovery.start((groups, problems) => {
      pool.groups.set(discovery, { groups, problems })
      for (const reason of problems) {
        this.#parts.log.warn({ job: pool.job.config.job_name, reason }, 'Discovery failed.')
      }
      this.#sync(pool)
    })
  }

  /** Starts and ends loops so that they are the pool's targets. */
  #sync(pool: Pool): void {
    if (this.#isStopped || this.#pools.get(pool.job.config.job_name) !== pool) return
    const seen = new Set<string>()
    pool.problems = []
    pool.dropped = []
    pool.droppedCount = 0
    for (const discovery of pool.discoveries) {
      const found = pool.groups.get(discovery)
      pool.problems.push(...(found?.problems ?? []))
      for (const group of found?.groups ?? []) {
        for (const labels of group.targets) this.#syncTarget(pool, labels, seen)
      }
    }
    for (const [key, loop] of pool.loops) {
      if (seen.has(key)) continue
      pool.loops.delete(key)
      this.#end(loop)
    }
    this.#limit(pool)
    this.#parts.onChange()
  }

  #syncTarget(pool: Pool, found: Labels, seen: Set<string>): void {
    const outcome = makeTarget(pool.job, found)
    if (outcome.kind === 'dropped') {
      pool.droppedCount++
      if (pool.dropped.length < pool.job.droppedCountMax) pool.dropped.push(outcome.discovered)
      return
    }
    if (outcome.kind === 'invalid') {
      if (pool.problems.length < problemsMax) pool.problems.push(outcome.reason)
      return
    }
    const { target } = outcome
    if (seen.has(target.key)) return
    if (seen.size >= jobTargetsMax) {
      const reason = `more than ${jobTargetsMax} targets; the others are left out`
      if (!pool.problems.includes(reason)) pool.problems.unshift(reason)
      return
    }
    seen.add(target.key)
    if (pool.loops.has(target.key)) return
    const { job, access } = pool
    const source = makePageSource({ job, target, access, version: this.#parts.version })
    const loop = new ScrapeLoop(pool.job, target, source, this.#loopParts(job))
    pool.loops.set(target.key, loop)
    loop.start()
  }

  /** With more targets than allowed all of them fail, as in Prometheus: none is better than some. */
  #limit(pool: Pool): void {
    const { targetCountMax: max } = pool.job
    const isOver = max > 0 && pool.loops.size > max
    const error = isOver
      ? collectErrors.SCRAPE_LIMIT_EXCEEDED({
          limit: 'target_limit',
          max,
          got: `${pool.loops.size} targets`,
        })
      : undefined
    if (error !== undefined) pool.problems.unshift(error.message)
    for (const loop of pool.loops.values()) loop.forceFailure(error)
  }

  #closePool(name: string, pool: Pool): void {
    this.#pools.delete(name)
    for (const discovery of pool.discoveries) discovery.stop()
    for (const loop of pool.loops.values()) this.#end(loop)
  }

  #end(loop: ScrapeLoop): void {
    const ending = loop
      .stop(true)
      .catch((thrown: unknown) => {
        this.#parts.log.warn({ reason: messageOf(thrown) }, 'Series of a target were not ended.')
      })
      .finally(() => this.#ending.delete(ending))
    this.#ending.add(ending)
  }

  #loopParts(job?: ScrapeJob) {
    const { appender, clock, log, drops } = this.#parts
    return {
      appender,
      clock,
      log,
      drops,
      rowPool: this.#rowPool,
      failureLog: job?.failureLogFile ? this.#findFailureLog(job.failureLogFile) : undefined,
      onHealth: () => {
        this.#countTargets()
        this.#parts.onChange()
      },
    }
  }

  /** One for each file, whatever jobs write to it. */
  #findFailureLog(path: string): FailureLog {
    const { clock, log } = this.#parts
    const found = this.#failureLogs.get(path) ?? new FailureLog(path, { clock, log })
    this.#failureLogs.set(path, found)
    return found
  }

  #countTargets(): void {
    const counts = { up: 0, down: 0, unknown: 0 }
    for (const { loop } of this.list()) counts[loop.state.health]++
    for (const health of ['up', 'down', 'unknown'] as const) {
      collectTargets.set({ health }, counts[health])
    }
  }
}

/** Secrets print as `<secret>`, so a changed one is found by its value. */
function fingerprintOf(config: ScrapeConfig, global: CollectSettings['global']): string {
  return JSON.stringify([config, global], function revealSecret(key, value: unknown) {
    const raw = (this as Record<string, unknown>)[key]
    return raw instanceof Secret ? raw.reveal() : value
  })
}

function makeOwnJob(name: string): ScrapeJob {
  const config = collectSettings.top.scrape_configs.parse([{ job_name: name }])[0]!
  const global = z.object(collectSettings.global).parse({})
  return { ...makeScrapeJob(config, global, () => []), bodyBytesMax: Number.POSITIVE_INFINITY }
}

function viewTarget(loop: ScrapeLoop): PrometheusTarget {
  const { target, state } = loop
  return {
    discoveredLabels: target.discovered.toObject(),
    labels: target.labels.toObject(),
    scrapePool: target.job,
    scrapeUrl: hideUser(target.url),
    globalUrl: hideUser(target.url),
    lastError: state.lastError,
    lastScrape:
      state.lastTimeMs === undefined
        ? '0001-01-01T00:00:00Z'
        : new Date(state.lastTimeMs).toISOString(),
    lastScrapeDuration: (state.lastDurationMs ?? 0) / 1000,
    health: state.health,
    scrapeInterval: formatDuration(target.intervalMs),
    scrapeTimeout: formatDuration(target.timeoutMs),
  }
}

function hideUser(url: string): string {
  return url.includes('@') ? redactUrl(url) : url
}
