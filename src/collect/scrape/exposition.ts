/**
 * Reads exposition pages from bytes, line by line: text format 0.0.4 and OpenMetrics 1.0, both with
 * quoted UTF-8 names. No object per sample: the reader's fields are the current line. Given a table
 * of lines seen before, it recognises a series by comparing bytes and skips its labels altogether.
 *
 *   metric{label="v"} value [timestamp_ms]                          text
 *   metric{label="v"} value [timestamp_s] [# {label="v"} value [ts]]   OpenMetrics, ends in "# EOF"
 *   {"quoted.metric",label="v"} value
 *
 * Two manners: as a scraper (syntax alone, as Prometheus reads) and strict (what the specifications
 * forbid beyond that: unknown escapes, a missing last line feed, blanks at a line's end, trailing
 * commas in OpenMetrics; the types of the text format in any case), as Prometheus's client library;
 * what concerns several lines together is checked by exposition-page.ts.
 * Sources: prometheus/docs exposition_formats.md; OpenMetrics 1.0 specification, section 4.
 */

import { isUtf8 } from 'node:buffer'
import type { ByteTable } from '../byte-table.ts'
import { collectErrors } from '../errors.ts'
import {
  type ExpositionFormat,
  metricTypes,
  unescapeHelp,
  unescapeValue,
} from './exposition-comment.ts'
import { isNumber, parseNumber, parsePlainLine, parseWhole, plainLineEnd } from './number.ts'
import {
  type MetadataKind,
  metadataMark,
  type PageExemplar,
  type PageItem,
  type PageReader,
} from './page-reader.ts'

export type { ExpositionFormat } from './exposition-comment.ts'

/** What `next` found; `known` is a comment line seen before. */
export type ExpositionLine = Exclude<PageItem, 'histogram'>

const space = 0x20
const tab = 0x09
const lineFeed = 0x0a
const quoteMark = 0x22
const hash = 0x23
const comma = 0x2c
const equalsSign = 0x3d
const backslash = 0x5c
const braceOpen = 0x7b
const braceClose = 0x7d

/** 1: may begin a label name; 2: may continue one; 4: `:`, in metric names only. */
const nameClass = new Uint8Array(256)
for (let byte = 0; byte < 256; byte++) {
  const character = String.fromCharCode(byte)
  if (/[a-zA-Z_]/.test(character)) nameClass[byte] = 3
  else if (/[0-9]/.test(character)) nameClass[byte] = 2
  else if (character === ':') nameClass[byte] = 4
}

/** A cursor over one page. */
export class ExpositionReader implements PageReader {
  /** Line of the current entry, from 1. */
  line = 0
  /** Raw bytes of the current series: `body[seriesStart, seriesEnd)`. */
  seriesStart = 0
  seriesEnd = 0
  /** Entry of the series or comment in the table, or -1. */
  entry = -1
  value = 0
  hasTime = false
  timeMs = 0
  readonly histogram = undefined
  /** One at most. */
  readonly exemplars: PageExemplar[] = []
  /** Of a TYPE, HELP or UNIT line. */
  metric = ''
  text = ''
  readonly view: DataView
  readonly #bytes: Uint8Array
  readonly #buffer: Buffer
  readonly #isOpen: boolean
  readonly #isStrict: boolean
  readonly #table: ByteTable | undefined
  readonly #end: number
  #at = 0
  #expected = 0
  #commentEnd = 0

  constructor(
    body: Uint8Array,
    format: ExpositionFormat,
    options: { isStrict?: boolean; table?: ByteTable } = {},
  ) {
    this.#bytes = body
    this.#buffer = Buffer.from(body.buffer, body.byteOffset, body.byteLength)
    this.view = new DataView(body.buffer, body.byteOffset, body.byteLength)
    this.#isOpen = format === 'openmetrics'
    this.#isStrict = options.isStrict ?? false
    this.#table = options.table
    this.#end = body.length
  }

  /** Where Prometheus's scraper lets pass what its client library refuses: pages in the text format. */
  get #isLax(): boolean {
    return !this.#isStrict && !this.#isOpen
  }

  /** Moves to the next entry. Throws `COLLECT_EXPOSITION_INVALID` naming line and mistake. */
  next(): ExpositionLine {
    for (;;) {
      this.line++
      this.entry = -1
      if (this.#at >= this.#end) return this.#finish()
      const table = this.#table
      if (table !== undefined && this.#expected < table.count) {
        const found = this.#readExpected(table)
        if (found !== undefined) return found
      }
      if (!this.#isOpen) this.#skipBlanks()
      const byte = this.#bytes[this.#at]
      if (byte === lineFeed) {
        if (this.#isOpen) this.#fail('a blank line is not allowed in OpenMetrics')
        this.#at++
        continue
      }
      if (byte === undefined) continue
      if (byte === hash) {
        const kind = this.#readComment()
        if (kind !== undefined) return kind
        continue
      }
      this.seriesStart = this.#at
      this.#readSeries(undefined)
      this.seriesEnd = this.#at
      if (table !== undefined) {
        this.entry = table.find(this.view, this.seriesStart, this.seriesEnd)
        if (this.entry >= 0) this.#expected = this.entry + 1
      }
      this.#readRest()
      return 'sample'
    }
  }

  /** Tells the reader that the current line was put into the table as `entry`. */
  remember(entry: number): void {
    this.entry = entry
    this.#expected = entry + 1
  }

  /** Puts the current comment line into the table. */
  rememberMetadata(): void {
    const table = this.#table
    if (table === undefined) return
    const found = table.find(this.view, this.seriesStart, this.#commentEnd)
    this.remember(
      found >= 0 ? found : table.add(this.view, this.seriesStart, this.#commentEnd, metadataMark),
    )
  }

  /** Reads the comment line that begins the current entry once more. */
  readKnown(): MetadataKind | undefined {
    const found = this.#bytes.indexOf(lineFeed, this.seriesStart)
    const line = this.#bytes.subarray(this.seriesStart, found < 0 ? this.#end : found + 1)
    const single = new ExpositionReader(line, this.#isOpen ? 'openmetrics' : 'text')
    const kind = single.next()
    if (kind !== 'type' && kind !== 'help' && kind !== 'unit') return undefined
    this.metric = single.metric
    this.text = single.text
    return kind
  }

  /** Labels of the current series as `[name, value, …]` with `__name__` first, in the order of the page. */
  readLabels(): string[] {
    const at = this.#at
    const pairs: string[] = []
    this.#at = this.seriesStart
    this.#readSeries(pairs)
    this.#at = at
    return pairs
  }

  /** The line that begins here is, very likely, the one that followed last time. */
  #readExpected(table: ByteTable): ExpositionLine | undefined {
    const entry = this.#expected
    if (!table.matchesAt(entry, this.view, this.#at, this.#end)) return undefined
    const keyEnd = this.#at + table.keyLength(entry)
    const after = this.#bytes[keyEnd]
    const isComment = table.values[entry] === metadataMark
    if (isComment ? after !== lineFeed : after !== space) return undefined
    if (!isComment) {
      // Text format may put blanks before "{": then this is another series.
      const second = this.#bytes[keyEnd + 1]
      if (second === braceOpen || second === space || second === tab) return undefined
    }
    this.entry = entry
    this.#expected = entry + 1
    if (isComment) {
      this.seriesStart = this.#at
      this.#at = keyEnd + 1
      return 'known'
    }
    this.seriesStart = this.#at
    this.seriesEnd = keyEnd
    this.#at = keyEnd
    this.#readRest()
    return 'sample'
  }

  #finish(): 'end' {
    if (this.#isOpen) this.#fail('the page does not end with "# EOF"')
    return 'end'
  }

  // --- series ---------------------------------------------------------------------------------

  #readSeries(pairs: string[] | undefined): void {
    const bytes = this.#bytes
    const start = this.#at
    let hasName = false
    if ((nameClass[bytes[start]!]! & 5) !== 0) {
      let at = start + 1
      while (at < this.#end && nameClass[bytes[at]!] !== 0) at++
      this.#at = at
      hasName = true
      pairs?.push('__name__', this.#buffer.toString('latin1', start, at))
      if (!this.#isOpen) {
        this.#skipBlanks()
        if (bytes[this.#at] !== braceOpen) {
          if (this.#at === at) this.#failAt('expected a blank or "{" after the metric name')
          this.#at = at
          return
        }
      } else if (bytes[at] !== braceOpen) {
        if (bytes[at] !== space) this.#failAt('expected a space or "{" after the metric name')
        return
      }
    } else if (bytes[start] !== braceOpen) {
      this.#failAt('expected a metric name')
    }
    this.#at++
    this.#readLabelSet(pairs, hasName)
  }

  /** From behind `{` to behind `}`. */
  #readLabelSet(pairs: string[] | undefined, hasName: boolean): void {
    const bytes = this.#bytes
    let isFirst = true
    for (;;) {
      this.#skipInner()
      if (bytes[this.#at] === braceClose) {
        if (!isFirst && this.#isOpen && this.#isStrict) {
          this.#fail('a comma before "}" is not allowed in OpenMetrics')
        }
        break
      }
      isFirst = false
      const isQuoted = bytes[this.#at] === quoteMark
      const name = isQuoted ? this.#readQuoted(pairs !== undefined) : this.#readLabelName(pairs)
      this.#skipInner()
      if (bytes[this.#at] === equalsSign) {
        this.#at++
        this.#skipInner()
        if (bytes[this.#at] !== quoteMark) this.#failAt('expected a label value in double quotes')
        const value = this.#readQuoted(pairs !== undefined)
        if (pairs !== undefined) {
          this.#checkNew(pairs, name)
          pairs.push(name, value)
        }
      } else if (isQuoted) {
        if (hasName) this.#fail('the metric name is given twice')
        if (pairs !== undefined && name === '') this.#fail('the metric name is empty')
        hasName = true
        pairs?.unshift('__name__', name)
      } else {
        this.#failAt('expected "=" after the label name')
      }
      this.#skipInner()
      if (bytes[this.#at] === comma) {
        this.#at++
        continue
      }
      if (bytes[this.#at] === braceClose) break
      // Prometheus's scraper takes labels of the text format without a comma between them.
      if (this.#isLax && (nameClass[bytes[this.#at]!]! & 1) !== 0) continue
      this.#failAt('expected "," or "}" after the label')
    }
    this.#at++
    if (!hasName) this.#fail('the sample has no metric name')
  }

  #checkNew(pairs: string[], name: string): void {
    for (let index = 0; index < pairs.length; index += 2) {
      if (pairs[index] === name) this.#fail(`the label ${JSON.stringify(name)} is given twice`)
    }
  }

  #readLabelName(pairs: string[] | undefined): string {
    const start = this.#at
    const bytes = this.#bytes
    let at = start
    if (at >= this.#end || (nameClass[bytes[at]!]! & 1) === 0) this.#failAt('expected a label name')
    while (at < this.#end && (nameClass[bytes[at]!]! & 2) !== 0) at++
    this.#at = at
    return pairs === undefined ? '' : this.#buffer.toString('latin1', start, at)
  }

  /** A string in double quotes, from the opening one to behind the closing one. */
  #readQuoted(isWanted: boolean): string {
    const bytes = this.#bytes
    const start = this.#at + 1
    let at = start
    let hasEscape = false
    for (;;) {
      if (at >= this.#end) this.#fail('a string is not closed before the end of the page')
      const byte = bytes[at]!
      if (byte === quoteMark) break
      if (byte === lineFeed && !this.#isLax) {
        this.#fail('a string is not closed before the end of the line')
      }
      if (byte === backslash) {
        hasEscape = true
        at++
        if (this.#isStrict && !this.#isOpen) this.#checkEscape(bytes[at])
        if (bytes[at] === lineFeed && !this.#isLax) {
          this.#fail('a string is not closed before the end of the line')
        }
      }
      at++
    }
    this.#at = at + 1
    if (!isWanted) return ''
    const raw = this.#bytes.subarray(start, at)
    if (!isUtf8(raw)) this.#fail('a string is not valid UTF-8')
    const text = this.#buffer.toString('utf8', start, at)
    return hasEscape ? unescapeValue(text) : text
  }

  #checkEscape(byte: number | undefined): void {
    if (byte === backslash || byte === quoteMark || byte === 0x6e) return
    this.#fail(
      `the escape sequence "\\${byte === undefined ? '' : String.fromCharCode(byte)}" does not exist`,
    )
  }

  // --- value, timestamp, exemplar --------------------------------------------------------------

  #readRest(): void {
    this.hasTime = false
    if (this.exemplars.length > 0) this.exemplars.length = 0
    const isSpaced = this.#bytes[this.#at] === space
    if (isSpaced) this.value = parsePlainLine(this.#bytes, this.#at + 1)
    if (isSpaced && plainLineEnd > 0) this.#at = plainLineEnd
    else if (this.#isOpen) this.#readRestOpen()
    else this.#readRestText()
  }

  #readRestText(): void {
    const bytes = this.#bytes
    this.#skipBlanks()
    this.value = this.#readNumber('value')
    const valueEnd = this.#at
    this.#skipBlanks()
    if (this.#at < this.#end && bytes[this.#at] !== lineFeed) {
      const start = this.#at
      const end = this.#tokenEnd()
      this.timeMs = parseWhole(bytes, start, end)
      if (!isNumber) {
        this.#fail(`expected a timestamp in whole milliseconds, got ${this.#shown(start, end)}`)
      }
      this.hasTime = true
      this.#at = end
      this.#skipBlanks()
      const isEnd = this.#at >= this.#end || bytes[this.#at] === lineFeed
      if (!isEnd || (this.#isStrict && this.#at > end)) {
        this.#failAt('expected the end of the line after the timestamp')
      }
    } else if (this.#isStrict && this.#at > valueEnd) {
      this.#failAt('expected a timestamp behind the blank')
    }
    this.#endLine()
  }

  #readRestOpen(): void {
    const bytes = this.#bytes
    this.#expectSpace('before the value')
    this.value = this.#readNumber('value')
    if (bytes[this.#at] === space && bytes[this.#at + 1] !== hash) {
      this.#at++
      this.timeMs = this.#readSeconds('timestamp')
      this.hasTime = true
    }
    if (bytes[this.#at] === space) this.#readExemplar()
    if (this.#at < this.#end && bytes[this.#at] !== lineFeed) {
      this.#failAt('expected the end of the line')
    }
    this.#endLine()
  }

  #readExemplar(): void {
    const bytes = this.#bytes
    this.#at++
    if (
      bytes[this.#at] !== hash ||
      bytes[this.#at + 1] !== space ||
      bytes[this.#at + 2] !== braceOpen
    ) {
      this.#failAt('expected "# {" of an exemplar')
    }
    this.#at += 3
    const labels: string[] = []
    // Exemplars have no metric name, so that a quoted string without "=" is a mistake.
    this.#readLabelSet(labels, true)
    this.#expectSpace('before the value of the exemplar')
    const value = this.#readNumber('value of the exemplar')
    let timeMs: number | undefined
    if (bytes[this.#at] === space) {
      this.#at++
      timeMs = this.#readSeconds('timestamp of the exemplar')
    }
    this.exemplars.push({ labels, value, timeMs })
  }

  #expectSpace(where: string): void {
    if (this.#bytes[this.#at] !== space) this.#failAt(`expected one space ${where}`)
    this.#at++
  }

  #readNumber(what: string): number {
    const start = this.#at
    const end = this.#tokenEnd()
    const value = parseNumber(this.#bytes, start, end)
    if (!isNumber) this.#fail(`expected a number as ${what}, got ${this.#shown(start, end)}`)
    this.#at = end
    return value
  }

  #readSeconds(what: string): number {
    const seconds = this.#readNumber(what)
    if (!Number.isFinite(seconds)) this.#fail(`the ${what} must be a finite number of seconds`)
    return Math.round(seconds * 1000)
  }

  #tokenEnd(): number {
    const bytes = this.#bytes
    let at = this.#at
    while (at < this.#end) {
      const byte = bytes[at]!
      if (byte === space || byte === lineFeed || byte === tab) break
      at++
    }
    return at
  }

  #endLine(): void {
    if (this.#at >= this.#end) {
      if (this.#isStrict && !this.#isOpen) {
        this.#fail('the page ends within a line: the last line must end with a line feed')
      }
      return
    }
    this.#at++
  }

  // --- comments --------------------------------------------------------------------------------

  #readComment(): ExpositionLine | undefined {
    const start = this.#at
    let end = this.#bytes.indexOf(lineFeed, start)
    const isLast = end < 0
    if (isLast) end = this.#end
    this.seriesStart = start
    this.#commentEnd = end
    this.#at = isLast ? end : end + 1
    if (this.#table !== undefined) {
      this.entry = this.#table.find(this.view, start, end)
      if (this.entry >= 0) {
        this.#expected = this.entry + 1
        return 'known'
      }
    }
    if (!isUtf8(this.#bytes.subarray(start, end))) this.#fail('a comment is not valid UTF-8')
    const line = this.#buffer.toString('utf8', start, end)
    return this.#isOpen ? this.#readCommentOpen(line) : this.#readCommentText(line, isLast)
  }

  #readCommentText(line: string, isLast: boolean): ExpositionLine | undefined {
    if (this.#isStrict && isLast) {
      this.#fail('the page ends within a line: the last line must end with a line feed')
    }
    const head = /^#[ \t]+(HELP|TYPE)[ \t]+/.exec(line)
    if (head === null) return undefined
    const rest = line.slice(head[0].length)
    const match = /^("(?:[^"\\]|\\.)*"|[^ \t"]+)(?:[ \t]+(.*))?$/s.exec(rest)
    if (match === null) {
      if (rest === '' || this.#isLax) return undefined
      this.#fail(`expected a metric name after ${head[1]}`)
    }
    // A comment that names no metric costs a scraper nothing but the comment.
    if (this.#isLax && !/^(?:"|[a-zA-Z_:][a-zA-Z0-9_:]*$)/.test(match[1]!)) return undefined
    this.metric = this.#metricName(match[1]!)
    if (head[1] === 'HELP') {
      // Without a text it says nothing, and may stand any number of times.
      if (match[2] === undefined) return undefined
      this.text = unescapeHelp(match[2])
      return 'help'
    }
    if (match[2] === undefined || match[2] === '') return undefined
    const type = this.#isStrict ? match[2].toLowerCase() : match[2].replace(/[ \t]+$/, '')
    return this.#readType(type, 'text')
  }

  #readCommentOpen(line: string): ExpositionLine {
    if (line === '# EOF') {
      if (this.#at < this.#end) {
        this.line++
        this.#fail('there is data after "# EOF"')
      }
      return 'end'
    }
    const match =
      /^# (HELP|TYPE|UNIT) ("(?:[^"\\]|\\.)*"|[^ "]+) (.*)$/s.exec(line) ??
      this.#fail('expected "# HELP", "# TYPE", "# UNIT" with a metric name and a text, or "# EOF"')
    this.metric = this.#metricName(match[2]!)
    const text = match[3]!
    if (match[1] === 'HELP') {
      this.text = unescapeValue(text)
      return 'help'
    }
    if (match[1] === 'TYPE') return this.#readType(text, 'openmetrics')
    this.text = text
    if (!/^[a-zA-Z0-9_:]*$/.test(text)) {
      this.#fail(`the unit ${JSON.stringify(text)} has characters that a unit cannot have`)
    }
    if (text !== '' && !this.metric.endsWith(`_${text}`)) {
      this.#fail(`the metric ${JSON.stringify(this.metric)} does not end with its unit "_${text}"`)
    }
    return 'unit'
  }

  #readType(type: string, format: ExpositionFormat): 'type' {
    if (!metricTypes[format].has(type)) {
      this.#fail(`${JSON.stringify(shorten(type))} is not a metric type`)
    }
    this.text = type === 'untyped' ? 'unknown' : type
    return 'type'
  }

  #metricName(written: string): string {
    if (written.startsWith('"')) {
      const name = unescapeValue(written.slice(1, -1))
      if (name === '') this.#fail('the metric name is empty')
      return name
    }
    if (!/^[a-zA-Z_:][a-zA-Z0-9_:]*$/.test(written)) {
      this.#fail(`${JSON.stringify(shorten(written))} is not a metric name`)
    }
    return written
  }

  // --- small things ----------------------------------------------------------------------------

  #skipBlanks(): void {
    const bytes = this.#bytes
    while (bytes[this.#at] === space || bytes[this.#at] === tab) this.#at++
  }

  /** Blanks between the parts of a label set: text format alone has them. */
  #skipInner(): void {
    if (!this.#isOpen) this.#skipBlanks()
  }

  #shown(start: number, end: number): string {
    return start === end
      ? 'nothing'
      : JSON.stringify(shorten(this.#buffer.toString('utf8', start, Math.min(end, start + 100))))
  }

  #failAt(reason: string): never {
    const start = this.#at
    const byte = this.#bytes[start]
    const got =
      byte === undefined
        ? 'the end of the page'
        : byte === lineFeed
          ? 'the end of the line'
          : JSON.stringify(this.#buffer.toString('utf8', start, start + 4).charAt(0))
    this.#fail(`${reason}, got ${got}`)
  }

  #fail(reason: string): never {
    throw collectErrors.EXPOSITION_INVALID({ line: this.line, reason })
  }
}

function shorten(text: string): string {
  return text.length > 60 ? `${text.slice(0, 57)}...` : text
}
