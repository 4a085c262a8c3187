/**
 * One followed file: from bytes to lines, and through every way a file is rotated.
 *
 *   rename and create   the path has another inode: the old file is read to its end, then the new
 *   truncate            the size fell below our position: from the beginning
 *   copytruncate        truncated and written beyond our position meanwhile: the first bytes of the
 *                       file are not those we remember, so from the beginning
 *
 * The position names the byte behind the last line that the store has acknowledged.
 */

import { type FileHandle, open } from 'node:fs/promises'

/** Bytes at the head of a file by which we know it again. */
const headBytesMax = 256
/** Bytes read at once; also the longest stretch between two acknowledgements. */
const chunkBytes = 256 * 1024

/** What must be remembered of a file, as JSON. */
export interface TailPosition {
  path: string
  inode: number
  /** Byte behind the last acknowledged line. */
  position: number
  /** First bytes of the file, in hexadecimal: at most 256, never beyond `position`. */
  head: string
}

/** Lines read from a file; `position` is to be acknowledged once they are kept. */
export interface TailLines {
  lines: string[]
  cutCount: number
  position: number
}

/** Options of line making. */
export interface LineOptions {
  lineBytesMax: number
  /** Joins lines that continue the one before. */
  isJoined: boolean
  /** Where chunks are read into; may be shared by files that are read one after another. */
  buffer: Buffer
}

/** A buffer for chunks. */
export function makeChunkBuffer(): Buffer {
  return Buffer.allocUnsafe(chunkBytes)
}

/** Lines that belong to the one before: of stack traces in Java, JavaScript, Python, Go. */
const continuation = /^(?:\s|at |Caused by|\.\.\. \d+ (?:more|common)|Traceback )/

/** An open file and where we are in it. */
export class TailFile {
  readonly path: string
  readonly inode: number
  /** Behind the last acknowledged line. */
  position: number
  readonly #handle: FileHandle
  readonly #options: LineOptions
  #head: Buffer
  /** Inside a line that is longer than the limit: its rest is skipped. */
  #isSkipping = false
  /** Size at the last look, and whether it was the same at the look before. */
  #sizeBefore = -1
  #isQuiet = false

  private constructor(parts: {
    path: string
    inode: number
    position: number
    head: Buffer
    handle: FileHandle
    options: LineOptions
  }) {
    this.path = parts.path
    this.inode = parts.inode
    this.position = parts.position
    this.#head = parts.head
    this.#handle = parts.handle
    this.#options = parts.options
  }

  /** Opens `path`; goes on at `known` when it is the same file, else begins at `start`. */
  static async open(
    path: string,
    options: LineOptions,
    start: { known: TailPosition | undefined; isAtEnd: boolean },
  ): Promise<TailFile> {
    const handle = await open(path, 'r')
    try {
      const { ino: inode, size } = await handle.stat()
      const { known } = start
      const file = new TailFile({
        path,
        inode,
        position: start.isAtEnd && known === undefined ? size : 0,
        head: Buffer.alloc(0),
        handle,
        options,
      })
      if (known !== undefined && known.inode === inode && known.position <= size) {
        file.position = known.position
        file.#head = Buffer.from(known.head, 'hex')
        if (!(await file.#hasSameHead())) file.#restart()
      }
      await file.#extendHead()
      return file
    } catch (thrown) {
      await handle.close()
      throw thrown
    }
  }

  /** To be called once before the reads of a turn: sees whether the file was rewritten or is quiet. */
  async look(): Promise<void> {
    const { size } = await this.#handle.stat()
    this.#isQuiet = size === this.#sizeBefore
    this.#sizeBefore = size
    if (size < this.position) this.#restart()
    else if (!this.#isQuiet && !(await this.#hasSameHead())) this.#restart()
  }

  /**
   * Reads what is new, at most one chunk of it. `isEnding`: nobody will write any more, so a last
   * line without line feed counts. Gives `undefined` when there is nothing.
   */
  async read(isEnding: boolean): Promise<TailLines | undefined> {
    const { size } = await this.#handle.stat()
    if (size <= this.position) return undefined
    const { buffer } = this.#options
    const { bytesRead } = await this.#handle.read(buffer, 0, chunkBytes, this.position)
    if (bytesRead === 0) return undefined
    const isLast = this.position + bytesRead >= size
    return this.#split(buffer.subarray(0, bytesRead), { isEnding: isEnding && isLast, isLast })
  }

  /** Tells that the lines up to `position` are kept. */
  async acknowledge(position: number): Promise<void> {
    this.position = position
    await this.#extendHead()
  }

  /** What to remember. */
  remember(): TailPosition {
    const { path, inode, position } = this
    return { path, inode, position, head: this.#head.toString('hex') }
  }

  close(): Promise<void> {
    return this.#handle.close()
  }

  #restart(): void {
    this.position = 0
    this.#head = Buffer.alloc(0)
    this.#isSkipping = false
  }

  async #hasSameHead(): Promise<boolean> {
    const size = this.#head.length
    if (size === 0) return true
    const found = Buffer.allocUnsafe(size)
    const { bytesRead } = await this.#handle.read(found, 0, size, 0)
    return bytesRead === size && found.equals(this.#head)
  }

  async #extendHead(): Promise<void> {
    const size = Math.min(headBytesMax, this.position)
    if (this.#head.length >= size) return
    const head = Buffer.alloc(size)
    const { bytesRead } = await this.#handle.read(head, 0, size, 0)
    this.#head = head.subarray(0, bytesRead)
  }

  /** Cuts the chunk into lines. A line that is not complete stays in the file for the next turn. */
  #split(chunk: Buffer, state: { isEnding: boolean; isLast: boolean }): TailLines {
    const { lineBytesMax, isJoined } = this.#options
    const byteCount = chunk.length
    const result: TailLines = { lines: [], cutCount: 0, position: this.position }
    let at = 0
    /** Where the last complete line begins: it may still grow by lines that belong to it. */
    let openAt = -1
    while (at < byteCount) {
      let end = chunk.indexOf(0x0a, at)
      const isOpen = end < 0
      if (isOpen) {
        const isTooLong = byteCount - at > lineBytesMax || (at === 0 && byteCount === chunkBytes)
        if (!state.isEnding && !isTooLong && !this.#isSkipping) break
        end = byteCount
      }
      const next = isOpen ? end : end + 1
      if (this.#isSkipping) {
        this.#isSkipping = isOpen
      } else {
        if (isOpen && !state.isEnding) this.#isSkipping = true
        const isCut = end - at > lineBytesMax || this.#isSkipping
        if (isCut) result.cutCount++
        const line = this.#text(chunk, at, Math.min(end, at + lineBytesMax))
        if (isJoined && result.lines.length > 0 && continuation.test(line)) {
          this.#join(result, line)
        } else {
          openAt = at
          result.lines.push(line)
        }
      }
      at = next
      result.position = this.position + at
    }
    // The last line of a joined file waits until the next begins, or the file is quiet.
    const isWaiting = isJoined && state.isLast && !state.isEnding && !this.#isQuiet
    const mayGoOn = isJoined && !state.isLast && result.lines.length > 1
    if ((isWaiting || mayGoOn) && openAt >= 0 && !this.#isSkipping) {
      result.lines.pop()
      result.position = this.position + openAt
    }
    return result
  }

  #join(result: TailLines, line: string): void {
    const index = result.lines.length - 1
    const joined = `${result.lines[index]}\n${line}`
    if (Buffer.byteLength(joined) <= this.#options.lineBytesMax) result.lines[index] = joined
    else result.cutCount++
  }

  #text(chunk: Buffer, start: number, end: number): string {
    const hasReturn = end > start && chunk[end - 1] === 0x0d
    return chunk.toString('utf8', start, hasReturn ? end - 1 : end)
  }
}
