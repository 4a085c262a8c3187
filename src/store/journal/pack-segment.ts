/**
 * A journal segment whose rows the engine has, as it is kept for the next start: samples that memory still
 * needs, packed series by series as the engine has them (about a byte each instead of twelve), histograms and
 * exemplars as they were, and no log lines. Filling memory from it is also quicker.
 *
 * Works in parts of some million rows, which bounds its memory; the event loop is released between series.
 */

import { setImmediate } from 'node:timers/promises'
import { bitsOf, makeSampleBatch, type SampleBatch } from '../../model/sample.ts'
import { FloatChunkEncoder } from '../chunk/float-chunk.ts'
import type { PackedBatch } from '../head/packed-batch.ts'
import {
  type Erasure,
  type ExemplarEntry,
  fileHeader,
  type PackedRun,
  RecordFileReader,
  RecordWriter,
} from './record-format.ts'

/** Rows of a part, of a record, and between two rests. */
const partRowsMax = 2_097_152
const recordRowsMax = 65_536
/** Rows of a run: those of a series in one part. */
const runRowsMax = 65_536

/** A packed segment, and what is in it. */
export interface PackedSegment {
  bytes: Buffer
  sampleCount: number
  minTimeMs: number
  maxTimeMs: number
}

/** Packs the bytes of a segment; samples before `fromTimeMs` are left out. */
export async function packSegment(file: Buffer, fromTimeMs: number): Promise<PackedSegment> {
  const pass = new PackPass(fromTimeMs)
  const reader = new RecordFileReader(file)
  const visitor = {
    onSamples: (batch: PackedBatch) => pass.add(batch),
    onLines: () => undefined,
    onSymbol: () => undefined,
    onSeries: () => undefined,
    onRemoved: () => undefined,
    onExemplar: (entry: ExemplarEntry) => pass.exemplars.push(entry),
    onErased: (erasure: Erasure) => pass.erasures.push(erasure),
  }
  for (let isMore = true; isMore; ) {
    isMore = reader.next(visitor)
    // Rows that came before a deletion must stay before it.
    if (pass.rowCount >= partRowsMax || pass.erasures.length > 0) await pass.writePart()
  }
  await pass.writePart()
  return pass.finish()
}

/** Collects rows and writes them by series. */
class PackPass {
  readonly #fromTimeMs: number
  readonly #writer = new RecordWriter()
  readonly #encoder = new FloatChunkEncoder()
  readonly #parts: Buffer[] = [fileHeader]
  #batches: SampleBatch[] = []
  /** Rows collected. */
  rowCount = 0
  readonly exemplars: ExemplarEntry[] = []
  readonly erasures: Erasure[] = []
  #sampleCount = 0
  #minTimeMs = Infinity
  #maxTimeMs = Number.NEGATIVE_INFINITY

  constructor(fromTimeMs: number) {
    this.#fromTimeMs = fromTimeMs
  }

  /** Takes the rows that memory needs: histograms as they are, the others to be packed. */
  add(batch: PackedBatch): void {
    const { count, seriesId, timeMs, value, packed } = batch
    const bits = bitsOf(value)
    const floats = makeSampleBatch(count)
    const histograms: PackedBatch = { ...makeSampleBatch(packed === undefined ? 0 : count) }
    const histogramBytes: (Uint8Array | undefined)[] = []
    const floatBits = bitsOf(floats.value)
    const histogramBits = bitsOf(histograms.value)
    for (let row = 0; row < count; row++) {
      const time = timeMs[row]!
      if (time < this.#fromTimeMs) continue
      if (time < this.#minTimeMs) this.#minTimeMs = time
      if (time > this.#maxTimeMs) this.#maxTimeMs = time
      const bytes = packed?.[row]
      const target = bytes === undefined ? floats : histograms
      const at = target.count++
      if (bytes !== undefined) histogramBytes[at] = bytes
      target.seriesId[at] = seriesId[row]!
      target.timeMs[at] = time
      const targetBits = bytes === undefined ? floatBits : histogramBits
      targetBits[at * 2] = bits[row * 2]!
      targetBits[at * 2 + 1] = bits[row * 2 + 1]!
    }
    this.#sampleCount += floats.count + histograms.count
    if (histograms.count > 0) {
      const span = { minTimeMs: this.#minTimeMs, maxTimeMs: this.#maxTimeMs }
      this.#writer.samples({ ...histograms, packed: histogramBytes }, span)
    }
    if (floats.count === 0) return
    this.#batches.push(floats)
    this.rowCount += floats.count
  }

  /** Writes what was collected, series by series. */
  async writePart(): Promise<void> {
    const rows = await groupRows(this.#batches)
    this.#batches = []
    this.rowCount = 0
    let runs: PackedRun[] = []
    let runRowCount = 0
    for (let from = 0; from < rows.count; ) {
      let to = from + 1
      while (to < rows.count && to - from < runRowsMax && isSame(rows.seriesId, from, to)) to++
      runs.push({
        seriesId: rows.seriesId[from]!,
        count: to - from,
        startTimeMs: rows.timeMs[from]!,
        data: this.#encoder.encode(rows, from, to),
      })
      runRowCount += to - from
      from = to
      if (runRowCount < recordRowsMax && from < rows.count) continue
      this.#writer.runs(runs)
      runs = []
      runRowCount = 0
      await setImmediate()
    }
    for (const erasure of this.erasures.splice(0)) this.#writer.erased(erasure)
    this.#takeBytes()
  }

  finish(): PackedSegment {
    if (this.exemplars.length > 0) this.#writer.exemplars(this.exemplars)
    this.#takeBytes()
    return {
      bytes: Buffer.concat(this.#parts),
      sampleCount: this.#sampleCount,
      minTimeMs: this.#minTimeMs,
      maxTimeMs: this.#maxTimeMs,
    }
  }

  #takeBytes(): void {
    this.#parts.push(Buffer.from(this.#writer.bytes()))
    this.#writer.clear()
  }
}

function isSame(column: Uint32Array, a: number, b: number): boolean {
  return column[a] === column[b]
}

/** Rows of batches by series, and within it as they came. */
async function groupRows(batches: readonly SampleBatch[]): Promise<SampleBatch> {
  let total = 0
  let idEnd = 0
  for (const { count, seriesId } of batches) {
    total += count
    for (let row = 0; row < count; row++) if (seriesId[row]! >= idEnd) idEnd = seriesId[row]! + 1
  }
  const next = new Uint32Array(idEnd + 1)
  for (const { count, seriesId } of batches) {
    for (let row = 0; row < count; row++) next[seriesId[row]! + 1]!++
  }
  for (let id = 0; id < idEnd; id++) next[id + 1]! += next[id]!
  const rows = makeSampleBatch(total)
  const bits = bitsOf(rows.value)
  let restedCount = 0
  for (const { count, seriesId, timeMs, value } of batches) {
    restedCount += count
    if (restedCount > recordRowsMax) {
      restedCount = 0
      await setImmediate()
    }
    const from = bitsOf(value)
    for (let row = 0; row < count; row++) {
      const at = next[seriesId[row]!]!++
      rows.seriesId[at] = seriesId[row]!
      rows.timeMs[at] = timeMs[row]!
      bits[at * 2] = from[row * 2]!
      bits[at * 2 + 1] = from[row * 2 + 1]!
    }
  }
  rows.count = total
  return rows
}
