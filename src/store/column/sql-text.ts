/** Values inside SQL text. Quoted literals instead of bound parameters, because older servers have none. */

/** A string literal. Escapes what ends a literal and NUL, which would end the statement in C. */
export function quoteSql(text: string): string {
  const escaped = text.replace(/[\\']/g, '\\$&').replaceAll('\u0000', '\\0')
  return `'${escaped}'`
}

/** `name IN (1, 2, 3)`; never true for an empty list. */
export function inNumbers(name: string, numbers: Iterable<number | bigint>): string {
  const list = [...numbers].join(',')
  return list === '' ? '0' : `${name} IN (${list})`
}

/** An Int64 literal of a time; infinities become the ends of the type's useful range. */
export function sqlTime(time: number): string {
  if (time >= 9e18) return '9000000000000000000'
  if (time <= -9e18) return '-9000000000000000000'
  return BigInt(Math.round(time)).toString()
}
