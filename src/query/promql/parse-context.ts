/**
 * What could have stood where the grammar gave up, in Prometheus's words: ` in grouping opts, expected
 * label`. The grammar for editors does not tell, so it is read from the tokens before the place.
 * Source: prometheus promql/parser/generated_parser.y (Apache-2.0), the texts of its error productions.
 */

const tokenPattern =
  /"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`[^`]*`|#.*|[a-zA-Z_][\w:]*|[\d.][\w.]*|[=!<>]=|[=!]~|\S/g

const aggregation =
  /^(?:sum|avg|count|min|max|group|stddev|stdvar|topk|bottomk|count_values|quantile|limitk|limit_ratio)$/i
const grouping = /^(?:by|without|on|ignoring|group_left|group_right)$/i
const matchOperator = /^(?:=|!=|=~|!~)$/
const string = /^["'`]/
const word = /^[a-zA-Z_]/

/** An opened bracket and where in the tokens it stands. */
interface Opened {
  bracket: string
  at: number
}

/** The words for the end of `before`; empty where Prometheus has none. */
export function describeExpected(before: string): string {
  const tokens = [...before.matchAll(tokenPattern)]
    .map(([token]) => token)
    .filter((token) => !token.startsWith('#'))
  const open = listOpened(tokens)
  const inner = open.at(-1)
  const last = tokens.at(-1) ?? ''
  if (inner?.bracket === '{') return inMatchers(tokens, inner.at)
  if (inner?.bracket === '[') return inBrackets(tokens.slice(inner.at + 1))
  if (inner !== undefined && grouping.test(tokens[inner.at - 1] ?? '')) {
    const isLabelNext = last === '(' || last === ','
    return ` in grouping opts, expected ${isLabelNext ? 'label' : '"," or ")"'}`
  }
  const unsigned = /^[-+]$/.test(last) ? (tokens.at(-2) ?? '') : last
  if (/^offset$/i.test(unsigned)) return ` in offset, expected ${durationParts}, or range()`
  if (unsigned === '@') return ' in @, expected timestamp'
  if (isGroupingNext(tokens)) return ' in grouping opts, expected "("'
  const isInside = open.some(({ at }) => isAggregation(tokens, at))
  // An aggregation's name alone is a metric's; with its grouping it is not.
  const isBehind = last === ')' && isAggregation(tokens, tokens.length)
  return isInside || isBehind ? ' in aggregation' : ''
}

function listOpened(tokens: readonly string[]): Opened[] {
  const open: Opened[] = []
  for (const [at, token] of tokens.entries()) {
    if (/^[([{]$/.test(token)) open.push({ bracket: token, at })
    else if (/^[)\]}]$/.test(token)) open.pop()
  }
  return open
}

/** Whether the last token wants labels in parentheses; `by` and `without` may be metrics as well. */
function isGroupingNext(tokens: readonly string[]): boolean {
  const last = tokens.at(-1) ?? ''
  if (/^(?:on|ignoring)$/i.test(last)) return true
  const before = tokens.at(-2) ?? ''
  return /^(?:by|without)$/i.test(last) && (before === ')' || aggregation.test(before))
}

function inMatchers(tokens: readonly string[], openAt: number): string {
  const last = tokens.at(-1)!
  const isFirst = tokens.length - 1 === openAt
  let expected = '"," or "}"'
  if (isFirst || last === ',') expected = 'identifier or "}"'
  else if (matchOperator.test(last)) expected = 'string'
  else if (word.test(last)) expected = 'label matching operator'
  else if (!string.test(last)) return ''
  return ` in label matching, expected ${expected}`
}

const durationParts = 'number, duration, step()'

function inBrackets(inside: readonly string[]): string {
  const colon = inside.indexOf(':')
  if (inside.length === 0)
    return ` in subquery or range selector, expected ${durationParts}, or range()`
  if (colon < 0) return ' in subquery or range, expected ":" or "]"'
  const isFirst = colon === inside.length - 1
  return ` in subquery selector, expected ${isFirst ? `${durationParts}, range(), or "]"` : '"]"'}`
}

/** Whether what stands before `end` is an aggregation's name, with or without its grouping. */
function isAggregation(tokens: readonly string[], end: number): boolean {
  let at = end - 1
  if (tokens[at] === ')') {
    while (at >= 0 && tokens[at] !== '(') at--
    if (!/^(?:by|without)$/i.test(tokens[at - 1] ?? '')) return false
    at -= 2
  }
  return aggregation.test(tokens[at] ?? '')
}
