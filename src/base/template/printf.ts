/** Go's `fmt.Sprintf` for the verbs that templates use: v s q d f F e g x X c U t T b o %, with flags, width and precision. */

import { formatExponential, formatFixed, formatGeneral, printValue, SafeText } from './value.ts'

const verbPattern = /%([-+# 0]*)(\*|\d+)?(?:\.(\*|\d+)?)?([a-zA-Z%])|%/g

/** Width and precision beyond this are cut, so that a template cannot ask for gigabytes. */
const widthMax = 1_000

/** Formats `args` by `format`; mistakes show in the text as Go shows them. */
export function formatVerbs(format: string, args: readonly unknown[]): string {
  let next = 0
  const take = (): unknown => args[next++]
  const text = format.replace(verbPattern, (whole, flags = '', widthText, precisionText, verb) => {
    if (verb === '%') return '%'
    if (verb === undefined) return '%!(NOVERB)'
    const width = boundOf(widthText, take)
    const hasPrecision = whole.includes('.')
    const precision = hasPrecision ? (boundOf(precisionText, take) ?? 0) : -1
    if (next >= args.length) return `%!${verb}(MISSING)`
    return pad(formatOne({ verb, flags, precision }, take()), { flags, width, verb })
  })
  if (next >= args.length) return text
  const extra = args.slice(next).map((arg) => `${typeName(arg)}=${printValue(arg)}`)
  return `${text}%!(EXTRA ${extra.join(', ')})`
}

function boundOf(text: string | undefined, take: () => unknown): number | undefined {
  if (text === undefined) return undefined
  return Math.min(widthMax, Math.abs(Number(text === '*' ? take() : text)) || 0)
}

interface Verb {
  verb: string
  flags: string
  precision: number
}

function formatOne({ verb, flags, precision }: Verb, raw: unknown): string {
  const value = raw instanceof SafeText ? raw.text : raw
  const sign = (text: string): string =>
    flags.includes('+') && !/^[+-]/.test(text)
      ? `+${text}`
      : flags.includes(' ') && !text.startsWith('-')
        ? ` ${text}`
        : text
  if (verb === 'T') return typeName(value)
  if (verb === 'v') {
    if (value === undefined || value === null) return '<nil>'
    return typeof value === 'number' ? sign(formatGeneral(value, precision)) : printValue(value)
  }
  if (value === undefined || value === null) return `%!${verb}(<nil>)`
  if (typeof value === 'number') {
    if (verb === 'f' || verb === 'F') return sign(formatFixed(value, precision < 0 ? 6 : precision))
    if (verb === 'e') return sign(formatExponential(value, precision < 0 ? 6 : precision))
    if (verb === 'g') return sign(formatGeneral(value, precision))
  }
  if (typeof value === 'bigint') {
    if (verb === 'd') return sign(String(value))
    if (verb === 'x') return value.toString(16)
    if (verb === 'X') return value.toString(16).toUpperCase()
    if (verb === 'o') return value.toString(8)
    if (verb === 'b') return value.toString(2)
    if (verb === 'c') return String.fromCodePoint(Number(value))
    if (verb === 'U') return `U+${value.toString(16).toUpperCase().padStart(4, '0')}`
  }
  if (typeof value === 'boolean' && verb === 't') return String(value)
  const isListy = typeof value === 'object'
  if (typeof value === 'string' || isListy) {
    const text = printValue(value)
    if (verb === 's') return precision >= 0 ? [...text].slice(0, precision).join('') : text
    if (verb === 'q') return JSON.stringify(text)
    if (verb === 'x') return Buffer.from(text).toString('hex')
    if (verb === 'X') return Buffer.from(text).toString('hex').toUpperCase()
  }
  return `%!${verb}(${typeName(value)}=${printValue(value)})`
}

function pad(
  text: string,
  options: { flags: string; width: number | undefined; verb: string },
): string {
  const missing = (options.width ?? 0) - [...text].length
  if (missing <= 0) return text
  if (options.flags.includes('-')) return text + ' '.repeat(missing)
  if (!options.flags.includes('0') || options.verb === 's' || options.verb === 'q')
    return ' '.repeat(missing) + text
  const sign = /^[+-]/.exec(text)?.[0] ?? ''
  return sign + '0'.repeat(missing) + text.slice(sign.length)
}

function typeName(value: unknown): string {
  if (typeof value === 'bigint') return 'int'
  if (typeof value === 'number') return 'float64'
  if (typeof value === 'string') return 'string'
  if (typeof value === 'boolean') return 'bool'
  if (value === undefined || value === null) return '<nil>'
  return Array.isArray(value)
    ? '[]interface {}'
    : value instanceof Map
      ? 'map[string]string'
      : 'struct'
}
