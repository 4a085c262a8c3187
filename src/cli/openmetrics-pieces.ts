/**
 * A file of OpenMetrics in pieces that are pages of their own: cut between lines, each led by the
 * TYPE, HELP and UNIT lines of the metric that it begins within, each ended by `# EOF`. Every line is
 * parsed on the way, so that a mistake is told with its line in the file.
 */

import { createReadStream } from 'node:fs'
import { CodedError } from '../base/error.ts'
import { ExpositionReader } from '../collect/collect.ts'

const readBytes = 1 << 20
const endLine = Buffer.from('# EOF\n')
const lineFeed = 0x0a

/** A page, ready to be sent. */
export interface OpenmetricsPiece {
  body: Buffer
  sampleCount: number
  /** Bytes of the file up to its end. */
  doneBytes: number
  /** Adds this to a line of the page to get the line of the file. */
  lineOffset: number
}

/** Yields the pieces of a file, of about `pieceBytes`. Throws an `Error` that names the line. */
export async function* readOpenmetrics(
  path: string,
  pieceBytes: number,
): AsyncGenerator<OpenmetricsPiece> {
  let rest: Buffer = Buffer.alloc(0)
  let head: string[] = []
  let lineCount = 0
  let doneBytes = 0
  const cut = (lines: Buffer): OpenmetricsPiece => {
    const page = Buffer.concat([Buffer.from(head.join('')), lines, endLine])
    const lineOffset = lineCount - head.length
    const sampleCount = checkPage(page, lineOffset)
    head = headAfter(lines, head)
    lineCount += countLines(lines)
    doneBytes += lines.length
    return { body: page, sampleCount, doneBytes, lineOffset }
  }
  for await (const chunk of createReadStream(path, { highWaterMark: readBytes })) {
    rest = Buffer.concat([rest, chunk as Buffer])
    if (rest.length < pieceBytes + endLine.length) continue
    // The last lines wait: they may be the end.
    const end = rest.lastIndexOf(lineFeed, rest.length - endLine.length - 1) + 1
    if (end === 0) continue
    yield cut(rest.subarray(0, end))
    rest = rest.subarray(end)
  }
  const text = rest.toString('latin1')
  const isEnded = /(?:^|\n)# EOF\n?$/.test(text)
  if (!isEnded) {
    const line = lineCount + countLines(rest) + (text.endsWith('\n') || text === '' ? 0 : 1)
    throw new Error(`line ${line}: the file does not end in "# EOF"`)
  }
  const last = rest.subarray(0, rest.lastIndexOf('# EOF'))
  if (last.length > 0) yield cut(last)
}

/** Counts the samples of a page; throws when a line is wrong or a sample has no timestamp. */
function checkPage(page: Buffer, lineOffset: number): number {
  const reader = new ExpositionReader(page, 'openmetrics')
  let sampleCount = 0
  try {
    for (let kind = reader.next(); kind !== 'end'; kind = reader.next()) {
      if (kind !== 'sample') continue
      reader.readLabels()
      if (!reader.hasTime) {
        throw new Error(`line ${reader.line + lineOffset}: the sample has no timestamp`)
      }
      sampleCount++
    }
  } catch (thrown) {
    if (!(thrown instanceof CodedError)) throw thrown
    const { line, reason } = thrown.facts
    throw new Error(`line ${Number(line) + lineOffset}: ${String(reason)}`)
  }
  return sampleCount
}

/** The descriptions that stand last in some lines, or before them. */
function headAfter(lines: Buffer, before: readonly string[]): string[] {
  const found: string[] = []
  let metric: string | undefined
  for (let at = lines.length - 1; at > 0; ) {
    const start = lines.lastIndexOf(lineFeed, at - 1) + 1
    if (lines[start] === 0x23) {
      const line = lines.toString('utf8', start, at + 1)
      const name = /^# (?:TYPE|HELP|UNIT) (\S+)/.exec(line)?.[1]
      if (name !== undefined && (metric === undefined || name === metric)) {
        metric = name
        found.unshift(line)
      } else if (metric !== undefined) return found
    } else if (metric !== undefined) return found
    at = start - 1
  }
  return metric === undefined ? [...before] : found
}

function countLines(bytes: Buffer): number {
  let count = 0
  for (let at = bytes.indexOf(lineFeed); at >= 0; at = bytes.indexOf(lineFeed, at + 1)) count++
  return count
}
