/** Makes parse errors in Prometheus's wording, and finds words for the place where the grammar gave up. */

import type { CodedError } from '../../base/error.ts'
import { queryErrors } from '../errors.ts'
import { formatPosition } from './position.ts'
import { findSignature } from './signature.ts'
import { describeExpected } from './parse-context.ts'
import type { Span } from './tree.ts'

/** A parse error at a place of the text. */
export function makeParseError(text: string, span: Span, reason: string): CodedError {
  const position = formatPosition(text, span.start)
  return queryErrors.PARSE_FAILED({ position, reason, start: span.start, end: span.end })
}

const aggregations =
  /^(?:sum|avg|count|min|max|group|stddev|stdvar|topk|bottomk|count_values|quantile|limitk|limit_ratio)$/i
const keywords =
  /^(by|without|on|ignoring|group_left|group_right|bool|offset|and|or|unless|atan2)$/i

/** The error for a place where the grammar gave up: what stands there, in Prometheus's words. */
export function makeUnexpectedError(text: string, offset: number): CodedError {
  const skipped = /^(?:\s|#[^\n]*)*/.exec(text.slice(offset))![0].length
  const start = offset + skipped
  const rest = text.slice(start)
  if (text.replace(/#[^\n]*/g, '').trim() === '')
    return makeParseError(text, { start: 0, end: 0 }, 'no expression found in input')
  const whole = scanBrackets(text)
  const end = { start: text.length, end: text.length }
  if (rest === '') {
    const reason = findUnclosed(whole) ?? `unexpected end of input${describeExpected(text)}`
    return makeParseError(text, end, reason)
  }
  if (rest[0] === '(') {
    const name = /([a-zA-Z_:][\w:]*)\s*$/.exec(text.slice(0, start))
    if (name !== null && findSignature(name[1]!) === undefined && !keywords.test(name[1]!)) {
      // A call is looked up once it is complete.
      const unclosed = findUnclosed(whole)
      if (unclosed !== undefined) return makeParseError(text, end, unclosed)
      const span = { start: name.index, end: name.index + name[1]!.length }
      return makeParseError(text, span, `unknown function with name "${name[1]}"`)
    }
  }
  const before = scanBrackets(text.slice(0, start))
  if (rest[0] === ')' && before.parenCount === 0 && !before.isInBraces) {
    const behind = { start: start + 1, end: start + 1 }
    return makeParseError(text, behind, "unexpected right parenthesis ')'")
  }
  if (rest[0] === '}' && !before.isInBraces) {
    return makeParseError(text, { start, end: start + 1 }, "unexpected character: '}'")
  }
  const first = String.fromCodePoint(rest.codePointAt(0)!)
  const single = { start, end: start + first.length }
  if (rest[0] === ']' && !before.isInBrackets && !before.isInBraces)
    return makeParseError(text, single, "unexpected right bracket ']'")
  if (before.isInBraces && rest[0] === '{')
    return makeParseError(text, single, "unexpected left brace '{'")
  if (before.isInBraces && !/^[a-zA-Z_:,"'`=!}]/.test(rest))
    return makeParseError(text, single, `unexpected character inside braces: '${first}'`)
  if (/^["'`]/.test(rest) && !stringPattern.test(rest))
    return makeParseError(text, single, 'unterminated quoted string')
  const { shown, length } = describeToken(rest, before)
  if (shown === '') {
    const escaped = first === '\\' ? '\\\\' : first
    return makeParseError(text, single, `unexpected character: '${escaped}'`)
  }
  const where = describeExpected(text.slice(0, start))
  const comma = rest[0] === ')' ? /,\s*$/.exec(text.slice(0, start)) : null
  if (comma !== null && !where.includes('grouping')) {
    const span = { start: comma.index, end: comma.index + 1 }
    return makeParseError(text, span, 'trailing commas not allowed in function call args')
  }
  return makeParseError(text, { start, end: start + length }, `unexpected ${shown}${where}`)
}

interface Brackets {
  parenCount: number
  isInBraces: boolean
  isInBrackets: boolean
}

/** What is open at the end of a text; strings and comments hide what they hold. */
function scanBrackets(text: string): Brackets {
  const open = { parenCount: 0, isInBraces: false, isInBrackets: false }
  const tokens = /"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`[^`]*`|#.*|[()[\]{}]/g
  for (const [token] of text.matchAll(tokens)) {
    if (token === '(') open.parenCount++
    else if (token === ')') open.parenCount--
    else if (token === '{' || token === '}') open.isInBraces = token === '{'
    else if (token === '[' || token === ']') open.isInBrackets = token === '['
  }
  return open
}

/** In the words of upstream's lexer; `undefined` when nothing is open. */
function findUnclosed(open: Brackets): string | undefined {
  if (open.isInBraces) return 'unexpected end of input inside braces'
  if (open.parenCount > 0) return 'unclosed left parenthesis'
  return open.isInBrackets ? 'unclosed left bracket' : undefined
}

const stringPattern = /^("(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`[^`]*`)/

/** The token at the start of a text in upstream's words; empty when it is none. */
function describeToken(rest: string, open: Brackets): { shown: string; length: number } {
  if (open.isInBrackets && rest[0] === ':') return { shown: '":"', length: 1 }
  const word = /^[a-zA-Z_:][\w:]*/.exec(rest)?.[0]
  if (word !== undefined) {
    return {
      shown: open.isInBraces ? `identifier "${word}"` : describeWord(word),
      length: word.length,
    }
  }
  const number = /^(0x[\da-f]+|[\d.]+(?:e[-+]?\d+)?\w*)/i.exec(rest)?.[0]
  if (number !== undefined) {
    const kind = /^(?:\d+(?:ms|[smhdwy]))+$/i.test(number) ? 'duration' : 'number'
    return { shown: `${kind} "${number}"`, length: number.length }
  }
  const string = stringPattern.exec(rest)?.[0]
  if (string !== undefined) {
    return { shown: `string ${JSON.stringify(string)}`, length: string.length }
  }
  if (/^=(?![=~])/.test(rest)) return { shown: '"="', length: 1 }
  const operator = /^(==|!=|=~|!~|<=|>=|<\/|>\/|[-+*/%^<>@])/.exec(rest)?.[0]
  if (operator !== undefined) return { shown: `<op:${operator}>`, length: operator.length }
  const mark = /^[(){}[\],:]/.exec(rest)?.[0]
  if (mark !== undefined) return { shown: `"${mark}"`, length: 1 }
  return { shown: '', length: 0 }
}

function describeWord(word: string): string {
  if (/^(?:and|or|unless|atan2)$/i.test(word)) return `<op:${word}>`
  if (aggregations.test(word)) return `<aggr:${word}>`
  if (keywords.test(word)) return `<${word}>`
  if (/^(?:inf|nan)$/i.test(word)) return `number "${word}"`
  return `${word.includes(':') ? 'metric identifier' : 'identifier'} "${word}"`
}
