/**
 * One target and its rhythm: fetch a page, turn its lines into rows, hand them to the store, say how
 * it went (`up` and the `scrape_*` series), and end series that vanished with stale markers.
 *
 * Turns stand on a fixed grid (offset + n × interval), so that they never drift; a turn whose
 * predecessor still runs is left out and counted. Lines are recognised through a table of raw bytes,
 * so that a series costs label work only when it is new.
 * Source of the behaviour: prometheus/prometheus scrape/scrape.go (Apache-2.0), re-implemented.
 */

import type { Clock, Timer } from '../../base/clock.ts'
import { CodedError, messageOf } from '../../base/error.ts'
import type { Log } from '../../base/log.ts'
import type { ExemplarRow } from '../../model/exemplar.ts'
import type { Appender } from '../../model/flow.ts'
import { SampleBatchBuilder, type SeriesId } from '../../model/sample.ts'
import type { DropLedger } from '../drops.ts'
import { seriesLimitReason } from '../ingest-appender.ts'
import {
  collectSamples,
  collectScrapeDuration,
  collectScrapes,
  collectScrapesSkipped,
} from '../metrics.ts'
import type { FailureLog } from './failure-log.ts'
import { releasePage } from './gunzip-page.ts'
import { bodySizeLimit, type Page, type PageSource } from './page.ts'
import { PageIntake, type Reading } from './page-intake.ts'
import type { RowPool } from './row-pool.ts'
import type { ScrapeJob, Target } from './target.ts'

/** What a loop works with. */
export interface LoopParts {
  appender: Appender
  clock: Clock
  log: Log
  drops: DropLedger
  rowPool: RowPool
  /** Where failed turns are written too. */
  failureLog?: FailureLog | undefined
  /** Called when the target's health changed. */
  onHealth: () => void
}

/** How the target fares. */
export interface LoopState {
  health: 'up' | 'down' | 'unknown'
  lastError: string
  lastTimeMs: number | undefined
  lastDurationMs: number | undefined
  sampleCount: number
}

/** After so many turns refused series are asked for again: the limit may have room by then. */
const askAgainTurns = 10
/** A turn that begins this late still bears its planned time, so that samples stay evenly spaced. */
const lateMsMax = 10

const reportNames = [
  'up',
  'scrape_duration_seconds',
  'scrape_samples_scraped',
  'scrape_samples_post_metric_relabeling',
  'scrape_series_added',
]
/** Written too when the job asks for them. */
const extraReportNames = ['scrape_timeout_seconds', 'scrape_sample_limit', 'scrape_body_size_bytes']

/** Scrapes one target until stopped. */
export class ScrapeLoop {
  readonly target: Target
  readonly state: LoopState = {
    health: 'unknown',
    lastError: '',
    lastTimeMs: undefined,
    lastDurationMs: undefined,
    sampleCount: 0,
  }
  readonly #job: ScrapeJob
  readonly #source: PageSource
  readonly #parts: LoopParts
  readonly #intake: PageIntake
  #reportIds: SeriesId[] = []
  /** Why every turn fails without asking the target. */
  #forcedFailure: Error | undefined
  #epoch: number
  #timer: Timer | undefined
  /** The turn that runs or comes next. */
  #plannedTimeMs = 0
  #isStopped = false
  #running: Promise<void> | undefined

  constructor(job: ScrapeJob, target: Target, source: PageSource, parts: LoopParts) {
    this.#job = job
    this.target = target
    this.#source = source
    this.#parts = parts
    this.#intake = new PageIntake(job, target, parts.appender)
    this.#epoch = parts.appender.seriesEpoch
  }

  /** Begins; the first turn comes at the target's offset within the interval, or at once. */
  start(isAtOnce = false): void {
    this.#schedule(isAtOnce)
  }

  /** Lets every turn fail with this error, until called with `undefined`. */
  forceFailure(error: Error | undefined): void {
    this.#forcedFailure = error
  }

  /** Ends the loop after the turn that runs. `isGone`: the target left, so its series end too. */
  async stop(isGone: boolean): Promise<void> {
    this.#isStopped = true
    this.#timer?.cancel()
    await this.#running
    if (!isGone || this.#intake.memory.turn === 0) return
    const rows = new SampleBatchBuilder()
    const nowTimeMs = this.#parts.clock.nowTimeMs()
    this.#intake.memory.endAll(rows, nowTimeMs)
    for (const seriesId of this.#reportSeries()) rows.addStale(seriesId, nowTimeMs)
    await this.#append(rows)
  }

  /** One turn now, for tests and for the loop itself. */
  async scrape(plannedTimeMs: number): Promise<void> {
    const { clock } = this.#parts
    const startTimeMs = clock.nowTimeMs()
    const lateMs = Math.abs(startTimeMs - plannedTimeMs)
    const isOnTime = lateMs <= Math.min(lateMsMax, this.target.intervalMs / 100)
    const timeMs = isOnTime ? plannedTimeMs : startTimeMs
    const startMs = clock.monotonicMs()
    this.#intake.memory.turn++
    let page: Page | undefined
    let failure: unknown
    try {
      if (this.#forcedFailure !== undefined) throw this.#forcedFailure
      page = await this.#source()
    } catch (thrown) {
      failure = thrown
    }
    if (this.#isStopped) return
    const durationMs = clock.monotonicMs() - startMs
    // Only now: numbers may have been taken back while the target was asked.
    this.#dropStaleNumbers()
    const pageBytes = page?.body.length ?? (isTooLarge(failure) ? -1 : 0)
    const rows = this.#parts.rowPool.take(this.state.sampleCount + 16)
    let reading: Reading | undefined
    if (page !== undefined) {
      try {
        reading = this.#intake.read(page, timeMs, rows)
      } catch (thrown) {
        failure = thrown
        rows.clear()
      }
      if (page.isOwn === true) releasePage(page.body)
    }
    this.#countDrops(reading)
    const addedCount = reading === undefined ? 0 : this.#settle(reading, timeMs)
    if (reading === undefined) this.#intake.memory.endAll(rows, timeMs)
    const isUp = reading !== undefined
    const values = [
      isUp ? 1 : 0,
      durationMs / 1000,
      reading?.scrapedCount ?? 0,
      reading?.keptCount ?? 0,
      addedCount,
      this.target.timeoutMs / 1000,
      this.#job.sampleCountMax,
      pageBytes,
    ]
    this.#reportSeries().forEach((seriesId, index) => {
      rows.add(seriesId, timeMs, values[index]!)
    })
    await this.#append(rows, reading?.exemplars)
    this.#parts.rowPool.give(rows)
    const reason = failure === undefined ? '' : messageOf(failure)
    if (failure !== undefined) {
      this.#parts.failureLog?.add({ job: this.target.job, url: this.target.url, reason })
    }
    this.#note({ isUp, reason, timeMs, durationMs, sampleCount: reading?.scrapedCount ?? 0 })
    collectScrapeDuration.observe((clock.monotonicMs() - startMs) / 1000)
  }

  // --- rhythm ----------------------------------------------------------------------------------

  #schedule(isAtOnce: boolean): void {
    if (this.#isStopped) return
    const { clock } = this.#parts
    const nowTimeMs = clock.nowTimeMs()
    const { intervalMs, offsetRatio } = this.target
    const offsetMs = Math.floor(offsetRatio * intervalMs)
    // A timer may fire a little early: the turn that was just run does not come again.
    const earlyMs = this.#plannedTimeMs - nowTimeMs
    const isEarly = earlyMs > 0 && earlyMs <= lateMsMax
    const fromTimeMs = isEarly ? this.#plannedTimeMs : nowTimeMs
    const phaseMs = (((fromTimeMs - offsetMs) % intervalMs) + intervalMs) % intervalMs
    const plannedTimeMs = isAtOnce ? nowTimeMs : fromTimeMs + intervalMs - phaseMs
    this.#plannedTimeMs = isAtOnce ? 0 : plannedTimeMs
    this.#timer = clock.after(plannedTimeMs - nowTimeMs, () => {
      this.#running = this.#run(plannedTimeMs)
    })
  }

  async #run(plannedTimeMs: number): Promise<void> {
    try {
      await this.scrape(plannedTimeMs)
    } catch (thrown) {
      this.#parts.log.error(
        { job: this.target.job, url: this.target.url, reason: messageOf(thrown) },
        'A scrape could not be handed to the store; its samples are lost.',
      )
      this.#note({
        isUp: this.state.health === 'up',
        reason: messageOf(thrown),
        timeMs: plannedTimeMs,
        durationMs: this.state.lastDurationMs ?? 0,
        sampleCount: 0,
      })
    }
    const lateMs = this.#parts.clock.nowTimeMs() - plannedTimeMs
    const skippedCount = Math.floor(lateMs / this.target.intervalMs)
    if (skippedCount > 0) collectScrapesSkipped.inc(skippedCount)
    this.#schedule(false)
  }

  #note(turn: {
    isUp: boolean
    reason: string
    timeMs: number
    durationMs: number
    sampleCount: number
  }): void {
    const health = turn.isUp ? 'up' : 'down'
    const hasChanged = this.state.health !== health || this.state.lastError !== turn.reason
    const facts = { job: this.target.job, url: this.target.url, reason: turn.reason }
    if (health === 'down' && this.state.health !== 'down') {
      this.#parts.log.warn(facts, 'A target is down.')
    } else if (health === 'up' && this.state.health === 'down') {
      this.#parts.log.info(facts, 'A target is up again.')
    }
    Object.assign(this.state, {
      health,
      lastError: turn.reason,
      lastTimeMs: turn.timeMs,
      lastDurationMs: turn.durationMs,
      sampleCount: turn.sampleCount,
    } satisfies LoopState)
    collectScrapes.inc({ outcome: turn.isUp ? 'ok' : 'failed' })
    if (hasChanged) this.#parts.onHealth()
  }

  // --- pages ---------------------------------------------------------------------------------

  #settle(reading: Reading, timeMs: number): number {
    const { memory } = this.#intake
    const addedCount = memory.settle(reading.newIds, reading.rows, timeMs)
    const shouldAskAgain = reading.refusedCount > 0 && memory.turn % askAgainTurns === 0
    if (shouldAskAgain || memory.isCrowded) this.#intake.rebuild()
    return addedCount
  }

  #countDrops(reading: Reading | undefined): void {
    if (reading === undefined) return
    const { drops } = this.#parts
    const { job } = this.target
    drops.add('scrape', job, { reason: seriesLimitReason, count: reading.refusedCount })
    drops.add('scrape', job, { reason: 'histogram-invalid', count: reading.brokenCount })
  }

  /** The store took numbers back: ours may mean other series now. */
  #dropStaleNumbers(): void {
    const { seriesEpoch } = this.#parts.appender
    if (seriesEpoch === this.#epoch) return
    this.#epoch = seriesEpoch
    this.#reportIds = []
    // Living series keep their numbers: only ended ones are given to others.
    this.#intake.rebuild()
  }

  // --- store -----------------------------------------------------------------------------------

  #reportSeries(): SeriesId[] {
    if (this.#reportIds.length === 0) {
      const names = this.#job.hasExtraMetrics ? [...reportNames, ...extraReportNames] : reportNames
      this.#reportIds = names.map((name) =>
        this.#parts.appender.seriesId(this.target.labels.with('__name__', name)),
      )
    }
    return this.#reportIds
  }

  async #append(rows: SampleBatchBuilder, exemplars?: readonly ExemplarRow[]): Promise<void> {
    const { appender, drops } = this.#parts
    if (rows.batch.count === 0) return
    const result = await appender.append(rows.batch)
    collectSamples.inc({ source: 'scrape' }, result.accepted)
    drops.addRejected('scrape', this.target.job, result.reasons)
    if (exemplars === undefined || exemplars.length === 0) return
    drops.addExemplars('scrape', this.target.job, await appender.appendExemplars?.(exemplars))
  }
}

function isTooLarge(failure: unknown): boolean {
  return (
    failure instanceof CodedError &&
    failure.code === 'COLLECT_SCRAPE_LIMIT_EXCEEDED' &&
    failure.facts['limit'] === bodySizeLimit
  )
}
