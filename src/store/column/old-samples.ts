/**
 * Samples that earlier versions kept one a row, in a table `sample`: packed into chunks once, the newest
 * day first, and each day dropped when the engine has its chunks. A crash in between leaves a day twice, of
 * which readers take equal times once. Until a day's turn comes its samples are not found.
 */

import { setImmediate } from 'node:timers/promises'
import { ChunkFile } from './chunk-file.ts'
import { splitHashes } from './day-chunks.ts'
import type { Engine } from './engine.ts'
import type { NativeBlock } from './native.ts'
import { areAscending, sortRows } from './ordered-rows.ts'
import type { SpanVersions } from './span-versions.ts'
import { inNumbers } from './sql-text.ts'
import { dayMs } from './tables.ts'

/** Rows that are read at once; a metric with more is read in parts. */
const sliceRowsMax = 2_000_000
/** Samples that are packed between two rests. */
const restSampleCount = 65_536

/** Converts one engine's old samples. */
export class OldSamples {
  readonly #engine: Engine
  readonly #versions: SpanVersions
  readonly #directory: string

  /** The directory is for this alone. */
  constructor(parts: { engine: Engine; versions: SpanVersions; directory: string }) {
    this.#engine = parts.engine
    this.#versions = parts.versions
    this.#directory = parts.directory
  }

  /** Converts what there is, until `isEnough`; answers how many days. Rejects with the engine's error. */
  async convert(isEnough: () => boolean): Promise<number> {
    const engine = this.#engine
    const tables = await engine.query(
      "SELECT name FROM system.tables WHERE database = currentDatabase() AND name = 'sample'",
    )
    if (tables.length === 0) return 0
    const days = await this.#listDays()
    for (const [index, day] of days.entries()) {
      if (isEnough()) return index
      await this.#convertDay(day)
      await engine.command(`ALTER TABLE sample DROP PARTITION ${day}`)
    }
    await engine.command('DROP TABLE sample')
    return days.length
  }

  /** The newest first. */
  async #listDays(): Promise<number[]> {
    const blocks = await this.#engine.query(
      "SELECT DISTINCT partition FROM system.parts WHERE active AND database = currentDatabase() AND table = 'sample'",
    )
    const days = blocks.flatMap((block) => (block.columns[0] as string[]).map(Number))
    return days.sort((a, b) => b - a)
  }

  async #convertDay(day: number): Promise<void> {
    const engine = this.#engine
    const onDay = `time >= ${day * dayMs} AND time < ${(day + 1) * dayMs}`
    const counts = await engine.query(
      `SELECT metric, toUInt64(count()) FROM sample WHERE ${onDay} GROUP BY metric ORDER BY metric`,
    )
    const file = new ChunkFile(this.#directory, 'chunk')
    try {
      for (const condition of slicesOf(counts)) {
        const blocks = await engine.query(
          `SELECT series, time, value, metric FROM sample WHERE ${condition} AND ${onDay} ORDER BY metric, series, time`,
        )
        await packBlocks(blocks, file)
      }
      await file.insert(engine)
    } finally {
      await file.discard()
      this.#versions.change(file.spans)
    }
  }
}

/** Conditions whose rows fit memory, some metrics or a part of one each. */
function slicesOf(counts: readonly NativeBlock[]): string[] {
  const slices: string[] = []
  let metrics: number[] = []
  let rowCount = 0
  const close = (): void => {
    if (metrics.length > 0) slices.push(inNumbers('metric', metrics))
    metrics = []
    rowCount = 0
  }
  for (const block of counts) {
    const [ids, sizes] = block.columns as [Uint32Array, BigUint64Array]
    for (let row = 0; row < block.rowCount; row++) {
      const size = Number(sizes[row]!)
      if (rowCount + size > sliceRowsMax) close()
      if (size > sliceRowsMax) {
        const parts = splitHashes(Math.ceil(size / sliceRowsMax))
        slices.push(...parts.map((part) => `metric = ${ids[row]!} AND ${part}`))
        continue
      }
      metrics.push(ids[row]!)
      rowCount += size
    }
  }
  close()
  return slices
}

/** Rows in order of series and time become chunks. */
async function packBlocks(blocks: readonly NativeBlock[], file: ChunkFile): Promise<void> {
  let total = 0
  for (const { rowCount } of blocks) total += rowCount
  const series = new BigUint64Array(total)
  const metric = new Uint32Array(total)
  const timeMs = new Float64Array(total)
  const value = new Float64Array(total)
  let at = 0
  for (const { columns, rowCount } of blocks) {
    series.set(columns[0] as BigUint64Array, at)
    const times = columns[1] as BigInt64Array
    for (let row = 0; row < rowCount; row++) timeMs[at + row] = Number(times[row]!)
    value.set(columns[2] as Float64Array, at)
    metric.set(columns[3] as Uint32Array, at)
    at += rowCount
  }
  let restedAt = 0
  for (let from = 0; from < total; ) {
    let to = from + 1
    while (to < total && series[to] === series[from] && metric[to] === metric[from]) to++
    const hash = series[from]!
    const identity = {
      high: Number(hash >> 32n),
      low: Number(hash & 0xffffffffn),
      metric: metric[from]!,
    }
    const rows = { timeMs, value, from, to }
    const end = areAscending(rows) ? to : sortRows(rows)
    for (let begin = from; begin < end; ) {
      begin = file.addFloats(identity, rows, { from: begin, to: end })
      if (file.isFull || begin < end) await file.write()
    }
    from = to
    if (from - restedAt < restSampleCount) continue
    restedAt = from
    await setImmediate()
  }
}
