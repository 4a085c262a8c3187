/**
 * Matchers as Alertmanager writes them: `severity="critical"`, `{a=b, c=~"x|y"}`. First the older
 * grammar, in which a value may hold almost anything, then the UTF-8 one (name, operator, value; both
 * may be quoted; braces optional; trailing comma allowed), which has every name.
 * Source: alertmanager matcher/compat, matcher/parse and pkg/labels/parse.go (Apache-2.0), behaviour
 * re-implemented.
 */

import { unquoteGo } from '../base/go-string.ts'
import { type Matcher, type MatchOperator, makeMatcher } from '../model/matcher.ts'

/** Reads one text, which may hold several matchers; throws `SyntaxError`. */
export function parseMatchers(text: string): Matcher[] {
  return readParts(text).map(({ name, operator, value }) => makeMatcher(name, operator, value))
}

/** Where both grammars take a text, the older one says what it means, as in Alertmanager. */
function readParts(text: string): MatcherParts[] {
  try {
    return readClassic(text)
  } catch (thrown) {
    const parts = readModern(text)
    if (parts === undefined) throw thrown
    return parts
  }
}

interface MatcherParts {
  name: string
  operator: MatchOperator
  value: string
}

const word = /[^{}!=~,\\"'`\s]+|"(?:[^"\\]|\\.)*"/y
const sign = /=~|!~|!=|=/y

/** The UTF-8 grammar; `undefined` when the text is not in it. */
function readModern(text: string): MatcherParts[] | undefined {
  const parts: MatcherParts[] = []
  let index = skipBlank(text, 0)
  const isBraced = text[index] === '{'
  if (isBraced) index = skipBlank(text, index + 1)
  while (index < text.length && text[index] !== '}') {
    const name = take(word, text, index)
    if (name === undefined) return undefined
    const operator = take(sign, text, skipBlank(text, name.end))
    if (operator === undefined) return undefined
    const value = take(word, text, skipBlank(text, operator.end))
    if (value === undefined) return undefined
    const nameText = unquote(name.text)
    const valueText = unquote(value.text)
    if (nameText === undefined || nameText === '' || valueText === undefined) return undefined
    parts.push({ name: nameText, operator: operator.text as MatchOperator, value: valueText })
    index = skipBlank(text, value.end)
    if (text[index] === ',') index = skipBlank(text, index + 1)
    else if (index < text.length && text[index] !== '}') return undefined
  }
  if (isBraced) {
    if (text[index] !== '}') return undefined
    index = skipBlank(text, index + 1)
  }
  return index === text.length && (parts.length > 0 || isBraced) ? parts : undefined
}

/** The older grammar. */
function readClassic(text: string): MatcherParts[] {
  const trimmed = text.trim()
  if (trimmed === '') throw new SyntaxError('bad matcher format: there is no text')
  return splitAtCommas(withoutBraces(trimmed)).map((part) => {
    const match = /^\s*([a-zA-Z_:][a-zA-Z0-9_:]*)\s*(=~|=|!=|!~)\s*(.*?)\s*$/s.exec(part)
    if (match === null) throw new SyntaxError(`bad matcher format: ${part.trim()}`)
    const value = unquoteClassic(match[3]!)
    if (value === undefined)
      throw new SyntaxError(`matcher value contains unescaped double quote: ${match[3]}`)
    return { name: match[1]!, operator: match[2] as MatchOperator, value }
  })
}

/** Without the braces around all of it; a brace that closes one within, as in `x{2}`, stays. */
function withoutBraces(text: string): string {
  if (text.startsWith('{')) return text.slice(1).replace(/\}$/, '')
  return text.includes('{') ? text : text.replace(/\}$/, '')
}

/** Cuts at commas that stand in no quotes; nothing after the last one is no part. */
function splitAtCommas(text: string): string[] {
  const parts: string[] = []
  let current = ''
  let isQuoted = false
  let isEscaped = false
  for (const letter of text) {
    if (letter === ',' && !isQuoted) {
      parts.push(current)
      current = ''
      continue
    }
    if (letter === '"') {
      if (!isEscaped) isQuoted = !isQuoted
      isEscaped = false
    } else isEscaped = letter === '\\' && !isEscaped
    current += letter
  }
  if (current.trim() !== '') parts.push(current)
  return parts
}

/**
 * A value with or without quotes. Only `\n`, `\"` and `\\` are escapes: any other backslash is one, so
 * that `"\d+"` is a pattern. `undefined` when a quote stands where none may.
 */
function unquoteClassic(raw: string): string | undefined {
  let isOpen = raw.startsWith('"')
  const inner = isOpen ? raw.slice(1) : raw
  let value = ''
  for (let index = 0; index < inner.length; index++) {
    const letter = inner[index]!
    if (letter === '\\' && index < inner.length - 1) {
      const next = inner[++index]!
      value += next === 'n' ? '\n' : next === '"' || next === '\\' ? next : `\\${next}`
    } else if (letter === '"') {
      if (!isOpen || index < inner.length - 1) return undefined
      isOpen = false
    } else value += letter
  }
  return isOpen ? undefined : value
}

function take(
  pattern: RegExp,
  text: string,
  index: number,
): { text: string; end: number } | undefined {
  pattern.lastIndex = index
  const found = pattern.exec(text)
  return found === null ? undefined : { text: found[0], end: index + found[0].length }
}

function skipBlank(text: string, index: number): number {
  while (index < text.length && /\s/.test(text[index]!)) index++
  return index
}

/** The text of a quoted or bare word; `undefined` for a bad escape. */
function unquote(text: string): string | undefined {
  if (!text.startsWith('"')) return text
  try {
    return unquoteGo(text)
  } catch {
    // The caller says where the bad escape stands.
    return undefined
  }
}
