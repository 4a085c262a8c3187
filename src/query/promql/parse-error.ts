/** Makes parse errors in Prometheus's wording, and finds words for the place where the grammar gave up. */

import type { CodedError } from '../../base/error.ts'
import { queryErrors } from '../errors.ts'
import { formatPosition } from './position.ts'
import { findSignature } from './signature.ts'
import type { Span } from './tree.ts'

/** A parse error at a place of the text. */
export function makeParseError(text: string, span: Span, reason: string): CodedError {
  const position = formatPosition(text, span.start)
  return queryErrors.PARSE_FAILED({ position, reason, start: span.start, end: span.end })
}

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
    return makeParseError(text, end, findUnclosed(whole) ?? 'unexpected end of input')
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
  const { shown, length } = describeToken(rest)
  // Behind a matcher's value only two things may follow.
  const isBehindMatcher = before.isInBraces && /["'`]\s*$/.test(text.slice(0, start))
  const where = isBehindMatcher ? ' in label matching, expected "," or "}"' : ''
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

function describeToken(rest: string): { shown: string; length: number } {
  const word = /^[a-zA-Z_:][\w:]*/.exec(rest)?.[0]
  if (word !== undefined) {
    const shown = keywords.test(word) ? `<${word.toLowerCase()}>` : `identifier "${word}"`
    return { shown, length: word.length }
  }
  const number = /^(0x[\da-f]+|[\d.][\w.]*)/i.exec(rest)?.[0]
  if (number !== undefined) return { shown: `number "${number}"`, length: number.length }
  const string = /^("(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`[^`]*`)/.exec(rest)?.[0]
  if (string !== undefined) {
    return { shown: `string ${JSON.stringify(string)}`, length: string.length }
  }
  if (/^["'`]/.test(rest)) return { shown: 'unterminated quoted string', length: 1 }
  const operator = /^(==|!=|=~|!~|<=|>=|<\/|>\/|[-+*/%^<>=@])/.exec(rest)?.[0]
  if (operator !== undefined) return { shown: `<op:${operator}>`, length: operator.length }
  const mark = /^[(){}[\],:]/.exec(rest)?.[0]
  if (mark !== undefined) return { shown: `"${mark}"`, length: 1 }
  const char = String.fromCodePoint(rest.codePointAt(0)!)
  return { shown: `character: '${char}'`, length: char.length }
}
