/**
 * What may leave the engine, and when: days behind `store.retention`; the oldest days while engine and
 * journal are larger than `store.retention_size`; and, where `store.disk_pressure` is `drop_oldest`, the
 * oldest days while the disk is nearly full. A day goes with all its signals, and today never goes.
 */

import type { Clock } from '../base/clock.ts'
import type { Log } from '../base/log.ts'
import type { Engine } from './column/engine.ts'
import { type DayPart, dropDay, findOldestTimeMs, listDays } from './column/retention.ts'
import { dayMs } from './column/tables.ts'
import type { DiskWatch } from './disk-watch.ts'
import { storeMetrics } from './metrics.ts'
import { type StoreSettings, spaceBytes } from './settings.ts'

/** How often old days are looked for when nothing was inserted. */
const turnMs = 600_000

type Reason = 'age' | 'size' | 'disk'

/** Drops days of one engine. */
export class Retainer {
  readonly #parts: {
    engine: Engine
    disk: DiskWatch
    clock: Clock
    log: Log
    journalBytes: () => number
  }
  #isMeasured = false
  #lastMs = Number.NEGATIVE_INFINITY
  #isToldFull = false
  /** As last measured. */
  engineBytes = 0
  oldestTimeMs: number | undefined

  constructor(parts: {
    engine: Engine
    disk: DiskWatch
    clock: Clock
    log: Log
    journalBytes: () => number
  }) {
    this.#parts = parts
  }

  /** Something was inserted: sizes have to be measured again. */
  noteInsert(): void {
    this.#isMeasured = false
  }

  /** Sizes and the oldest time, from the engine. */
  async measure(): Promise<DayPart[]> {
    const { days, bytes } = await listDays(this.#parts.engine)
    this.oldestTimeMs = await findOldestTimeMs(this.#parts.engine, days)
    this.engineBytes = bytes
    this.#isMeasured = true
    storeMetrics.engineBytes.set(bytes)
    return days
  }

  /** Drops what has to go; rejects with the engine's error. */
  async turn(settings: StoreSettings['store']): Promise<void> {
    const { clock, disk } = this.#parts
    const isDue = clock.monotonicMs() - this.#lastMs >= turnMs
    const isPressed = disk.isFull && settings.disk_pressure === 'drop_oldest'
    if (this.#isMeasured && !isDue && !isPressed) return
    const days = await this.measure()
    if (isDue) {
      this.#lastMs = clock.monotonicMs()
      const firstDay = Math.floor((clock.nowTimeMs() - settings.retention) / dayMs)
      await this.#drop(days, (day) => day < firstDay, 'age')
    }
    await this.#keepSize(days, settings)
    if (isPressed) await this.#makeRoom(days)
  }

  async #keepSize(days: DayPart[], settings: StoreSettings['store']): Promise<void> {
    const { disk, journalBytes, log } = this.#parts
    const bytesMax = spaceBytes(settings.retention_size, disk.totalBytes)
    if (bytesMax === undefined || bytesMax === 0) return
    while (this.engineBytes + journalBytes() > bytesMax) {
      if (await this.#dropOldest(days, 'size')) continue
      const bytes = this.engineBytes + journalBytes()
      if (!this.#isToldFull) {
        log.warn(
          { bytes, bytesMax },
          'More than store.retention_size is kept, because today never goes: raise it, or send less.',
        )
      }
      this.#isToldFull = true
      return
    }
    this.#isToldFull = false
  }

  async #makeRoom(days: DayPart[]): Promise<void> {
    const { disk } = this.#parts
    await disk.check()
    while (disk.isFull && (await this.#dropOldest(days, 'disk'))) await disk.check()
  }

  /** Drops the oldest day before today with all its tables; `false` when there is none. */
  async #dropOldest(days: DayPart[], reason: Reason): Promise<boolean> {
    const today = Math.floor(this.#parts.clock.nowTimeMs() / dayMs)
    const oldest = days.reduce((least, { day }) => Math.min(least, day), Infinity)
    if (oldest >= today) return false
    await this.#drop(days, (day) => day === oldest, reason)
    return true
  }

  async #drop(days: DayPart[], isOut: (day: number) => boolean, reason: Reason): Promise<void> {
    const { engine, log } = this.#parts
    const out = days.filter(({ day }) => isOut(day)).sort((a, b) => a.day - b.day)
    if (out.length === 0) return
    for (const part of out) {
      await dropDay(engine, part)
      days.splice(days.indexOf(part), 1)
      this.engineBytes -= part.bytes
      storeMetrics.droppedPartitions.inc({ table: part.table, reason })
    }
    storeMetrics.engineBytes.set(this.engineBytes)
    this.oldestTimeMs = await findOldestTimeMs(engine, days)
    const dates = [...new Set(out.map(({ day }) => dateOf(day)))]
    const bytes = out.reduce((sum, part) => sum + part.bytes, 0)
    log.info(
      { reason, firstDay: dates[0], lastDay: dates.at(-1), dayCount: dates.length, bytes },
      'Old days were dropped.',
    )
  }
}

function dateOf(day: number): string {
  return new Date(day * dayMs).toISOString().slice(0, 10)
}
