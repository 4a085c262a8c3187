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
import type { Appender, MetricMetadata } from '../../model/flow.ts'
import { type Labels, labelsFromPairs } from '../../model/labels.ts'
import { SampleBatchBuilder, type SeriesId } from '../../model/sample.ts'
import { relabel, validateLabels } from '../../prepare/prepare.ts'
import { ByteTable } from '../byte-table.ts'
import type { DropLedger } from '../drops.ts'
import { collectErrors } from '../errors.ts'
import { admitSeries, seriesLimitReason } from '../ingest-appender.ts'
import {
  collectSamples,
  collectScrapeDuration,
  collectScrapes,
  collectScrapesSkipped,
} from '../metrics.ts'
import { ExpositionReader } from './exposition.ts'
import { formatBound, isNumber, parseNumber } from './number.ts'
import { bodySizeLimit, type Page, type PageSource } from './page.ts'
import type { ScrapeJob, Target } from './target.ts'

/** What a loop works with. */
export interface LoopParts {
  appender: Appender
  clock: Clock
  log: Log
  drops: DropLedger
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

/** Table value of a series that relabeling dropped. */
const droppedMark = 0xffff_ffff
/** Table value of a series beyond the limit of its job. */
const refusedMark = 0xffff_fffd
/** Numbers from here on are no series. */
const marksStart = refusedMark
/** A table is rebuilt when it holds this many entries beyond twice the living ones. */
const deadEntriesMax = 2000
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

interface Reading {
  rows: SampleBatchBuilder
  scrapedCount: number
  keptCount: number
  /** Samples of series beyond the limit of the job. */
  refusedCount: number
  newIds: SeriesId[]
  described: Map<string, MetricMetadata>
}

const noMetadata: MetricMetadata = { type: 'unknown', help: '', unit: '' }

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
  readonly #table = new ByteTable()
  /** Per entry: the turn that saw it last, and whether its series is alive in the store. */
  #seenTurn = new Uint32Array(64)
  #isAlive = new Uint8Array(64)
  /** Living series whose entries were thrown away with their table. */
  #carried = new Set<SeriesId>()
  #reportIds: SeriesId[] = []
  /** Why every turn fails without asking the target. */
  #forcedFailure: Error | undefined
  readonly #metadata = new Map<string, MetricMetadata>()
  #epoch: number
  #turn = 0
  #timer: Timer | undefined
  #isStopped = false
  #running: Promise<void> | undefined

  constructor(job: ScrapeJob, target: Target, source: PageSource, parts: LoopParts) {
    this.#job = job
    this.target = target
    this.#source = source
    this.#parts = parts
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
    if (!isGone || this.#turn === 0) return
    const rows = new SampleBatchBuilder()
    const nowTimeMs = this.#parts.clock.nowTimeMs()
    this.#endAll(rows, nowTimeMs)
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
    this.#turn++
    this.#dropStaleNumbers()
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
    let reading: Reading | undefined
    if (page !== undefined) {
      try {
        reading = this.#read(page, timeMs)
      } catch (thrown) {
        failure = thrown
      }
    }
    const rows = reading?.rows ?? new SampleBatchBuilder()
    this.#countRefused(reading)
    const addedCount = reading === undefined ? 0 : this.#settle(reading, timeMs)
    if (reading === undefined) this.#endAll(rows, timeMs)
    const isUp = reading !== undefined
    const values = [
      isUp ? 1 : 0,
      durationMs / 1000,
      reading?.scrapedCount ?? 0,
      reading?.keptCount ?? 0,
      addedCount,
      this.target.timeoutMs / 1000,
      this.#job.sampleCountMax,
      page?.body.length ?? (isTooLarge(failure) ? -1 : 0),
    ]
    this.#reportSeries().forEach((seriesId, index) => {
      rows.add(seriesId, timeMs, values[index]!)
    })
    await this.#append(rows)
    const reason = failure === undefined ? '' : messageOf(failure)
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
    const phaseMs = (((nowTimeMs - offsetMs) % intervalMs) + intervalMs) % intervalMs
    const plannedTimeMs = isAtOnce ? nowTimeMs : nowTimeMs + intervalMs - phaseMs
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

  // --- reading ---------------------------------------------------------------------------------

  #read(page: Page, timeMs: number): Reading {
    const reader = new ExpositionReader(page.body, page.format, { table: this.#table })
    const reading: Reading = {
      rows: new SampleBatchBuilder(Math.max(64, this.state.sampleCount + 16)),
      scrapedCount: 0,
      keptCount: 0,
      refusedCount: 0,
      newIds: [],
      described: new Map(),
    }
    try {
      for (;;) {
        const kind = reader.next()
        if (kind === 'end') break
        if (kind === 'sample') this.#readSample(reader, reading, timeMs)
        else if (kind === 'known') this.#readKnown(page, reader, reading)
        else {
          this.#describe(reading, kind, reader)
          reader.rememberComment()
          this.#growMarks()
          this.#seenTurn[reader.entry] = this.#turn
        }
      }
    } finally {
      // Also when a later line is wrong: the lines before are in the table and not looked at again.
      for (const [metric, metadata] of reading.described) {
        this.#parts.appender.setMetadata(metric, metadata)
        this.#metadata.set(metric, metadata)
      }
    }
    return reading
  }

  #readSample(reader: ExpositionReader, reading: Reading, timeMs: number): void {
    const { config, sampleCountMax } = this.#job
    const table = this.#table
    reading.scrapedCount++
    let entry = reader.entry
    if (entry < 0) {
      const number = this.#resolve(reader, reading)
      entry = table.add(reader.view, reader.seriesStart, reader.seriesEnd, number)
      reader.remember(entry)
      this.#growMarks()
    }
    const seriesId = table.values[entry]!
    if (seriesId === droppedMark) return
    if (seriesId === refusedMark) {
      reading.refusedCount++
      return
    }
    const hasOwnTime = reader.hasTime && config.honor_timestamps
    // Who brings its own timestamps decides itself when it ends.
    this.#seenTurn[entry] = hasOwnTime && !config.track_timestamps_staleness ? 0 : this.#turn
    reading.keptCount++
    if (sampleCountMax > 0 && reading.keptCount > sampleCountMax) {
      this.#checkLimit('sample_limit', sampleCountMax, reading.keptCount)
    }
    reading.rows.add(seriesId, hasOwnTime ? reader.timeMs : timeMs, reader.value)
  }

  /** A comment line seen before; one that comes back after an absence says something new again. */
  #readKnown(page: Page, reader: ExpositionReader, reading: Reading): void {
    const lastTurn = this.#seenTurn[reader.entry]!
    this.#seenTurn[reader.entry] = this.#turn
    if (lastTurn >= this.#turn - 1) return
    const end = page.body.indexOf(0x0a, reader.seriesStart)
    const line = page.body.subarray(reader.seriesStart, end < 0 ? page.body.length : end + 1)
    const single = new ExpositionReader(line, page.format)
    const kind = single.next()
    if (kind === 'type' || kind === 'help' || kind === 'unit') {
      this.#describe(reading, kind, single)
    }
  }

  #describe(reading: Reading, kind: 'type' | 'help' | 'unit', reader: ExpositionReader): void {
    const { metric, text } = reader
    const before = reading.described.get(metric) ?? this.#metadata.get(metric) ?? noMetadata
    reading.described.set(metric, { ...before, [kind]: text } as MetricMetadata)
  }

  /** Number of the series on the current line, new to us. */
  #resolve(reader: ExpositionReader, reading: Reading): number {
    const scraped = labelsFromPairs(normalizeBounds(reader.readLabels()))
    const merged = mergeTargetLabels(scraped, this.target.labels, this.#job.config.honor_labels)
    const labels = relabel(merged, this.#job.metricRelabelRules)
    if (labels === undefined) return droppedMark
    this.#checkLabels(labels)
    const verdict = validateLabels(labels)
    if (verdict !== undefined) {
      throw collectErrors.EXPOSITION_INVALID({ line: reader.line, reason: verdict.message })
    }
    const seriesId = admitSeries(this.#parts.appender, this.target.job, labels)
    if (seriesId === undefined) return refusedMark
    reading.newIds.push(seriesId)
    return seriesId
  }

  #checkLabels(labels: Labels): void {
    const job = this.#job
    this.#checkLimit('label_limit', job.labelCountMax, labels.size)
    if (job.labelNameBytesMax === 0 && job.labelValueBytesMax === 0) return
    for (let index = 0; index < labels.pairs.length; index += 2) {
      const nameBytes = Buffer.byteLength(labels.pairs[index]!)
      const valueBytes = Buffer.byteLength(labels.pairs[index + 1]!)
      this.#checkLimit('label_name_length_limit', job.labelNameBytesMax, nameBytes)
      this.#checkLimit('label_value_length_limit', job.labelValueBytesMax, valueBytes)
    }
  }

  #checkLimit(limit: string, max: number, got: number): void {
    if (max > 0 && got > max) {
      throw collectErrors.SCRAPE_LIMIT_EXCEEDED({ limit, max, got: String(got) })
    }
  }

  #countRefused(reading: Reading | undefined): void {
    const drop = { reason: seriesLimitReason, count: reading?.refusedCount ?? 0 }
    this.#parts.drops.add('scrape', this.target.job, drop)
  }

  // --- life and end of series ------------------------------------------------------------------

  /** After a good page: marks what lives, ends what is missing; gives how many series are new. */
  #settle(reading: Reading, timeMs: number): number {
    const { rows, newIds } = reading
    let addedCount = 0
    for (const seriesId of newIds) if (!this.#carried.has(seriesId)) addedCount++
    const gone: SeriesId[] = [...this.#carried]
    this.#carried.clear()
    let aliveCount = 0
    for (let entry = 0; entry < this.#table.count; entry++) {
      const seriesId = this.#table.values[entry]!
      if (seriesId >= marksStart) continue
      if (this.#seenTurn[entry] === this.#turn) {
        this.#isAlive[entry] = 1
        aliveCount++
      } else if (this.#isAlive[entry] === 1) {
        this.#isAlive[entry] = 0
        gone.push(seriesId)
      }
    }
    if (gone.length > 0) {
      // Two spellings of one label set are two entries of one series: it lives while one is seen.
      const present = new Set(rows.batch.seriesId.subarray(0, rows.batch.count))
      for (const seriesId of gone) if (!present.has(seriesId)) rows.addStale(seriesId, timeMs)
    }
    const shouldAskAgain = reading.refusedCount > 0 && this.#turn % askAgainTurns === 0
    if (this.#table.count > 3 * aliveCount + deadEntriesMax || shouldAskAgain) this.#rebuild()
    return addedCount
  }

  /** After a failed turn or at the end: all living series end. */
  #endAll(rows: SampleBatchBuilder, timeMs: number): void {
    const gone = new Set(this.#carried)
    this.#carried.clear()
    for (let entry = 0; entry < this.#table.count; entry++) {
      if (this.#isAlive[entry] !== 1) continue
      this.#isAlive[entry] = 0
      gone.add(this.#table.values[entry]!)
    }
    for (const seriesId of gone) rows.addStale(seriesId, timeMs)
  }

  /** Forgets all entries but remembers which series live. */
  #rebuild(): void {
    for (let entry = 0; entry < this.#table.count; entry++) {
      if (this.#isAlive[entry] === 1) this.#carried.add(this.#table.values[entry]!)
    }
    this.#table.clear()
    this.#metadata.clear()
    this.#isAlive = new Uint8Array(64)
    this.#seenTurn = new Uint32Array(64)
  }

  /** The store took numbers back: ours may mean other series now. */
  #dropStaleNumbers(): void {
    const { seriesEpoch } = this.#parts.appender
    if (seriesEpoch === this.#epoch) return
    this.#epoch = seriesEpoch
    this.#reportIds = []
    // Living series keep their numbers: only ended ones are given to others.
    this.#rebuild()
  }

  #growMarks(): void {
    if (this.#table.count <= this.#seenTurn.length) return
    const size = this.#table.values.length
    const seenTurn = new Uint32Array(size)
    seenTurn.set(this.#seenTurn)
    this.#seenTurn = seenTurn
    const isAlive = new Uint8Array(size)
    isAlive.set(this.#isAlive)
    this.#isAlive = isAlive
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

  async #append(rows: SampleBatchBuilder): Promise<void> {
    const { appender, drops } = this.#parts
    if (rows.batch.count === 0) return
    const result = await appender.append(rows.batch)
    collectSamples.inc({ source: 'scrape' }, result.accepted)
    drops.addRejected('scrape', this.target.job, result.reasons)
  }
}

function isTooLarge(failure: unknown): boolean {
  return (
    failure instanceof CodedError &&
    failure.code === 'COLLECT_SCRAPE_LIMIT_EXCEEDED' &&
    failure.facts['limit'] === bodySizeLimit
  )
}

/** Labels of target and sample together. */
export function mergeTargetLabels(scraped: Labels, target: Labels, isHonored: boolean): Labels {
  const pairs: string[] = []
  const taken = new Set<string>()
  for (let index = 0; index < scraped.pairs.length; index += 2) taken.add(scraped.pairs[index]!)
  for (let index = 0; index < scraped.pairs.length; index += 2) {
    let name = scraped.pairs[index]!
    const value = scraped.pairs[index + 1]!
    if (!isHonored && target.has(name)) {
      do name = `exported_${name}`
      while (taken.has(name) || target.has(name))
      taken.add(name)
    }
    pairs.push(name, value)
  }
  for (let index = 0; index < target.pairs.length; index += 2) {
    const name = target.pairs[index]!
    if (!(isHonored && scraped.has(name))) pairs.push(name, target.pairs[index + 1]!)
  }
  return labelsFromPairs(pairs)
}

/**
 * `le` of buckets and `quantile` in their float form: 1 becomes 1.0. Unlike Prometheus this does not
 * ask for a TYPE line, so that pages without metadata get the same series.
 */
export function normalizeBounds(pairs: string[]): string[] {
  for (let index = 0; index < pairs.length; index += 2) {
    const name = pairs[index]!
    if (name !== 'le' && name !== 'quantile') continue
    if (name === 'le' && !pairs[1]!.endsWith('_bucket')) continue
    const bytes = Buffer.from(pairs[index + 1]!)
    const bound = parseNumber(bytes, 0, bytes.length)
    if (!isNumber || (name === 'quantile' && !(bound >= 0 && bound <= 1))) continue
    pairs[index + 1] = formatBound(bound)
  }
  return pairs
}
