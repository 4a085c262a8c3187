/**
 * What an expression measures before it compares: `rate(x[5m]) > 3` measures `rate(x[5m])`. With it
 * "the value is fine again" is told from "there is no value any more". The text is split at the
 * operators that filter (`or`; `and`, `unless`; comparisons without `bool`), loosest first, as
 * PromQL's precedence says; strings, comments and brackets are skipped. The expression must be valid.
 */

/** What must have data for the expression to be decidable. */
export type Condition =
  /** `isOpaque`: it filters inside, so that an empty answer may also mean "condition false". */
  | { type: 'leaf'; expression: string; isOpaque: boolean }
  | { type: 'all' | 'any'; parts: Condition[] }
  /** Cannot be without data: `absent(…)` answers when nothing is there. */
  | { type: 'always' }

interface Word {
  text: string
  start: number
  end: number
}

/** Finds what `expression` measures. */
export function findCondition(expression: string): Condition {
  const text = stripParentheses(expression)
  if (/^(absent|absent_over_time)\b/.test(text)) return { type: 'always' }
  const words = topLevelWords(text)
  for (const level of levels) {
    const index = words.findLastIndex((word, place) => level.has(wordKey(word, words, place)))
    if (index < 0) continue
    const word = words[index]!
    const left = text.slice(0, word.start)
    const right = stripModifiers(text.slice(word.end))
    if (right === undefined) break
    const operator = word.text.toLowerCase()
    if (operator === 'unless') return findCondition(left)
    return {
      type: operator === 'or' ? 'any' : 'all',
      parts: [findCondition(left), findCondition(right)],
    }
  }
  return { type: 'leaf', expression: text, isOpaque: filtersInside(text) }
}

/** What stands left of the comparison with a number that an expression ends in. */
export interface MeasuredComparison {
  /** What is measured. */
  expression: string
  operator: string
  /** The number as written. */
  threshold: string
}

/** The parts of `measure > 0.05`; `undefined` when the expression is no comparison of a measure with a number. */
export function findMeasuredComparison(expression: string): MeasuredComparison | undefined {
  const text = stripParentheses(expression)
  const words = topLevelWords(text)
  const keys = words.map((word, place) => wordKey(word, words, place))
  if (keys.some((key) => levels[0]!.has(key) || levels[1]!.has(key))) return undefined
  const index = keys.findLastIndex((key) => levels[2]!.has(key))
  const word = words[index]
  if (word === undefined) return undefined
  const threshold = stripParentheses(text.slice(word.end))
  if (!/^[-+]?\s*(?:[\d.][\w.+-]*|inf)$/i.test(threshold)) return undefined
  return { expression: text.slice(0, word.start).trim(), operator: word.text, threshold }
}

/** Whether a comparison, set operator or choosing aggregation stands anywhere in the text. */
function filtersInside(text: string): boolean {
  for (let index = 0; index < text.length; ) {
    const skipped = skipQuoted(text, index)
    if (skipped > index) {
      index = skipped
      continue
    }
    if (text[index] === '{') {
      index = closingOf(text, index) + 1
      continue
    }
    const match = /[a-zA-Z_:][\w:]*|[=!<>]=|[<>]|./sy
    match.lastIndex = index
    const word = match.exec(text)![0]
    if (filteringWords.has(word.toLowerCase())) return true
    index += word.length
  }
  return false
}

const filteringWords = new Set([
  ...['==', '!=', '<=', '<', '>=', '>', 'and', 'unless', 'absent', 'absent_over_time'],
  ...['topk', 'bottomk', 'limitk', 'limit_ratio'],
])

const levels = [
  new Set(['or']),
  new Set(['and', 'unless']),
  new Set(['==', '!=', '<=', '<', '>=', '>']),
]

/** A comparison with `bool` computes instead of filtering: it is no place to split. */
function wordKey(word: Word, words: readonly Word[], index: number): string {
  const next = words[index + 1]
  if (/^[=!<>]/.test(word.text) && next?.text.toLowerCase() === 'bool') return 'bool'
  return word.text.toLowerCase()
}

/** Takes `on (…)`, `ignoring (…)`, `group_left (…)`, `fill (…)` off; `undefined` for `bool`. */
function stripModifiers(text: string): string | undefined {
  let rest = text.trim()
  for (;;) {
    const word = /^(bool|on|ignoring|group_left|group_right|fill|fill_left|fill_right)\b\s*/i.exec(
      rest,
    )
    if (word === null) return rest
    if (word[1]!.toLowerCase() === 'bool') return undefined
    rest = rest.slice(word[0].length)
    if (rest.startsWith('(')) rest = rest.slice(closingOf(rest, 0) + 1).trim()
  }
}

function stripParentheses(expression: string): string {
  let text = expression.trim()
  while (text.startsWith('(') && closingOf(text, 0) === text.length - 1) {
    text = text.slice(1, -1).trim()
  }
  return text
}

/** Index of the bracket that closes the one at `start`; the end when there is none. */
function closingOf(text: string, start: number): number {
  let depth = 0
  for (let index = start; index < text.length; index++) {
    const skipped = skipQuoted(text, index)
    if (skipped > index) {
      index = skipped - 1
      continue
    }
    const sign = text[index]!
    if ('([{'.includes(sign)) depth++
    else if (')]}'.includes(sign) && --depth === 0) return index
  }
  return text.length
}

/** Identifiers and comparison operators outside all brackets. */
function topLevelWords(text: string): Word[] {
  const words: Word[] = []
  for (let index = 0; index < text.length; ) {
    const skipped = skipQuoted(text, index)
    if (skipped > index) index = skipped
    else if ('([{'.includes(text[index]!)) index = closingOf(text, index) + 1
    else {
      const match = /(?:[a-zA-Z_:][\w:]*|\d[\w.]*|[=!<>]=|[<>])/y
      match.lastIndex = index
      const found = match.exec(text)
      if (found === null) index++
      else {
        words.push({ text: found[0], start: index, end: index + found[0].length })
        index += found[0].length
      }
    }
  }
  return words
}

/** The end of a string or comment that begins at `index`, or `index` when none does. */
function skipQuoted(text: string, index: number): number {
  const sign = text[index]!
  if (sign === '#') {
    const end = text.indexOf('\n', index)
    return end < 0 ? text.length : end + 1
  }
  if (sign !== '"' && sign !== "'" && sign !== '`') return index
  for (let end = index + 1; end < text.length; end++) {
    if (text[end] === '\\' && sign !== '`') end++
    else if (text[end] === sign) return end + 1
  }
  return text.length
}
