/**
 * Follows the log files of the configuration: finds them by pattern, reads what is new, hands lines
 * on, and remembers positions in `<dataDir>/tail-positions.json`. A position moves only when the
 * store has acknowledged the lines before it: after a normal restart nothing is lost or repeated,
 * after a crash at most what the last half second brought is repeated, never lost.
 */

import { glob, readdir, readFile, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import type { Clock, Timer } from '../../base/clock.ts'
import { messageOf } from '../../base/error.ts'
import { writeFileAtomic } from '../../base/files.ts'
import type { Log } from '../../base/log.ts'
import { type Labels, labelsFromPairs } from '../../model/labels.ts'
import type { LogBatch } from '../../model/log-line.ts'
import { findLevel } from '../../prepare/prepare.ts'
import type { DropLedger } from '../drops.ts'
import { collectFilesOpen } from '../metrics.ts'
import type { LogFilesConfig } from '../settings.ts'
import { type LineOptions, makeChunkBuffer, TailFile, type TailPosition } from './tail-file.ts'

/** How often files are read. */
const readIntervalMs = 500
/** How often patterns are looked up again. */
const findIntervalMs = 5000
/** Files followed at once; each holds a descriptor. */
const filesMax = 500
/** Chunks read of one file before the others have their turn. */
const chunksPerTurnMax = 16
/** A renamed file is read on for this long: its writer notices the rotation later than we do. */
const graceMs = 10_000
/** Positions of files that are gone are kept this long, in case they come back. */
const forgetAfterMs = 7 * 86_400_000

/** What following works with. */
export interface TailParts {
  clock: Clock
  log: Log
  drops: DropLedger
  dataDir: string
  /** Hands lines on; resolves when they are kept. */
  append: (batch: LogBatch) => Promise<void>
  onChange: () => void
}

/** How a followed file fares. */
export interface TailState {
  path: string
  labels: Labels
  lineCount: number
  lastTimeMs: number | undefined
  lastError: string
}

interface Followed {
  config: LogFilesConfig
  state: TailState
  file: TailFile | undefined
}

/** A file that lost its name to another, or lost its name. */
interface Leaving {
  followed: Followed
  file: TailFile
  endTimeMs: number
}

interface Remembered extends TailPosition {
  seenTimeMs: number
}

/** Follows files until stopped. */
export class Tailer {
  readonly #parts: TailParts
  readonly #positionsPath: string
  readonly #followed = new Map<string, Followed>()
  #leaving: Leaving[] = []
  readonly #buffer = makeChunkBuffer()
  /** By inode and path: a renamed file and its successor are both remembered. */
  #positions = new Map<string, Remembered>()
  #configs: readonly LogFilesConfig[] = []
  /** When positions were last saved by the process before us; 0 when we never ran. */
  #savedTimeMs = 0
  #isFirstLook = true
  #lastFindTimeMs = Number.NEGATIVE_INFINITY
  #lastTimeNs = 0n
  #timer: Timer | undefined
  #running: Promise<void> | undefined
  #isStopped = false
  #isDirty = false

  constructor(parts: TailParts) {
    this.#parts = parts
    this.#positionsPath = join(parts.dataDir, 'tail-positions.json')
  }

  /** Begins to follow. */
  async start(configs: readonly LogFilesConfig[]): Promise<void> {
    await this.#load()
    this.configure(configs)
    // The first look decides where each file begins: whatever is written after the start is ours.
    await this.#look()
  }

  /** Follows other files from the next look on. */
  configure(configs: readonly LogFilesConfig[]): void {
    this.#configs = configs
    this.#lastFindTimeMs = Number.NEGATIVE_INFINITY
  }

  /** Reads once more, saves the positions and closes the files. */
  async stop(): Promise<void> {
    this.#isStopped = true
    this.#timer?.cancel()
    await this.#running
    await this.turn().catch((thrown: unknown) => {
      this.#parts.log.warn(
        { reason: messageOf(thrown) },
        'Followed files were not read to the end.',
      )
    })
    this.#save()
    for (const followed of this.#followed.values()) await followed.file?.close()
    for (const { file } of this.#leaving) await file.close()
    this.#followed.clear()
    this.#leaving = []
  }

  /** Every followed file. */
  list(): TailState[] {
    return [...this.#followed.values()].map(({ state }) => state)
  }

  /** One look at all files; for tests and for the timer. */
  async turn(): Promise<void> {
    const nowTimeMs = this.#parts.clock.nowTimeMs()
    if (nowTimeMs - this.#lastFindTimeMs >= findIntervalMs) {
      this.#lastFindTimeMs = nowTimeMs
      await this.#find()
    }
    for (const followed of [...this.#followed.values()]) {
      try {
        await this.#read(followed)
        if (followed.state.lastError !== '') this.#noteError(followed, '')
      } catch (thrown) {
        this.#noteError(followed, messageOf(thrown))
      }
    }
    await this.#readLeaving(nowTimeMs)
    this.#isFirstLook = false
    if (this.#isDirty) this.#save()
  }

  #schedule(delayMs: number): void {
    if (this.#isStopped) return
    this.#timer = this.#parts.clock.after(delayMs, () => void this.#look())
  }

  #look(): Promise<void> {
    this.#running = this.turn()
      .catch((thrown: unknown) => {
        this.#parts.log.warn({ reason: messageOf(thrown) }, 'Followed files could not be read.')
      })
      .finally(() => this.#schedule(readIntervalMs))
    return this.#running
  }

  // --- finding files ---------------------------------------------------------------------------

  async #find(): Promise<void> {
    const wanted = new Map<string, LogFilesConfig>()
    for (const config of this.#configs) {
      for await (const path of glob(config.paths, { exclude: config.exclude })) {
        if (wanted.size >= filesMax && !wanted.has(path)) {
          this.#parts.drops.add('file', path, { reason: 'too-many-files', count: 1 })
        } else if (!wanted.has(path)) wanted.set(path, config)
      }
    }
    let hasChanged = false
    for (const [path, followed] of [...this.#followed]) {
      if (wanted.has(path)) continue
      hasChanged = true
      this.#followed.delete(path)
      if (followed.file === undefined) continue
      // Gone from the disk: read to its end. Gone from the configuration: let go at once.
      if ((await findInode(path)) === undefined) this.#leave(followed, followed.file)
      else await followed.file.close()
    }
    for (const [path, config] of wanted) {
      const known = this.#followed.get(path)
      if (known !== undefined) {
        if (known.config !== config) this.#reconfigure(known, config)
        continue
      }
      const labels = makeFileLabels(path, config)
      const state = { path, labels, lineCount: 0, lastTimeMs: undefined, lastError: '' }
      this.#followed.set(path, { config, state, file: undefined })
      hasChanged = true
    }
    collectFilesOpen.set(this.#followed.size)
    if (hasChanged) this.#parts.onChange()
  }

  #reconfigure(followed: Followed, config: LogFilesConfig): void {
    followed.config = config
    followed.state.labels = makeFileLabels(followed.state.path, config)
  }

  // --- reading ---------------------------------------------------------------------------------

  async #read(followed: Followed): Promise<void> {
    followed.file ??= await this.#open(followed)
    const { file } = followed
    if (file === undefined) return
    const inode = await findInode(followed.state.path)
    await this.#drain(followed, file, false)
    if (inode === file.inode) return
    // What comes now is in the new file, from its beginning.
    followed.file = undefined
    this.#leave(followed, file)
    if (inode === undefined) return
    followed.file = await TailFile.open(followed.state.path, this.#lineOptions(followed), {
      known: undefined,
      isAtEnd: false,
    })
    await this.#drain(followed, followed.file, false)
  }

  #leave(followed: Followed, file: TailFile): void {
    this.#leaving.push({ followed, file, endTimeMs: this.#parts.clock.nowTimeMs() + graceMs })
  }

  async #readLeaving(nowTimeMs: number): Promise<void> {
    const staying: Leaving[] = []
    for (const leaving of this.#leaving) {
      const { followed, file } = leaving
      const isEnding = nowTimeMs >= leaving.endTimeMs
      try {
        await this.#drain(followed, file, isEnding)
      } catch (thrown) {
        this.#noteError(followed, messageOf(thrown))
        if (!isEnding) staying.push(leaving)
        continue
      }
      if (!isEnding) {
        staying.push(leaving)
        continue
      }
      await file.close()
      this.#positions.delete(positionKey(file))
      this.#isDirty = true
    }
    this.#leaving = staying
  }

  /** Opens a file for the first time in this process. */
  async #open(followed: Followed): Promise<TailFile | undefined> {
    const { path } = followed.state
    const details = await stat(path).catch(() => undefined)
    if (details === undefined) return undefined
    if (!details.isFile()) throw new Error('it is not a file')
    const remembered = [...this.#positions.values()].filter((position) => position.path === path)
    for (const position of remembered) {
      if (position.inode !== details.ino) await this.#openRotated(followed, position)
    }
    const known = remembered.find((position) => position.inode === details.ino)
    const isOlder = remembered.length === 0 && this.#isOlder(details.birthtimeMs || details.ctimeMs)
    const isAtEnd = isOlder && followed.config.start_at === 'end'
    const file = await TailFile.open(path, this.#lineOptions(followed), { known, isAtEnd })
    this.#remember(file)
    return file
  }

  /** Whether a file that we know nothing of was there before we could have seen it. */
  #isOlder(bornTimeMs: number): boolean {
    return this.#isFirstLook && (this.#savedTimeMs === 0 || bornTimeMs < this.#savedTimeMs)
  }

  /** The file was renamed while we were away: the rest of it is read under its new name. */
  async #openRotated(followed: Followed, known: Remembered): Promise<void> {
    if (this.#leaving.some(({ file }) => file.inode === known.inode)) return
    const folder = dirname(known.path)
    const base = basename(known.path)
    this.#positions.delete(positionKey(known))
    this.#isDirty = true
    for (const name of await readdir(folder)) {
      // app.log becomes app.log.1 or app-20261120.log; the inode decides.
      if (name === base || !name.startsWith(base.replace(/\.[^.]*$/, ''))) continue
      const path = join(folder, name)
      if ((await findInode(path)) !== known.inode) continue
      const options = this.#lineOptions(followed)
      this.#leave(followed, await TailFile.open(path, options, { known, isAtEnd: false }))
      return
    }
  }

  async #drain(followed: Followed, file: TailFile, isEnding: boolean): Promise<void> {
    await file.look()
    for (let turn = 0; isEnding || turn < chunksPerTurnMax; turn++) {
      const before = file.position
      const found = await file.read(isEnding)
      if (found === undefined) return
      if (found.lines.length > 0) await this.#append(followed, found.lines)
      if (found.cutCount > 0) {
        this.#parts.drops.add('file', file.path, { reason: 'line-cut', count: found.cutCount })
      }
      await file.acknowledge(found.position)
      if (file.position === before) return
      this.#remember(file)
    }
  }

  async #append(followed: Followed, lines: string[]): Promise<void> {
    const { state } = followed
    const nowTimeMs = this.#parts.clock.nowTimeMs()
    const timeNs = new BigInt64Array(lines.length)
    const level = new Uint8Array(lines.length)
    // Lines get the time of their arrival; one nanosecond apart, so that they keep their order.
    let nextNs = BigInt(nowTimeMs) * 1_000_000n
    if (nextNs <= this.#lastTimeNs) nextNs = this.#lastTimeNs + 1n
    lines.forEach((line, index) => {
      timeNs[index] = nextNs++
      level[index] = findLevel(line)
    })
    this.#lastTimeNs = nextNs - 1n
    await this.#parts.append({
      count: lines.length,
      streams: [state.labels],
      stream: new Uint32Array(lines.length),
      timeNs,
      level,
      line: lines,
    })
    state.lineCount += lines.length
    state.lastTimeMs = nowTimeMs
  }

  #lineOptions({ config }: Followed): LineOptions {
    return {
      // A line must fit into one read together with its line feed.
      lineBytesMax: Math.min(config.line_size_limit, 255 * 1024),
      isJoined: config.join_lines,
      buffer: this.#buffer,
    }
  }

  #noteError(followed: Followed, reason: string): void {
    const { state } = followed
    if (state.lastError === reason) return
    state.lastError = reason
    if (reason === '') this.#parts.log.info({ path: state.path }, 'A followed file is read again.')
    else this.#parts.log.warn({ path: state.path, reason }, 'A followed file cannot be read.')
    this.#parts.onChange()
  }

  // --- positions -------------------------------------------------------------------------------

  #remember(file: TailFile): void {
    const position = file.remember()
    this.#positions.set(positionKey(position), {
      ...position,
      seenTimeMs: this.#parts.clock.nowTimeMs(),
    })
    this.#isDirty = true
  }

  async #load(): Promise<void> {
    let text: string
    try {
      text = await readFile(this.#positionsPath, 'utf8')
    } catch {
      // The first start: there is nothing to remember.
      return
    }
    try {
      const value = JSON.parse(text) as { savedTimeMs: number; files: Remembered[] }
      this.#savedTimeMs = Number(value.savedTimeMs)
      this.#positions = new Map(value.files.map((file) => [positionKey(file), file]))
    } catch (thrown) {
      this.#parts.log.error(
        { path: this.#positionsPath, reason: messageOf(thrown) },
        'The positions of followed files are unreadable; files are followed from their end.',
      )
    }
  }

  #save(): void {
    const nowTimeMs = this.#parts.clock.nowTimeMs()
    for (const [key, file] of this.#positions) {
      if (this.#followed.get(file.path)?.file?.inode === file.inode) file.seenTimeMs = nowTimeMs
      else if (nowTimeMs - file.seenTimeMs > forgetAfterMs) this.#positions.delete(key)
    }
    const value = { savedTimeMs: nowTimeMs, files: [...this.#positions.values()] }
    writeFileAtomic(this.#positionsPath, `${JSON.stringify(value)}\n`)
    this.#isDirty = false
  }
}

async function findInode(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).ino
  } catch {
    return undefined
  }
}

function positionKey(file: { inode: number; path: string }): string {
  return `${file.inode} ${file.path}`
}

function makeFileLabels(path: string, config: LogFilesConfig): Labels {
  const pairs: string[] = []
  for (const name of Object.keys(config.labels)) pairs.push(name, config.labels[name]!)
  pairs.push('filename', path)
  const own = new Set(Object.keys(config.labels))
  if (config.service !== undefined) pairs.push('service_name', config.service)
  else if (!own.has('service_name')) {
    pairs.push(
      'service_name',
      config.labels['service'] ?? config.labels['job'] ?? 'unknown_service',
    )
  }
  return labelsFromPairs(pairs)
}
