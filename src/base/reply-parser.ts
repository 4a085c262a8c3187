/**
 * Reads one reply of HTTP/1 from bytes as they come in, whatever pieces they come in. It is as strict as a client
 * that keeps connections must be: what is not certain about where a reply ends is an error.
 * Source: RFC 9112 (HTTP/1.1), sections 4 to 7 and 9.3.
 */

/** A head, and what follows the last chunk, is at most this long. */
const headBytesMax = 16 * 1024
/** The line before a chunk is at most this long. */
const chunkLineBytesMax = 1024

const lineEnd = Buffer.from('\r\n')
const headEnd = Buffer.from('\r\n\r\n')
const statusPattern = /^HTTP\/1\.([01]) ([1-9]\d\d)(?: |$)/
const namePattern = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
const brokenValuePattern = /[\0\r\n]/
const chunkPattern = /^([0-9A-Fa-f]{1,8})[ \t]*(?:;|$)/
const lengthPattern = /^\d{1,15}$/

type State = 'head' | 'sized' | 'line' | 'chunk' | 'chunk-end' | 'trailer' | 'until-end' | 'done'

/** What became of bytes: the reply needs more of them, is whole, or is larger than it may be. */
export type ParseOutcome = 'more' | 'done' | 'overflow'

/** A cursor over one reply. */
export class ReplyParser {
  status = 0
  /** By name in lower case; equal names joined. */
  headers: Record<string, string> = {}
  /** Whether the connection may carry another request. */
  isKept = false
  readonly #bytesMax: number
  #state: State = 'head'
  /** The beginning of a line or head whose end has not come. */
  #pending: Buffer | undefined
  /** Of a body whose size was told, all of it; else its pieces. */
  #whole: Buffer | undefined
  readonly #pieces: Buffer[] = []
  #size = 0
  /** Bytes that the body or the chunk still has. */
  #leftBytes = 0
  #trailerBytes = 0

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  /** The body, once it is whole. */
  get body(): Buffer {
    return this.#whole ?? Buffer.concat(this.#pieces, this.#size)
  }

  /** Takes bytes; they may be overwritten afterwards. Throws what is wrong with them. */
  take(bytes: Buffer): ParseOutcome {
    const data = this.#pending === undefined ? bytes : Buffer.concat([this.#pending, bytes])
    this.#pending = undefined
    let at = 0
    for (;;) {
      const next = this.#step(data, at)
      if (next === 'overflow') return next
      if (this.#state === 'done') {
        // Bytes that nobody asked for: who knows what they are.
        if (next !== 'more' && next < data.length) this.isKept = false
        return 'done'
      }
      if (next === 'more') return next
      at = next
    }
  }

  /** The other side has ended; answers whether the reply is whole by that. */
  endInput(): boolean {
    if (this.#state === 'until-end') this.#state = 'done'
    return this.#state === 'done'
  }

  /** Answers where to go on, or that more is needed. */
  #step(data: Buffer, at: number): number | 'more' | 'overflow' {
    switch (this.#state) {
      case 'head':
        return this.#stepHead(data, at)
      case 'sized':
        return this.#stepSized(data, at)
      case 'line':
        return this.#stepLine(data, at)
      case 'chunk':
        return this.#stepChunk(data, at)
      case 'chunk-end':
        if (data.length - at < 2) return this.#wait(data, at, 2)
        if (data[at] !== 0x0d || data[at + 1] !== 0x0a) fail('a chunk does not end where it should')
        this.#state = 'line'
        return at + 2
      case 'trailer':
        return this.#stepTrailer(data, at)
      case 'until-end':
        return this.#addPiece(data, at, data.length) ? 'more' : 'overflow'
      case 'done':
        return at
    }
  }

  #stepHead(data: Buffer, at: number): number | 'more' | 'overflow' {
    const end = data.indexOf(headEnd, at)
    if (end < 0) return this.#wait(data, at, headBytesMax)
    if (end - at > headBytesMax) fail('its head is too large')
    this.#readHead(data.toString('latin1', at, end))
    const isTooLarge = this.#state === 'sized' && this.#leftBytes > this.#bytesMax
    if (isTooLarge) return 'overflow'
    if (this.#state === 'sized') this.#whole = Buffer.allocUnsafe(this.#leftBytes)
    if (this.#state === 'sized' && this.#leftBytes === 0) this.#state = 'done'
    return end + headEnd.length
  }

  #stepSized(data: Buffer, at: number): number | 'more' {
    const whole = this.#whole!
    const end = Math.min(data.length, at + this.#leftBytes)
    data.copy(whole, whole.length - this.#leftBytes, at, end)
    this.#leftBytes -= end - at
    if (this.#leftBytes > 0) return 'more'
    this.#state = 'done'
    return end
  }

  #stepLine(data: Buffer, at: number): number | 'more' | 'overflow' {
    const end = data.indexOf(lineEnd, at)
    if (end < 0) return this.#wait(data, at, chunkLineBytesMax)
    const match = chunkPattern.exec(data.toString('latin1', at, end)) ?? fail('a chunk has no size')
    this.#leftBytes = Number.parseInt(match[1]!, 16)
    if (this.#size + this.#leftBytes > this.#bytesMax) return 'overflow'
    this.#state = this.#leftBytes === 0 ? 'trailer' : 'chunk'
    return end + lineEnd.length
  }

  #stepChunk(data: Buffer, at: number): number | 'more' {
    const end = Math.min(data.length, at + this.#leftBytes)
    this.#addPiece(data, at, end)
    this.#leftBytes -= end - at
    if (this.#leftBytes > 0) return 'more'
    this.#state = 'chunk-end'
    return end
  }

  /** What follows the last chunk says nothing to us. */
  #stepTrailer(data: Buffer, at: number): number | 'more' {
    const end = data.indexOf(lineEnd, at)
    if (end < 0) return this.#wait(data, at, headBytesMax)
    this.#trailerBytes += end - at
    if (this.#trailerBytes > headBytesMax) fail('what follows its body is too large')
    if (end === at) this.#state = 'done'
    return end + lineEnd.length
  }

  /** False when it is too much. */
  #addPiece(data: Buffer, from: number, to: number): boolean {
    this.#size += to - from
    if (this.#size > this.#bytesMax) return false
    if (to > from) this.#pieces.push(Buffer.from(data.subarray(from, to)))
    return true
  }

  #wait(data: Buffer, at: number, bytesMax: number): 'more' {
    if (data.length - at > bytesMax) fail('a line or the head of it is too large')
    this.#pending = Buffer.from(data.subarray(at))
    return 'more'
  }

  #readHead(text: string): void {
    const [first, ...lines] = text.split('\r\n')
    const match = statusPattern.exec(first!) ?? fail('it does not begin with a status of HTTP/1')
    this.headers = readHeaders(lines)
    this.status = Number(match[2])
    if (this.status === 101) fail('it changes the protocol')
    // What is said before the reply itself, such as 103.
    if (this.status < 200) return
    const options = listTokens(this.headers['connection'])
    this.isKept = !options.includes('close') && (match[1] === '1' || options.includes('keep-alive'))
    this.#readFraming()
  }

  /** Finds out where the body ends. */
  #readFraming(): void {
    const { 'transfer-encoding': coding, 'content-length': length } = this.headers
    if (this.status === 204 || this.status === 304) {
      this.#state = 'done'
      if (coding !== undefined || (length ?? '0') !== '0') this.isKept = false
    } else if (coding !== undefined) {
      if (length !== undefined) fail('it has both a length and a transfer coding')
      if (coding.toLowerCase() !== 'chunked') fail('its transfer coding is not "chunked"')
      this.#state = 'line'
    } else if (length !== undefined) {
      if (!lengthPattern.test(length)) fail('its length is not a number')
      this.#leftBytes = Number(length)
      this.#state = 'sized'
    } else {
      this.isKept = false
      this.#state = 'until-end'
    }
  }
}

function readHeaders(lines: readonly string[]): Record<string, string> {
  const headers = Object.create(null) as Record<string, string>
  for (const line of lines) {
    const colon = line.indexOf(':')
    const name = line.slice(0, Math.max(0, colon))
    const value = line.slice(colon + 1).replace(/^[ \t]+|[ \t]+$/g, '')
    if (!namePattern.test(name) || brokenValuePattern.test(value)) fail('a header is broken')
    const key = name.toLowerCase()
    const before = headers[key]
    headers[key] = before === undefined ? value : `${before}, ${value}`
  }
  return headers
}

function listTokens(text: string | undefined): string[] {
  return text === undefined ? [] : text.split(',').map((token) => token.trim().toLowerCase())
}

function fail(reason: string): never {
  throw new Error(`the reply is not of HTTP/1.1: ${reason}`)
}
