/**
 * From a page to rows: each series is recognised by its bytes, and only a new one costs label work:
 * labels of target and page are joined, relabeled, checked and given a number. The limits of the job
 * refuse the whole page, as in Prometheus; the limit of series refuses series.
 */

import type { ExemplarRow } from '../../model/exemplar.ts'
import type { Appender, MetricMetadata } from '../../model/flow.ts'
import type { Histogram } from '../../model/histogram.ts'
import { type Labels, labelsFromPairs } from '../../model/labels.ts'
import type { SampleBatchBuilder, SeriesId } from '../../model/sample.ts'
import { relabel, validateLabels, validateNames } from '../../prepare/prepare.ts'
import { collectErrors } from '../errors.ts'
import { admitSeries } from '../ingest-appender.ts'
import {
  type ClassicHistogram,
  ClassicHistograms,
  convertHistogram,
  findHistogramPart,
  type HistogramPart,
} from './classic-histograms.ts'
import { ExpositionReader } from './exposition.ts'
import { limitHistogram } from './native-histogram.ts'
import type { Page } from './page.ts'
import type { MetadataKind, PageExemplar, PageReader } from './page-reader.ts'
import { ProtobufPageReader } from './protobuf-page.ts'
import {
  convertedMark,
  droppedMark,
  marksStart,
  refusedMark,
  SeriesMemory,
} from './series-memory.ts'
import { mergeTargetLabels, normalizeBounds } from './series-labels.ts'
import type { ScrapeJob, Target } from './target.ts'

/** What a page gave. */
export interface Reading {
  rows: SampleBatchBuilder
  exemplars: ExemplarRow[]
  scrapedCount: number
  keptCount: number
  /** Samples of series beyond the limit of the job. */
  refusedCount: number
  /** Classic histograms whose parts contradict each other. */
  brokenCount: number
  newIds: SeriesId[]
  described: Map<string, MetricMetadata>
}

const noMetadata: MetricMetadata = { type: 'unknown', help: '', unit: '' }

/** Reads the pages of one target. */
export class PageIntake {
  readonly memory = new SeriesMemory()
  readonly #job: ScrapeJob
  readonly #target: Target
  readonly #appender: Appender
  readonly #metadata = new Map<string, MetricMetadata>()
  readonly #classic: ClassicHistograms | undefined

  constructor(job: ScrapeJob, target: Target, appender: Appender) {
    this.#job = job
    this.#target = target
    this.#appender = appender
    this.#classic = job.convertsClassic ? new ClassicHistograms() : undefined
  }

  /** Reads a page whose samples without a time of their own are of `timeMs`. Throws what is wrong with it. */
  read(page: Page, timeMs: number, rows: SampleBatchBuilder): Reading {
    const reader = this.#makeReader(page)
    const reading: Reading = {
      rows,
      exemplars: [],
      scrapedCount: 0,
      keptCount: 0,
      refusedCount: 0,
      brokenCount: 0,
      newIds: [],
      described: new Map(),
    }
    try {
      for (;;) {
        const kind = reader.next()
        if (kind === 'end') break
        if (kind === 'sample' || kind === 'histogram') this.#readRow(reader, reading, timeMs)
        else if (kind === 'known') this.#readKnown(reader, reading)
        else {
          this.#describe(reading, kind, reader)
          reader.rememberMetadata()
          this.memory.see(reader.entry)
        }
      }
    } finally {
      // Also when a later line is wrong: the lines before are in the table and not looked at again.
      for (const [metric, metadata] of reading.described) {
        this.#appender.setMetadata(metric, metadata)
        this.#metadata.set(metric, metadata)
      }
    }
    if (this.#classic !== undefined) this.#addConverted(this.#classic, reading, timeMs)
    return reading
  }

  /** Forgets what it knows of the target's series but which of them live. */
  rebuild(): void {
    this.memory.rebuild()
    this.#classic?.clear()
    this.#metadata.clear()
  }

  #makeReader(page: Page): PageReader {
    const { table } = this.memory
    if (page.format !== 'protobuf') return new ExpositionReader(page.body, page.format, { table })
    const { hasNativeHistograms: hasNative, keepsClassic } = this.#job
    return new ProtobufPageReader(page.body, { table, hasNative, keepsClassic })
  }

  #readRow(reader: PageReader, reading: Reading, timeMs: number): void {
    const { config, sampleCountMax } = this.#job
    const { memory } = this
    reading.scrapedCount++
    let { entry } = reader
    if (entry < 0) {
      entry = this.#addEntry(reader, reading)
      reader.remember(entry)
    }
    if (this.#classic !== undefined) this.#classic.take(entry, memory.turn, reader)
    const seriesId = memory.table.values[entry]!
    if (seriesId >= marksStart) {
      if (seriesId === refusedMark) reading.refusedCount++
      return
    }
    const hasOwnTime = reader.hasTime && config.honor_timestamps
    // Who brings its own timestamps decides itself when it ends.
    if (hasOwnTime && !config.track_timestamps_staleness) memory.release(entry)
    else memory.see(entry)
    reading.keptCount++
    if (sampleCountMax > 0 && reading.keptCount > sampleCountMax) {
      this.#checkLimit('sample_limit', sampleCountMax, reading.keptCount)
    }
    const rowTimeMs = hasOwnTime ? reader.timeMs : timeMs
    if (reader.histogram === undefined) reading.rows.add(seriesId, rowTimeMs, reader.value)
    else reading.rows.addHistogram(seriesId, rowTimeMs, this.#limit(reader.histogram))
    if (reader.exemplars.length > 0) {
      const isNative = reader.histogram !== undefined
      this.#addExemplars(reading, seriesId, reader.exemplars, isNative ? undefined : rowTimeMs)
    }
  }

  #addEntry(reader: PageReader, reading: Reading): number {
    const { table } = this.memory
    const pairs = normalizeBounds(reader.readLabels())
    const part = this.#classic && this.#findPart(pairs, reading)
    const isConverted = part !== undefined && !this.#job.keepsClassic
    const number = isConverted ? convertedMark : this.#resolve(pairs, reading, reader.line)
    const entry = table.add(reader.view, reader.seriesStart, reader.seriesEnd, number)
    if (part !== undefined) this.#joinHistogram(entry, part, reading, reader.line)
    return entry
  }

  /** Metadata seen before; what comes back after an absence says something new again. */
  #readKnown(reader: PageReader, reading: Reading): void {
    const { entry } = reader
    const lastTurn = this.memory.lastTurnOf(entry)
    this.memory.see(entry)
    if (lastTurn >= this.memory.turn - 1) return
    const kind = reader.readKnown()
    if (kind !== undefined) this.#describe(reading, kind, reader)
  }

  #describe(reading: Reading, kind: MetadataKind, reader: PageReader): void {
    const { metric, text } = reader
    const before = reading.described.get(metric) ?? this.#metadata.get(metric) ?? noMetadata
    reading.described.set(metric, { ...before, [kind]: text } as MetricMetadata)
  }

  /** Number of the series with these labels, new to us. */
  #resolve(pairs: string[], reading: Reading, line: number): number {
    const scraped = labelsFromPairs(pairs)
    const merged = mergeTargetLabels(scraped, this.#target.labels, this.#job.config.honor_labels)
    const labels = relabel(merged, this.#job.metricRelabelRules)
    if (labels === undefined) return droppedMark
    this.#checkLabels(labels)
    const verdict =
      validateLabels(labels) ?? (this.#job.hasLegacyNames ? validateNames(labels) : undefined)
    if (verdict !== undefined) {
      throw collectErrors.EXPOSITION_INVALID({ line, reason: verdict.message })
    }
    const seriesId = admitSeries(this.#appender, this.#target.job, labels)
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

  // --- histograms and exemplars ----------------------------------------------------------------

  #limit(histogram: Histogram): Histogram {
    const { histogramSchemaMax: schemaMax, bucketCountMax } = this.#job
    const limited = limitHistogram(histogram, { schemaMax, bucketCountMax })
    if (limited !== undefined) return limited
    const { length } = histogram.positive.index
    throw collectErrors.SCRAPE_LIMIT_EXCEEDED({
      limit: 'native_histogram_bucket_limit',
      max: bucketCountMax,
      got: `${length + histogram.negative.index.length} buckets of schema ${histogram.schema}`,
    })
  }

  #findPart(pairs: readonly string[], reading: Reading): HistogramPart | undefined {
    return findHistogramPart(
      pairs,
      (metric) => (reading.described.get(metric) ?? this.#metadata.get(metric))?.type,
    )
  }

  #joinHistogram(entry: number, part: HistogramPart, reading: Reading, line: number): void {
    const { key } = labelsFromPairs(part.pairs)
    const { table } = this.memory
    this.#classic!.find(key, () => {
      const number = this.#resolve(part.pairs, reading, line)
      // No page holds these bytes: its own series begin with a letter, a brace or a quote.
      const bytes = Buffer.concat([Buffer.from([0xfe]), Buffer.from(key)])
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
      const own = table.add(view, 0, bytes.length, number)
      return { seriesId: number < marksStart ? number : undefined, entry: own }
    })
    this.#classic!.join(entry, key, part)
  }

  #addConverted(classic: ClassicHistograms, reading: Reading, timeMs: number): void {
    for (const one of classic.seen(this.memory.turn)) {
      if (one.seriesId === undefined) {
        if (this.memory.table.values[one.entry] === refusedMark) reading.refusedCount++
        continue
      }
      const histogram = convertHistogram(one)
      if (histogram === undefined) reading.brokenCount++
      else this.#addWhole(one, one.seriesId, this.#limit(histogram), { reading, timeMs })
    }
  }

  #addWhole(
    classic: ClassicHistogram,
    seriesId: SeriesId,
    histogram: Histogram,
    turn: { reading: Reading; timeMs: number },
  ): void {
    const { honor_timestamps: isHonored, track_timestamps_staleness: isTracked } = this.#job.config
    const hasOwnTime = classic.hasTime && isHonored
    if (hasOwnTime && !isTracked) this.memory.release(classic.entry)
    else this.memory.see(classic.entry)
    const timeMs = hasOwnTime ? classic.timeMs : turn.timeMs
    turn.reading.keptCount++
    turn.reading.rows.addHistogram(seriesId, timeMs, histogram)
    if (classic.exemplars.length === 0) return
    classic.exemplars.sort((a, b) => (a.timeMs ?? timeMs) - (b.timeMs ?? timeMs))
    this.#addExemplars(turn.reading, seriesId, classic.exemplars, timeMs)
  }

  /** Exemplars without a time are of `timeMs`; left out without that. */
  #addExemplars(
    reading: Reading,
    seriesId: SeriesId,
    exemplars: readonly PageExemplar[],
    timeMs: number | undefined,
  ): void {
    if (this.#appender.appendExemplars === undefined) return
    for (const { labels, value, timeMs: ownTimeMs } of exemplars) {
      const found = ownTimeMs ?? timeMs
      if (found === undefined) continue
      const isUntimed = ownTimeMs === undefined
      const row = { seriesId, labels: labelsFromPairs(labels), value, timeMs: found, isUntimed }
      reading.exemplars.push(row)
    }
  }
}
