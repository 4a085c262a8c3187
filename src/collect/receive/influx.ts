/**
 * InfluxDB's line protocol, as `POST /write` (1.x) and `POST /api/v2/write` (2.x) take it:
 *
 *   measurement[,tag=value…] field=value[,field=value…] [timestamp]
 *
 * Each numeric or boolean field is a series `measurement_field` with the tags as labels; the field
 * `value` is `measurement` alone, as influxdb_exporter has it. Strings are not numbers: they are passed
 * over and counted. `db` or `bucket` becomes the label `db`. A wrong line is told, the others are kept.
 * Source: docs.influxdata.com (line protocol; HTTP API); prometheus/influxdb_exporter (names).
 */

import { labelsFromPairs } from '../../model/labels.ts'
import { collectErrors } from '../errors.ts'
import { collectReceivedBytes } from '../metrics.ts'
import { decodeBody, handleReceived, makeEmptyReply, type ReceiverReply } from './body.ts'
import { fitLabelName, fitMetricName } from './plain-name.ts'
import { type ReceiverParts, SampleIntake } from './sample-intake.ts'
import type { AddressedRequest } from './text-import.ts'

/** Wrong lines told in a reply. */
const toldLinesMax = 3

const sourceName = 'influx'

/** Milliseconds of one unit of a timestamp. */
const unitMs = new Map([
  ['', 1e-6],
  ['n', 1e-6],
  ['ns', 1e-6],
  ['u', 1e-3],
  ['us', 1e-3],
  ['µ', 1e-3],
  ['ms', 1],
  ['s', 1000],
  ['m', 60_000],
  ['h', 3_600_000],
])

/** One line, read. */
interface InfluxLine {
  measurement: string
  /** `[name, value, …]` */
  tags: string[]
  fields: { name: string; value: number | undefined }[]
  /** In units of the precision; absent when the line gives none. */
  time: string | undefined
}

/** Takes points of InfluxDB's clients. */
export class InfluxReceiver {
  readonly #parts: ReceiverParts

  constructor(parts: ReceiverParts) {
    this.#parts = parts
  }

  /** Answers one request; never rejects. Failures are JSON in the shape of the version called. */
  receive(request: AddressedRequest): Promise<ReceiverReply> {
    const isV2 = request.path.startsWith('/api/v2/')
    return handleReceived(
      sourceName,
      () => this.#take(request, isV2),
      (thrown, status) => makeFailure(status, thrown instanceof Error ? thrown.message : '', isV2),
    )
  }

  async #take(request: AddressedRequest, isV2: boolean): Promise<ReceiverReply> {
    const { appender, drops, clock, log, onReceived } = this.#parts
    const { parameters } = request
    const scale = unitMs.get(parameters.get('precision') ?? '')
    if (scale === undefined) {
      throw collectErrors.BODY_INVALID({
        reason: `precision ${JSON.stringify((parameters.get('precision') ?? '').slice(0, 20))} is none of ns, us, ms, s, m, h`,
      })
    }
    const database = parameters.get('db') ?? parameters.get('bucket') ?? ''
    const body = await decodeBody(request, ['identity', 'gzip'])
    collectReceivedBytes.inc({ receiver: sourceName }, body.length)
    const rows = new SampleIntake({ appender, drops, source: sourceName })
    const nowTimeMs = clock.nowTimeMs()
    const faults: string[] = []
    let faultCount = 0
    let textCount = 0
    let firstFaultLine: number | undefined
    eachLine(body.toString('utf8'), (line, number) => {
      const read = parseInfluxLine(line)
      if (typeof read === 'string') {
        faultCount++
        firstFaultLine ??= number
        if (faults.length < toldLinesMax) {
          faults.push(`unable to parse '${line.slice(0, 200)}' in line ${number}: ${read}`)
        }
        return
      }
      textCount += addRows(rows, read, {
        timeMs: read.time === undefined ? nowTimeMs : toTimeMs(read.time, scale),
        database,
      })
    })
    drops.add(sourceName, sourceName, { reason: 'line-invalid', count: faultCount })
    drops.add(sourceName, sourceName, { reason: 'field-not-a-number', count: textCount })
    const { acceptedCount, rejectedCount, texts } = await rows.commit()
    onReceived(acceptedCount)
    if (faultCount === 0 && rejectedCount === 0) return makeEmptyReply()
    log.debug({ faults, texts }, 'Points of a line protocol request were not kept.')
    const message = [...faults, ...texts].join('; ')
    const text = `partial write: ${message} dropped=${faultCount + rejectedCount}`
    return makeFailure(400, text, isV2, firstFaultLine)
  }
}

/** `line` is the first one that could not be read. */
function makeFailure(status: number, message: string, isV2: boolean, line?: number): ReceiverReply {
  const code = status < 500 ? 'invalid' : 'unavailable'
  const body = isV2 ? { code, message, line } : { error: message }
  return { status, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }
}

/** Adds a line's fields; gives how many were no numbers. */
function addRows(
  rows: SampleIntake,
  line: InfluxLine,
  about: { timeMs: number; database: string },
): number {
  let textCount = 0
  const tags = about.database === '' ? [] : ['db', about.database]
  for (let index = 0; index < line.tags.length; index += 2) {
    tags.push(fitLabelName(line.tags[index]!), line.tags[index + 1]!)
  }
  for (const { name, value } of line.fields) {
    if (value === undefined) {
      textCount++
      continue
    }
    const full = name === 'value' ? line.measurement : `${line.measurement}_${name}`
    const metric = fitMetricName(full)
    rows.add(labelsFromPairs([...tags, '__name__', metric]), about.timeMs, value)
  }
  return textCount
}

function toTimeMs(digits: string, scale: number): number {
  // Nanoseconds leave the exact range of numbers: their last six digits are cut off as text.
  if (scale < 1e-3) return digits.length < 7 ? 0 : Number(digits.slice(0, -6))
  return Math.floor(Number(digits) * scale)
}

/** Lines that hold something; line feeds inside quoted strings of fields do not end one. */
function eachLine(text: string, visit: (line: string, number: number) => void): void {
  let start = 0
  let number = 1
  while (start < text.length) {
    let at = start
    let isQuoted = false
    // Quotes mean something in fields only, which begin behind the first blank.
    let hasFields = false
    const isComment = text.charAt(start) === '#'
    for (; at < text.length; at++) {
      const code = text.charCodeAt(at)
      if (code === 10 && !isQuoted) break
      if (isComment) continue
      if (code === 92 && text.charCodeAt(at + 1) !== 10) at++
      else if (code === 32) hasFields = true
      else if (code === 34 && hasFields) isQuoted = !isQuoted
    }
    const line = text.slice(start, at)
    start = at + 1
    const shown = line.trim()
    if (shown !== '' && !isComment) visit(shown, number)
    number++
    for (let place = line.indexOf('\n'); place >= 0; place = line.indexOf('\n', place + 1)) number++
  }
}

/** Tags or fields of one line that are read; InfluxDB's own agents write a few hundred at most. */
const partsMax = 4096

/** Reads a line; gives the fault as text when it is wrong. */
export function parseInfluxLine(line: string): InfluxLine | string {
  const head = cut(line, 0, ' ', false)
  if (head.end >= line.length) return 'missing fields'
  const keys = split(line.slice(0, head.end), false)
  if (keys.length > partsMax) return `more than ${partsMax} tags`
  const measurement = unescapeText(keys[0]!)
  if (measurement === '') return 'missing measurement'
  const tags: string[] = []
  for (const pair of keys.slice(1)) {
    const equals = cut(pair, 0, '=', false).end
    if (equals < 1 || equals >= pair.length - 1) return 'missing tag value'
    tags.push(unescapeText(pair.slice(0, equals)), unescapeText(pair.slice(equals + 1)))
  }
  const body = line.slice(head.end).trimStart()
  const fieldsEnd = cut(body, 0, ' ', true)
  if (fieldsEnd.isOpen) return 'unbalanced quotes'
  const time = body.slice(fieldsEnd.end).trim()
  if (time !== '' && !/^-?\d{1,19}$/.test(time)) return 'bad timestamp'
  const fields: InfluxLine['fields'] = []
  const pairs = split(body.slice(0, fieldsEnd.end), true)
  if (pairs.length > partsMax) return `more than ${partsMax} fields`
  for (const pair of pairs) {
    const equals = cut(pair, 0, '=', false).end
    if (equals < 1 || equals >= pair.length - 1) return 'missing field value'
    const value = parseField(pair.slice(equals + 1))
    if (value === null) return `invalid number '${pair.slice(equals + 1, equals + 40)}'`
    fields.push({ name: unescapeText(pair.slice(0, equals)), value })
  }
  if (fields.length === 0) return 'missing fields'
  return { measurement, tags, fields, time: time === '' ? undefined : time }
}

/** The number of a field; `undefined` for a string, `null` for nothing of the kind. */
function parseField(text: string): number | undefined | null {
  if (text.startsWith('"')) return text.length > 1 && text.endsWith('"') ? undefined : null
  if (/^(?:t|T|true|True|TRUE)$/.test(text)) return 1
  if (/^(?:f|F|false|False|FALSE)$/.test(text)) return 0
  if (/^[+-]?\d+[iu]$/.test(text)) return Number(text.slice(0, -1))
  if (/^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/.test(text)) return Number(text)
  return null
}

/** Where the first `mark` stands that is neither escaped nor, if asked, in quotes. */
function cut(
  text: string,
  start: number,
  mark: string,
  hasQuotes: boolean,
): { end: number; isOpen: boolean } {
  let isQuoted = false
  for (let at = start; at < text.length; at++) {
    const character = text[at]
    if (character === '\\') at++
    else if (hasQuotes && character === '"') isQuoted = !isQuoted
    else if (character === mark && !isQuoted) return { end: at, isOpen: false }
  }
  return { end: text.length, isOpen: isQuoted }
}

/** Parts between commas; one more than `partsMax` when there are more. */
function split(text: string, hasQuotes: boolean): string[] {
  const parts: string[] = []
  for (let start = 0; start <= text.length && parts.length <= partsMax; ) {
    const { end } = cut(text, start, ',', hasQuotes)
    parts.push(text.slice(start, end))
    start = end + 1
  }
  return parts
}

function unescapeText(text: string): string {
  return text.includes('\\') ? text.replace(/\\([,= ])/g, '$1') : text
}
