/**
 * The journal: what was acknowledged and is not in the engine yet, in segments of bounded size.
 *
 *   00000007.journal    being written, or not wholly in the engine yet
 *   00000006.flushed    in the engine; kept while memory must be refilled from it after a restart
 *   00000005.flushed.zst    the same, packed and compressed: only what memory needs
 *
 * Entries that arrive while a write is under way wait and share the next one (group commit). An entry
 * is acknowledged after write(2) returned, which survives the death of the process; against loss of
 * power the segment is synced by a timer, or before each acknowledgement when so set.
 *
 * A write that failed is cut off; when even that fails the segment is closed and a new one begun, and
 * whatever is readable behind the cut counts as torn at the next start. With the failed group every
 * waiting entry is refused too, because its rows were checked against rows that are now gone.
 * A restart never appends to an old segment.
 */

import { mkdirSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { assert } from '../../base/assert.ts'
import type { Clock, Timer } from '../../base/clock.ts'
import { CodedError, messageOf } from '../../base/error.ts'
import { syncDirectory, writeFileAtomic } from '../../base/files.ts'
import type { Log } from '../../base/log.ts'
import { storeErrors } from '../errors.ts'
import { storeMetrics } from '../metrics.ts'
import { readCompressedFile, writeCompressedFile } from './compressed-file.ts'
import type { JournalFile, MakeJournalFile } from './journal-file.ts'
import { packSegment } from './pack-segment.ts'
import { fileHeader, type RecordVisitor, RecordWriter } from './record-format.ts'
import { makeSegment, readSegment, type Segment, segmentName, unflushedTimeMs } from './segment.ts'

/** Entries waiting for the disk: beyond this much new ones are refused. */
const waitingBytesMax = 256 << 20
/** How much one write takes at most; the rest waits for the next. */
const groupBytesMax = 16 << 20

/** So far ahead of our clock samples may be. */
const clockSkewMsMax = 600_000

/** Something to be written. */
export interface JournalEntry {
  /** Estimated size, for the limits. */
  bytes: number
  /** Adds the records and notes in `segment` what they hold. */
  encode(writer: RecordWriter, segment: Segment): void
  /** The records are in `segment`. */
  onWritten(segment: Segment): void
  /** They are not, and will not be. */
  onFailed(error: CodedError): void
}

/** What may change while running. */
export interface JournalSettings {
  /** Milliseconds between syncs, or `always`. */
  sync: number | 'always'
  segmentBytes: number
  bytesMax: number
}

/** Segments on disk, the newest being written. */
export class Journal {
  readonly #directory: string
  readonly #clock: Clock
  readonly #log: Log
  readonly #makeFile: MakeJournalFile
  readonly #prepare: () => Promise<void>
  readonly #syncNames: () => Promise<void>
  #settings: JournalSettings
  #segments: Segment[] = []
  #file: JournalFile | undefined
  #nextNumber = 1
  #waiting: JournalEntry[] = []
  #waitingBytes = 0
  #running: Promise<void> | undefined
  /** Those who wait for the segment to be closed. */
  #rotations: (() => void)[] = []
  #writer = new RecordWriter()
  #syncTimer: Timer | undefined
  #isClosed = false
  #isFailing = false
  #onSealed: () => void
  readonly #onFailed: (thrown: unknown) => void

  /**
   * `prepare` runs before each write: what entries rely on (their series) must be written when it
   * resolves. `syncNames` brings the same to the disk and runs before each sync.
   */
  constructor(options: {
    directory: string
    settings: JournalSettings
    clock: Clock
    log: Log
    makeFile: MakeJournalFile
    prepare: () => Promise<void>
    syncNames: () => Promise<void>
    onSealed: () => void
    /** Hears why a write failed. */
    onFailed?: (thrown: unknown) => void
  }) {
    this.#directory = options.directory
    this.#settings = options.settings
    this.#clock = options.clock
    this.#log = options.log
    this.#makeFile = options.makeFile
    this.#prepare = options.prepare
    this.#syncNames = options.syncNames
    this.#onSealed = options.onSealed
    this.#onFailed = options.onFailed ?? (() => undefined)
    mkdirSync(options.directory, { recursive: true })
  }

  /** Bytes of all segments. */
  get bytes(): number {
    return this.#segments.reduce((sum, segment) => sum + segment.bytes, 0)
  }

  /** Number of the oldest segment there is; `Infinity` without any. */
  get firstNumber(): number {
    return this.#segments[0]?.number ?? Infinity
  }

  /** Segments that are closed and not in the engine, oldest first. */
  listSealed(): Segment[] {
    const open = this.#file === undefined ? undefined : this.#segments.at(-1)
    return this.#segments.filter((segment) => !segment.isFlushed && segment !== open)
  }

  /** Time of the oldest sample that the engine does not have; `Infinity` when it has all. */
  oldestUnflushedTimeMs(): number {
    let oldest = Infinity
    for (const segment of this.#segments) oldest = Math.min(oldest, unflushedTimeMs(segment))
    return oldest
  }

  /** About how many samples before `timeMs` the engine does not have. */
  countUnflushed(timeMs: number): number {
    let count = 0
    for (const segment of this.#segments) {
      const { minTimeMs, maxTimeMs, sampleCount } = segment
      const fromTimeMs = unflushedTimeMs(segment)
      if (fromTimeMs >= timeMs) continue
      const spanMs = Math.max(1, maxTimeMs - minTimeMs)
      count += sampleCount * Math.min(1, (Math.min(timeMs, maxTimeMs) - fromTimeMs + 1) / spanMs)
    }
    return count
  }

  /** Bytes of segments that the engine does not have wholly. */
  get unflushedBytes(): number {
    return this.#segments.reduce((sum, { isFlushed, bytes }) => sum + (isFlushed ? 0 : bytes), 0)
  }

  /** Samples before `timeMs` leave memory: those that the engine lacks will be read from their segments. */
  noteForgotten(timeMs: number): void {
    for (const segment of this.#segments) {
      if (unflushedTimeMs(segment) < timeMs) segment.isForgotten = true
    }
  }

  /**
   * The engine has lost what it had: segments that it took wait for it again. Call before `recover`;
   * answers how many there are. One that cannot be read any more stays as it is.
   */
  async giveBack(): Promise<number> {
    let count = 0
    for (const name of readdirSync(this.#directory)) {
      const match = /^(\d{8,})\.flushed(\.zst)?$/.exec(name)
      if (match === null) continue
      const path = join(this.#directory, name)
      const waiting = join(this.#directory, `${match[1]}.journal`)
      try {
        if (match[2] === undefined) renameSync(path, waiting)
        else {
          writeFileAtomic(waiting, await readCompressedFile(path))
          rmSync(path)
        }
        count++
      } catch (thrown) {
        this.#log.error({ path, reason: messageOf(thrown) }, 'A journal segment is damaged.')
      }
    }
    return count
  }

  /**
   * Reads all segments in order; call once, before the first `submit`. Answers up to which time memory may
   * lack rows that the engine has, because a segment that it took is damaged; `-Infinity` when all were whole.
   */
  async recover(visit: (segment: Segment) => RecordVisitor): Promise<number> {
    let damagedTimeMs = Number.NEGATIVE_INFINITY
    const names = readdirSync(this.#directory).sort()
    for (const name of names) {
      if (name.endsWith('.tmp')) rmSync(join(this.#directory, name), { force: true })
      const match = /^(\d{8,})\.(journal|flushed|flushed\.zst)$/.exec(name)
      if (match === null) continue
      const path = join(this.#directory, name)
      const segment = makeSegment(Number(match[1]), path)
      segment.isFlushed = match[2] !== 'journal'
      segment.areLinesFlushed = segment.isFlushed
      if (segment.isFlushed) segment.flushedTimeMs = Infinity
      segment.isCompressed = match[2] === 'flushed.zst'
      if (segment.number === this.#segments.at(-1)?.number) {
        // It was compressed, and we ended before the other was deleted, which will be compressed again.
        rmSync(path)
        continue
      }
      segment.bytes = statSync(path).size
      this.#segments.push(segment)
      this.#nextNumber = segment.number + 1
      const isWhole = await readSegment(segment, visit(segment), this.#log)
      // Rows are no newer than the file, but for clocks that go ahead.
      const { mtimeMs } = statSync(path)
      if (!isWhole && segment.isFlushed) {
        damagedTimeMs = Math.max(damagedTimeMs, Math.ceil(mtimeMs) + clockSkewMsMax)
      }
    }
    this.#showBytes()
    return damagedTimeMs
  }

  /** Why nothing can be submitted now, or `undefined`. To be asked before rows are checked. */
  refusal(): CodedError | undefined {
    if (this.#isClosed) return storeErrors.CLOSED({})
    if (this.unflushedBytes + this.#waitingBytes > this.#settings.bytesMax) {
      return refuse('journal-limit', 'the journal has reached store.journal_size_max')
    }
    if (this.#waitingBytes > waitingBytesMax) {
      return refuse('disk-slow', 'too much is waiting for the disk')
    }
    return undefined
  }

  /** Takes an entry after `refusal` had nothing against it; it hears of the end by `onWritten` or `onFailed`. */
  submit(entry: JournalEntry): void {
    assert(!this.#isClosed, 'nothing is submitted to a closed journal')
    this.#waiting.push(entry)
    this.#waitingBytes += entry.bytes
    this.#run()
  }

  /** Closes the segment being written, if anything is in it. */
  async rotate(): Promise<void> {
    if (this.#running === undefined) await this.#closeSegment()
    // Between two groups: under load there is always a next one.
    else await new Promise<void>((resolve) => this.#rotations.push(resolve))
  }

  /** Closes the segment being written; answers the files of all that are closed. */
  async seal(): Promise<string[]> {
    await this.rotate()
    const open = this.#file === undefined ? undefined : this.#segments.at(-1)
    return this.#segments.filter((segment) => segment !== open).map((segment) => segment.path)
  }

  /** Marks a segment as being in the engine. */
  markFlushed(segment: Segment): void {
    const path = join(this.#directory, `${segmentName(segment.number)}.flushed`)
    renameSync(segment.path, path)
    segment.path = path
    segment.isFlushed = true
  }

  /**
   * Compresses flushed segments, one after another, until `isEnough`; what memory does not cover is left
   * out, and log lines. Rejects with the disk's error.
   */
  async compressFlushed(coveredTimeMs: number, isEnough: () => boolean): Promise<void> {
    for (const segment of [...this.#segments]) {
      if (isEnough()) return
      if (!segment.isFlushed || segment.isCompressed) continue
      const plain = segment.path
      const path = `${plain}.zst`
      const packed = await packSegment(await readFile(plain), coveredTimeMs)
      const bytes = await writeCompressedFile(path, packed.bytes)
      if (this.#segments.includes(segment)) {
        const { sampleCount, minTimeMs, maxTimeMs } = packed
        Object.assign(segment, { path, bytes, isCompressed: true })
        Object.assign(segment, { sampleCount, minTimeMs, maxTimeMs, lineCount: 0 })
      } else rmSync(path, { force: true })
      rmSync(plain, { force: true })
    }
    this.#showBytes()
  }

  /** Deletes flushed segments whose samples and exemplars are all before `timeMs`. */
  removeBefore(timeMs: number): void {
    let isFirst = true
    this.#segments = this.#segments.filter((segment) => {
      // What was erased must not come back from the segments before.
      const isNeeded =
        (segment.sampleCount > 0 && segment.maxTimeMs >= timeMs) ||
        segment.exemplarTimeMs >= timeMs ||
        (segment.hasErasure && !isFirst)
      if (!segment.isFlushed || isNeeded) {
        isFirst = false
        return true
      }
      rmSync(segment.path, { force: true })
      return false
    })
    this.#showBytes()
  }

  /** New limits; the rhythm of syncs changes with the next write. */
  reload(settings: JournalSettings): void {
    this.#settings = settings
  }

  /** Writes what waits, syncs and closes. */
  async close(): Promise<void> {
    this.#isClosed = true
    while (this.#running !== undefined) await this.#running
    this.#syncTimer?.cancel()
    await this.#closeSegment()
  }

  #run(): void {
    if (this.#running !== undefined) return
    this.#running = this.#writeGroups().finally(() => {
      this.#running = undefined
      if (this.#waiting.length > 0 || this.#rotations.length > 0) this.#run()
    })
  }

  async #writeGroups(): Promise<void> {
    for (;;) {
      const rotations = this.#rotations.splice(0)
      if (rotations.length > 0) await this.#closeSegment()
      for (const resolve of rotations) resolve()
      if (this.#waiting.length === 0) return
      const group = this.#takeGroup()
      let segment: Segment
      try {
        segment = await this.#writeGroup(group)
      } catch (thrown) {
        this.#fail(group, thrown)
        continue
      }
      this.#isFailing = false
      for (const entry of group) entry.onWritten(segment)
    }
  }

  #takeGroup(): JournalEntry[] {
    let bytes = 0
    let count = 0
    while (count < this.#waiting.length && (count === 0 || bytes < groupBytesMax)) {
      bytes += this.#waiting[count++]!.bytes
    }
    this.#waitingBytes -= bytes
    return this.#waiting.splice(0, count)
  }

  async #writeGroup(group: readonly JournalEntry[]): Promise<Segment> {
    await this.#prepare()
    const segment = await this.#openSegment()
    const file = this.#file!
    this.#writer.clear()
    const before = { ...segment }
    for (const entry of group) entry.encode(this.#writer, segment)
    const bytes = this.#writer.bytes()
    try {
      if (bytes.length > 0) await file.write(bytes, segment.bytes)
      if (this.#settings.sync === 'always') await this.#sync(file)
    } catch (thrown) {
      Object.assign(segment, before)
      await this.#cutOff(segment, file)
      throw thrown
    }
    segment.bytes += bytes.length
    storeMetrics.journalWrites.inc()
    this.#showBytes()
    this.#planSync()
    return segment
  }

  async #cutOff(segment: Segment, file: JournalFile): Promise<void> {
    try {
      await file.truncate(segment.bytes)
    } catch (thrown) {
      this.#log.warn(
        { segment: segment.number, reason: messageOf(thrown) },
        'A failed write could not be cut off; a new segment begins.',
      )
      this.#file = undefined
      await file.close().catch((failure: unknown) => {
        this.#log.warn({ reason: messageOf(failure) }, 'A journal segment could not be closed.')
      })
      this.#onSealed()
    }
  }

  #fail(group: readonly JournalEntry[], thrown: unknown): void {
    const reason = messageOf(thrown)
    const error = thrown instanceof CodedError ? thrown : refuse('write-failed', reason, thrown)
    if (!this.#isFailing) this.#log.error({ reason }, 'The journal cannot be written.')
    this.#isFailing = true
    this.#onFailed(thrown)
    const refused = [...group, ...this.#waiting]
    this.#waiting = []
    this.#waitingBytes = 0
    for (const entry of refused) entry.onFailed(error)
  }

  async #openSegment(): Promise<Segment> {
    if (this.#file !== undefined && this.#segments.at(-1)!.bytes >= this.#settings.segmentBytes) {
      await this.#closeSegment()
    }
    if (this.#file === undefined) {
      const number = this.#nextNumber++
      const path = join(this.#directory, `${segmentName(number)}.journal`)
      const file = await this.#makeFile(path)
      try {
        await file.write(fileHeader, 0)
      } catch (thrown) {
        await file.close()
        rmSync(path, { force: true })
        throw thrown
      }
      this.#file = file
      this.#segments.push({ ...makeSegment(number, path), bytes: fileHeader.length })
      syncDirectory(this.#directory)
    }
    return this.#segments.at(-1)!
  }

  async #closeSegment(): Promise<void> {
    const file = this.#file
    if (file === undefined) return
    this.#file = undefined
    try {
      await this.#sync(file)
    } catch (thrown) {
      this.#log.error({ reason: messageOf(thrown) }, 'A journal segment could not be synced.')
    }
    try {
      await file.close()
    } catch (thrown) {
      this.#log.error({ reason: messageOf(thrown) }, 'A journal segment could not be closed.')
    }
    this.#onSealed()
  }

  async #sync(file: JournalFile): Promise<void> {
    await this.#syncNames()
    await file.sync()
  }

  #planSync(): void {
    if (this.#settings.sync === 'always' || this.#syncTimer !== undefined) return
    this.#syncTimer = this.#clock.after(this.#settings.sync, () => {
      this.#syncTimer = undefined
      const file = this.#file
      if (file === undefined) return
      this.#sync(file).catch((thrown: unknown) => {
        // A segment that was closed meanwhile was synced by closing.
        if (this.#file === file) {
          this.#log.error({ reason: messageOf(thrown) }, 'The journal could not be synced.')
        }
      })
    })
  }

  #showBytes(): void {
    storeMetrics.journalBytes.set(this.bytes)
  }
}

function refuse(word: string, reason: string, cause?: unknown): CodedError {
  storeMetrics.journalFailures.inc({ reason: word })
  return storeErrors.FULL({ reason }, cause)
}
