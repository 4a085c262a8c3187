/**
 * Free space under the data directory. Below `store.disk_free_min`, or after a write that found the disk
 * full, new data is refused with a retryable error, so that what is left serves records, the engine's
 * merges and the journal's end; reading, rules and notifications go on. As soon as there is room
 * again, and a tenth more, data is taken again by itself.
 */

import { statfs } from 'node:fs/promises'
import type { Clock, Timer } from '../base/clock.ts'
import { type CodedError, messageOf } from '../base/error.ts'
import type { Log } from '../base/log.ts'
import { storeErrors } from './errors.ts'
import { storeMetrics } from './metrics.ts'
import { type Space, spaceBytes } from './settings.ts'

/** How often space is looked at. */
const checkMs = 5_000
/** Senders are asked to come back when it was looked at again. */
const retryAfterMs = 2 * checkMs
/** Room beyond the minimum that ends a refusal, so that it does not flicker. */
const recoverFactor = 1.1
/** Without a setting: this, or so much of a small file system. */
const freeBytesDefault = 1 << 30
const freeShareDefault = 0.05

/** Bytes of a file system: what we may use, and all. */
export type ReadSpace = (path: string) => Promise<{ freeBytes: number; totalBytes: number }>

const readDiskSpace: ReadSpace = async (path) => {
  const { bavail, blocks, bsize } = await statfs(path)
  return { freeBytes: bavail * bsize, totalBytes: blocks * bsize }
}

/** Watches one directory. */
export class DiskWatch {
  readonly #directory: string
  readonly #clock: Clock
  readonly #log: Log
  #freeMin: Space | undefined
  readonly #readSpace: ReadSpace
  #onFull: () => void = () => undefined
  #timer: Timer | undefined
  #isStopped = false
  #refusal: CodedError | undefined
  /** As last read; 0 before. */
  freeBytes = 0
  totalBytes = 0

  constructor(options: {
    directory: string
    clock: Clock
    log: Log
    freeMin: Space | undefined
    readSpace?: ReadSpace
  }) {
    this.#directory = options.directory
    this.#clock = options.clock
    this.#log = options.log
    this.#freeMin = options.freeMin
    this.#readSpace = options.readSpace ?? readDiskSpace
  }

  /** Reads the space and goes on doing so. `onFull` hears when data begins to be refused. */
  async start(onFull: () => void): Promise<void> {
    this.#onFull = onFull
    await this.check()
    this.#plan()
  }

  /** Whether data is refused. */
  get isFull(): boolean {
    return this.#refusal !== undefined
  }

  /** Why no data is taken, or `undefined`. */
  refusal(): CodedError | undefined {
    return this.#refusal
  }

  /** A write found the disk full: nothing is taken until the next look. */
  noteFull(thrown: unknown): void {
    if (!isDiskFull(thrown)) return
    if (this.#refusal === undefined) this.#begin(`a write failed: ${messageOf(thrown)}`)
  }

  /** Takes a new minimum, which holds at once. */
  reload(freeMin: Space | undefined): void {
    this.#freeMin = freeMin
    void this.check()
  }

  /** Looks now. */
  async check(): Promise<void> {
    try {
      const { freeBytes, totalBytes } = await this.#readSpace(this.#directory)
      this.freeBytes = freeBytes
      this.totalBytes = totalBytes
    } catch (thrown) {
      this.#log.debug({ reason: messageOf(thrown) }, 'The free space of the disk cannot be read.')
      return
    }
    storeMetrics.diskFreeBytes.set(this.freeBytes)
    const setting = this.#freeMin
    const minBytes =
      setting === undefined
        ? Math.min(freeBytesDefault, freeShareDefault * this.totalBytes)
        : spaceBytes(setting, this.totalBytes)!
    const isLow = this.freeBytes < (this.isFull ? minBytes * recoverFactor : minBytes)
    if (isLow) {
      this.#begin(
        `the disk has ${format(this.freeBytes)} free, less than the ${format(minBytes)} of store.disk_free_min`,
      )
    } else this.#end()
  }

  stop(): void {
    this.#isStopped = true
    this.#timer?.cancel()
  }

  #plan(): void {
    if (this.#isStopped) return
    this.#timer = this.#clock.after(checkMs, () => {
      void this.check().finally(() => this.#plan())
    })
  }

  #begin(reason: string): void {
    const isNew = this.#refusal === undefined
    this.#refusal = storeErrors.FULL({ reason, retryAfterMs })
    storeMetrics.diskFull.set(1)
    if (!isNew) return
    this.#log.error(
      { reason, directory: this.#directory },
      'The disk is nearly full: new data is refused until there is room. Queries, rules and notifications go on.',
    )
    this.#onFull()
  }

  #end(): void {
    if (this.#refusal === undefined) return
    this.#refusal = undefined
    storeMetrics.diskFull.set(0)
    this.#log.info({ freeBytes: this.freeBytes }, 'There is room on the disk; data is taken again.')
  }
}

/** Whether an error says that there is no room: of the file system, of a quota, or from SQLite. */
function isDiskFull(thrown: unknown): boolean {
  const sqliteFull = 13
  for (let error = thrown; error instanceof Error; error = error.cause) {
    const { code, errcode } = error as NodeJS.ErrnoException & { errcode?: number }
    if (code === 'ENOSPC' || code === 'EDQUOT' || errcode === sqliteFull) return true
  }
  return false
}

function format(bytes: number): string {
  return bytes >= 1 << 30
    ? `${(bytes / (1 << 30)).toFixed(1)} GiB`
    : `${(bytes / (1 << 20)).toFixed(bytes < 10 << 20 ? 1 : 0)} MiB`
}
