/** The small language of the search field: LogQL, or plain words that every line must contain. */

/** Every stream has this label: what it came without was named when it arrived. */
const anyMatcher = 'service_name=~".+"'

/** What is sent: plain words become line filters over all streams. */
export function toQuery(text: string): string {
  const trimmed = text.trim()
  if (/^(\{\s*\})?$/.test(trimmed)) return `{${anyMatcher}}`
  if (/^\{\s*\}/.test(trimmed)) return trimmed.replace(/^\{\s*\}/, `{${anyMatcher}}`)
  if (trimmed.startsWith('{')) return trimmed
  return `{${anyMatcher}} |= ${JSON.stringify(trimmed)}`
}

/** The query with one more label matcher; plain words are kept as a line filter. */
export function addMatcher(text: string, name: string, value: string): string {
  const query = toQuery(text)
  const matcher = `${name}=${JSON.stringify(value)}`
  const end = selectorEnd(query)
  const inside = query.slice(1, end).trim().replace(anyMatcher, '')
  if (inside.split(',').some((part) => part.trim() === matcher)) return query
  return `{${inside === '' ? '' : `${inside}, `}${matcher}}${query.slice(end + 1)}`
}

/** Where the selector's brace closes; braces inside of strings do not count. */
function selectorEnd(query: string): number {
  let quote = ''
  for (let index = 1; index < query.length; index += 1) {
    const char = query[index]!
    if (quote !== '') {
      if (char === '\\' && quote !== '`') index += 1
      else if (char === quote) quote = ''
    } else if (char === '"' || char === '`') quote = char
    else if (char === '}') return index
  }
  return query.length
}

/** Texts of `|=` filters, to mark them in the lines. */
export function searchedTexts(text: string): string[] {
  const query = toQuery(text)
  const out: string[] = []
  for (const match of query.matchAll(/\|=\s*("(?:[^"\\]|\\.)*"|`[^`]*`)/g)) {
    const quoted = match[1]!
    try {
      out.push(quoted.startsWith('`') ? quoted.slice(1, -1) : (JSON.parse(quoted) as string))
    } catch {
      // An escape that JSON does not know: the filter still works, only the mark is left out.
      out.push('')
    }
  }
  return out
}
