/**
 * What a scrape loop remembers of its target from page to page: the table of series and metadata that it
 * has seen, in which turn each was seen last, and which series live in the store, so that those missing
 * end with a stale marker.
 */

import type { SampleBatchBuilder, SeriesId } from '../../model/sample.ts'
import { ByteTable } from '../byte-table.ts'
import { metadataMark } from './page-reader.ts'

/** Table value of a series that relabeling dropped. */
export const droppedMark = 0xffff_ffff
/** Table value of a series beyond the limit of its job. */
export const refusedMark = 0xffff_fffd
/** Table value of a part of a histogram that is kept as a whole. */
export const convertedMark = 0xffff_fffc
/** Numbers from here on are no series. */
export const marksStart = Math.min(droppedMark, metadataMark, refusedMark, convertedMark)

/** A table is rebuilt when it holds this many entries beyond twice the living ones. */
const deadEntriesMax = 2000

/** Entries and lives of one target's series. */
export class SeriesMemory {
  readonly table = new ByteTable()
  /** Whether most entries are of series that are gone: time to rebuild. */
  isCrowded = false
  /** Number of the turn at hand. */
  turn = 0
  /** Per entry: the turn that saw it last, and whether its series is alive in the store. */
  #seenTurn = new Uint32Array(64)
  #isAlive = new Uint8Array(64)
  /** Living series whose entries were thrown away with their table. */
  readonly #carried = new Set<SeriesId>()

  /** The turn in which the entry was seen before. */
  lastTurnOf(entry: number): number {
    return entry < this.#seenTurn.length ? this.#seenTurn[entry]! : 0
  }

  /** The entry was seen in this turn. */
  see(entry: number): void {
    if (entry >= this.#seenTurn.length) this.#grow()
    this.#seenTurn[entry] = this.turn
  }

  /** The entry's series decides itself when it ends. */
  release(entry: number): void {
    if (entry >= this.#seenTurn.length) this.#grow()
    this.#seenTurn[entry] = 0
  }

  /** After a good page: marks what lives, ends what is missing; gives how many series are new. */
  settle(newIds: readonly SeriesId[], rows: SampleBatchBuilder, timeMs: number): number {
    let addedCount = 0
    for (const seriesId of newIds) if (!this.#carried.has(seriesId)) addedCount++
    const gone: SeriesId[] = [...this.#carried]
    this.#carried.clear()
    if (this.table.count > this.#seenTurn.length) this.#grow()
    let aliveCount = 0
    const { values, count } = this.table
    for (let entry = 0; entry < count; entry++) {
      const seriesId = values[entry]!
      if (seriesId >= marksStart) continue
      if (this.#seenTurn[entry] === this.turn) {
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
    this.isCrowded = count > 3 * aliveCount + deadEntriesMax
    return addedCount
  }

  /** After a failed turn or at the end: all living series end. */
  endAll(rows: SampleBatchBuilder, timeMs: number): void {
    const gone = new Set(this.#carried)
    this.#carried.clear()
    for (let entry = 0; entry < this.table.count; entry++) {
      if (this.#isAlive[entry] !== 1) continue
      this.#isAlive[entry] = 0
      gone.add(this.table.values[entry]!)
    }
    for (const seriesId of gone) rows.addStale(seriesId, timeMs)
  }

  /** Forgets all entries but remembers which series live. */
  rebuild(): void {
    for (let entry = 0; entry < this.table.count; entry++) {
      if (this.#isAlive[entry] === 1) this.#carried.add(this.table.values[entry]!)
    }
    this.table.clear()
    this.isCrowded = false
    this.#isAlive = new Uint8Array(64)
    this.#seenTurn = new Uint32Array(64)
  }

  #grow(): void {
    const size = this.table.values.length
    const seenTurn = new Uint32Array(size)
    seenTurn.set(this.#seenTurn)
    this.#seenTurn = seenTurn
    const isAlive = new Uint8Array(size)
    isAlive.set(this.#isAlive)
    this.#isAlive = isAlive
  }
}
