/**
 * Adds a label matcher to a query: to the selectors of the metric, wherever the query has any. Strings and
 * comments of the query stay as they are.
 */

/** A condition on a label. */
export interface LabelMatcher {
  name: string
  operator: '=' | '!='
  value: string
}

const stringsAndComments = /"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`[^`]*`|#[^\n]*/g
/** Stands for a string while names and braces are looked for; no text of people has it. */
const mark = '\ue000'

/** The query with the matcher; `undefined` when it does not mention the metric. */
export function addMatcher(
  query: string,
  metric: string,
  matcher: LabelMatcher,
): string | undefined {
  const text = matcherText(matcher)
  if (query.trim() === '') return selectorText(metric, [matcher])
  const strings: string[] = []
  const bare = query.replace(stringsAndComments, (one) => `${mark}${strings.push(one) - 1}${mark}`)
  const restore = (piece: string): string =>
    piece.replace(
      new RegExp(`${mark}(\\d+)${mark}`, 'g'),
      (_whole, index: string) => strings[Number(index)] ?? '',
    )
  let isFound = false
  const changed = bare.replace(
    selectorOf(metric),
    (whole: string, before: string, inside: string | undefined) => {
      isFound = true
      const held = restore(inside ?? '')
        .trim()
        .replace(/,$/, '')
      if (held.includes(text)) return whole
      return `${before}${metric}{${held === '' ? text : `${held}, ${text}`}}`
    },
  )
  return isFound ? restore(changed) : undefined
}

/** `name="value"`; names that are no identifiers are quoted. */
function matcherText({ name, operator, value }: LabelMatcher): string {
  const shown = /^[a-zA-Z_]\w*$/.test(name) ? name : JSON.stringify(name)
  return `${shown}${operator}${JSON.stringify(value)}`
}

/** A selector of one metric as a query; a name that is no identifier stands inside the braces. */
export function selectorText(metric: string, matchers: readonly LabelMatcher[] = []): string {
  const inside = matchers.map(matcherText)
  if (metric === '') return `{${inside.join(', ')}}`
  if (!/^[a-zA-Z_:][\w:]*$/.test(metric))
    return `{${[JSON.stringify(metric), ...inside].join(', ')}}`
  return inside.length === 0 ? metric : `${metric}{${inside.join(', ')}}`
}

function selectorOf(metric: string): RegExp {
  const name = metric.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
  return new RegExp(`(^|[^\\w:.])${name}(?![\\w:])(?:\\s*\\{([^{}]*)\\})?`, 'g')
}
