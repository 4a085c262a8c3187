/**
 * Matchers as Alertmanager writes them: `severity="critical"`, `{a=b, c=~"x|y"}`. First the UTF-8
 * grammar (name, operator, value; both may be quoted; braces optional; trailing comma allowed), then
 * the older one, in which a value may hold almost anything.
 * Source: alertmanager matcher/parse and pkg/labels/parse.go (Apache-2.0), behaviour re-implemented.
 */

import { unquoteGo } from '../base/go-string.ts'
import { type Matcher, type MatchOperator, makeMatcher } from '../model/matcher.ts'

/** Reads one text, which may hold several matchers; throws `SyntaxError`. */
export function parseMatchers(text: string): Matcher[] {
  const parts = readModern(text) ?? readClassic(text)
  return parts.map(({ name, operator, value }) => makeMatcher(name, operator, value))
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
  const isBraced = trimmed.startsWith('{') && trimmed.endsWith('}')
  const inner = (isBraced ? trimmed.slice(1, -1) : trimmed).replace(/,\s*$/, '')
  return splitAtCommas(inner).map((part) => {
    const match = /^\s*([a-zA-Z_:][a-zA-Z0-9_:]*)\s*(=~|=|!=|!~)\s*(.*?)\s*$/s.exec(part)
    if (match === null) throw new SyntaxError(`bad matcher format: ${part.trim()}`)
    const raw = match[3]!
    const value = raw.startsWith('"') ? unquote(raw) : raw
    if (value === undefined || (raw.startsWith('"') && !/^".*"$/s.test(raw)))
      throw new SyntaxError(`matcher value contains unescaped double quote: ${raw}`)
    return { name: match[1]!, operator: match[2] as MatchOperator, value }
  })
}

function splitAtCommas(text: string): string[] {
  const parts: string[] = []
  let current = ''
  let isQuoted = false
  for (let index = 0; index < text.length; index++) {
    const letter = text[index]!
    if (letter === '\\') {
      current += letter + (text[++index] ?? '')
      continue
    }
    if (letter === '"') isQuoted = !isQuoted
    if (letter === ',' && !isQuoted) {
      parts.push(current)
      current = ''
    } else current += letter
  }
  parts.push(current)
  return parts
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
