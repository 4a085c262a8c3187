/**
 * Which number stands for which label set, on disk: `series-00000001.log` and on, in the records of
 * record-format.ts (symbols, series, removed). Segments of the journal name series by number alone, so a
 * series is written here before its first sample there. Read in order; a later record of a number counts.
 *
 * The log is rewritten when it is mostly about series that ended: a new file takes the additions at
 * once and the living series bit by bit, then the older files go. A crash between leaves both, which
 * reads the same.
 */

import { mkdirSync, readdirSync, rmSync, statSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { syncDirectory } from '../../base/files.ts'
import type { Log } from '../../base/log.ts'
import type { SeriesId } from '../../model/sample.ts'
import type { Head } from '../head/head.ts'
import { listFrom } from '../head/series-index.ts'
import { storeMetrics } from '../metrics.ts'
import type { JournalFile, MakeJournalFile } from './journal-file.ts'
import { fileHeader, RecordWriter, readRecords } from './record-format.ts'

/** Below this size rewriting is not worth while. */
const rewriteBytesMin = 16 << 20
/** Series written in one go while rewriting, so that nobody waits long. */
const rewriteStepSeries = 5_000

/** The names of series, kept beside the journal. */
export class SeriesLog {
  readonly #directory: string
  readonly #head: Head
  readonly #log: Log
  readonly #makeFile: MakeJournalFile
  #file: JournalFile | undefined
  #paths: string[] = []
  #nextNumber = 1
  /** Bytes of good records in the newest file. */
  #end = 0
  #isDirty = false
  #oldBytes = 0
  #added: SeriesId[] = []
  #removed: SeriesId[] = []
  #isWritten: Uint8Array = new Uint8Array(0)
  #writer = new RecordWriter()
  #chain: Promise<void> = Promise.resolve()
  /** Series in the log, living or not. */
  #entryCount = 0

  constructor(options: { directory: string; head: Head; log: Log; makeFile: MakeJournalFile }) {
    this.#directory = options.directory
    this.#head = options.head
    this.#log = options.log
    this.#makeFile = options.makeFile
    mkdirSync(options.directory, { recursive: true })
  }

  /** Bytes on disk. */
  get bytes(): number {
    return this.#oldBytes + this.#end
  }

  /** Reads the log and puts its series into the head. */
  async recover(): Promise<void> {
    const { index } = this.#head
    const table = new SeriesTable()
    const symbols: number[] = []
    for (const name of readdirSync(this.#directory).sort()) {
      const match = /^series-(\d{8,})\.log$/.exec(name)
      if (match === null) continue
      const path = join(this.#directory, name)
      this.#paths.push(path)
      this.#oldBytes += statSync(path).size
      this.#nextNumber = Number(match[1]) + 1
      const file = await readFile(path)
      const goodBytes = readRecords(file, {
        // Numbers of symbols are the file's own: they are given anew here.
        onSymbol: (symbol, text) => {
          symbols[symbol] = index.symbols.add(text)
        },
        onSeries: (id, pairs) => {
          this.#entryCount++
          table.set(
            id,
            pairs.map((symbol) => symbols[symbol]!),
          )
        },
        onRemoved: (id) => table.remove(id),
        onSamples: () => undefined,
        onLines: () => undefined,
      })
      if (goodBytes < file.length) {
        storeMetrics.journalTorn.inc(file.length - goodBytes)
        this.#log.warn(
          { tornBytes: file.length - goodBytes },
          'The end of the series log was torn.',
        )
      }
      symbols.length = 0
    }
    table.forEach((id, pairs) => {
      index.put(id, pairs)
      this.#head.prepare(id)
    })
    index.collectFree()
  }

  /** Notes a series to be written. */
  add(id: SeriesId): void {
    this.#added.push(id)
  }

  /** Notes numbers that were taken back. */
  remove(ids: readonly SeriesId[]): void {
    for (const id of ids) this.#removed.push(id)
    this.#added = this.#added.filter((id) => this.#head.index.isLive[id] === 1)
    // Symbols may be given anew from now on: each is written again before its next use.
    this.#isWritten.fill(0)
  }

  /** Writes everything noted so far; rejects when the disk does not take it, and keeps it for next time. */
  write(): Promise<void> {
    if (this.#added.length === 0 && this.#removed.length === 0) return this.#chain
    const added = this.#added
    const removed = this.#removed
    this.#added = []
    this.#removed = []
    const written = this.#chain.then(() => this.#append({ added, removed }))
    this.#chain = written.catch(() => {
      this.#added.unshift(...added)
      this.#removed.unshift(...removed)
    })
    return written
  }

  /** Rewrites the log if most of it is about ended series. */
  async compact(): Promise<void> {
    const { index } = this.#head
    if (this.bytes < rewriteBytesMin || this.#entryCount < index.count * 3) return
    await this.rewrite()
  }

  /** Rewrites the log from the living series; additions meanwhile are not held up. */
  async rewrite(): Promise<void> {
    const { index } = this.#head
    const old = [...this.#paths]
    await this.#enqueue(() => this.#begin())
    this.#entryCount = 0
    for (let from = 0; from < index.idEnd; from += rewriteStepSeries) {
      await this.#enqueue(async () => {
        const added: SeriesId[] = []
        for (let id = from; id < Math.min(index.idEnd, from + rewriteStepSeries); id++) {
          if (index.isLive[id] === 1) added.push(id)
        }
        await this.#append({ added, removed: [] })
      })
      await setImmediate()
    }
    // The old files go only when the new one is safe.
    await this.#enqueue(() => this.sync())
    for (const path of old) rmSync(path, { force: true })
    this.#paths = this.#paths.filter((path) => !old.includes(path))
    this.#oldBytes = 0
  }

  /** The files, each with how many of its bytes are whole records now. */
  async listFiles(): Promise<{ path: string; sizeBytes: number }[]> {
    await this.write()
    let files: { path: string; sizeBytes: number }[] = []
    await this.#enqueue(async () => {
      const newest = this.#file === undefined ? undefined : this.#paths.at(-1)
      files = this.#paths.map((path) => ({
        path,
        sizeBytes: path === newest ? this.#end : statSync(path).size,
      }))
    })
    return files
  }

  /** Writes what is noted, syncs and closes. */
  async close(): Promise<void> {
    await this.write()
    await this.sync()
    await this.#file?.close()
    this.#file = undefined
  }

  /** Brings what was written to the disk. */
  async sync(): Promise<void> {
    const file = this.#file
    if (file === undefined || !this.#isDirty) return
    this.#isDirty = false
    try {
      await file.sync()
    } catch (thrown) {
      this.#isDirty = true
      throw thrown
    }
  }

  #enqueue(action: () => Promise<void>): Promise<void> {
    const done = this.#chain.then(action)
    this.#chain = done.catch(() => undefined)
    return done
  }

  async #begin(): Promise<void> {
    await this.sync()
    await this.#file?.close()
    this.#file = undefined
    this.#oldBytes += this.#end
    this.#end = 0
    const number = String(this.#nextNumber++).padStart(8, '0')
    const path = join(this.#directory, `series-${number}.log`)
    const file = await this.#makeFile(path)
    try {
      await file.write(fileHeader, 0)
    } catch (thrown) {
      await file.close()
      rmSync(path, { force: true })
      throw thrown
    }
    syncDirectory(this.#directory)
    this.#paths.push(path)
    this.#file = file
    this.#end = fileHeader.length
    this.#isWritten.fill(0)
  }

  async #append(change: {
    added: readonly SeriesId[]
    removed: readonly SeriesId[]
  }): Promise<void> {
    const { index } = this.#head
    if (this.#file === undefined) await this.#begin()
    const added = change.added.filter((id) => index.isLive[id] === 1)
    const symbols = this.#unwrittenSymbols(added)
    const writer = this.#writer
    writer.clear()
    if (change.removed.length > 0) writer.removed(change.removed)
    if (symbols.length > 0) writer.symbols(symbols, (symbol) => index.symbols.textOf(symbol))
    if (added.length > 0) writer.series(added, (id) => index.symbolsOf(id))
    const bytes = writer.bytes()
    try {
      await this.#file!.write(bytes, this.#end)
    } catch (thrown) {
      // The rest of a failed write is overwritten by the next one, which begins at the same place.
      for (const symbol of symbols) this.#isWritten[symbol] = 0
      throw thrown
    }
    this.#isDirty = true
    this.#end += bytes.length
    this.#entryCount += added.length
  }

  #unwrittenSymbols(ids: readonly SeriesId[]): number[] {
    const { index } = this.#head
    if (this.#isWritten.length < index.symbols.idEnd) {
      const grown = new Uint8Array(Math.max(1_024, index.symbols.idEnd * 2))
      grown.set(this.#isWritten)
      this.#isWritten = grown
    }
    const found: number[] = []
    for (const id of ids) {
      for (const symbol of index.symbolsOf(id)) {
        if (this.#isWritten[symbol] === 1) continue
        this.#isWritten[symbol] = 1
        found.push(symbol)
      }
    }
    return found
  }
}

/** Definitions while reading: one growing array instead of a million small ones. */
class SeriesTable {
  #offset: number[] = []
  #arena: Uint32Array = new Uint32Array(1 << 16)
  #end = 0

  set(id: SeriesId, symbols: readonly number[]): void {
    if (this.#end + symbols.length + 1 > this.#arena.length) {
      const grown = new Uint32Array(
        Math.max(this.#arena.length * 2, this.#end + symbols.length + 1),
      )
      grown.set(this.#arena)
      this.#arena = grown
    }
    while (this.#offset.length <= id) this.#offset.push(-1)
    this.#offset[id] = this.#end
    this.#arena[this.#end++] = symbols.length
    this.#arena.set(symbols, this.#end)
    this.#end += symbols.length
  }

  remove(id: SeriesId): void {
    if (id < this.#offset.length) this.#offset[id] = -1
  }

  forEach(visit: (id: SeriesId, symbols: number[]) => void): void {
    for (let id = 0; id < this.#offset.length; id++) {
      const offset = this.#offset[id]!
      if (offset < 0) continue
      const size = this.#arena[offset]!
      visit(id, listFrom(this.#arena, offset + 1, size))
    }
  }
}
