/**
 * The queries of the Metrics page in its address: `q`, `q1`, … hold the expressions, `l`, `l1`, … how their
 * series are named, `hide` the numbers of those that are not drawn. Links of Prometheus's own (`g0.expr`) are read too.
 */

/** One query of the page. */
export interface PageQuery {
  expression: string
  /** How its series are named, such as `{{instance}}`; empty for their labels. */
  legend: string
  isHidden: boolean
}

/** The names of the queries. */
export const letters = 'ABCDEFGH'
/** More than this nobody can tell apart. */
export const queryCountMax = letters.length

/** A query without anything. */
export const emptyQuery: PageQuery = { expression: '', legend: '', isHidden: false }

/** Reads the queries of an address. */
export function readQueries(search: Readonly<Record<string, string>>): PageQuery[] {
  const hidden = new Set((search['hide'] ?? '').split(','))
  const out: PageQuery[] = []
  for (let index = 0; index < queryCountMax; index += 1) {
    const expression = search[nameOf('q', index)] ?? search[`g${index}.expr`]
    if (expression === undefined || expression.trim() === '') continue
    const legend = search[nameOf('l', index)] ?? ''
    out.push({ expression, legend, isHidden: hidden.has(String(index)) })
  }
  return out
}

/** The address parameters of queries; empty ones are left out. */
export function writeQueries(queries: readonly PageQuery[]): Record<string, string | undefined> {
  const kept = queries.filter((query) => query.expression.trim() !== '')
  const hidden = kept.flatMap((query, index) => (query.isHidden ? [String(index)] : []))
  const out: Record<string, string | undefined> = {
    hide: hidden.length === 0 ? undefined : hidden.join(','),
  }
  for (let index = 0; index < queryCountMax; index += 1) {
    out[nameOf('q', index)] = kept[index]?.expression
    out[nameOf('l', index)] = kept[index]?.legend || undefined
    out[`g${index}.expr`] = undefined
    out[`g${index}.tab`] = undefined
  }
  return out
}

function nameOf(letter: string, index: number): string {
  return index === 0 ? letter : `${letter}${index}`
}

/** Whether two lists ask the same. */
export function areSame(one: readonly PageQuery[], other: readonly PageQuery[]): boolean {
  return JSON.stringify(one) === JSON.stringify(other)
}

/** The list with one query moved by a place. */
export function moveQuery(queries: readonly PageQuery[], index: number, step: 1 | -1): PageQuery[] {
  const out = [...queries]
  const [moved] = out.splice(index, 1)
  if (moved !== undefined) out.splice(index + step, 0, moved)
  return out
}
