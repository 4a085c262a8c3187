/**
 * Go's `fmt.Sprintf` for what templates hand it: all verbs of texts, integers, floats and booleans but
 * hexadecimal floats, with flags, width, precision and argument numbers; mistakes show in the text as Go
 * shows them.
 * Source: go.dev fmt/print.go and fmt/format.go (BSD-3-Clause), behaviour re-implemented.
 */

import { quoteGo, quoteGoRune } from '../go-string.ts'
import { formatExponential, formatFixed, formatGeneral, printValue, SafeText } from './value.ts'

/** Width and precision beyond this are cut, so that a template cannot ask for gigabytes. */
const boundMax = 1_000

/** What stands between the percent sign and the verb. */
interface Flags {
  minus: boolean
  plus: boolean
  sharp: boolean
  space: boolean
  zero: boolean
  width: number | undefined
  precision: number | undefined
}

/** Formats `args` by `format`. */
export function formatVerbs(format: string, args: readonly unknown[]): string {
  return new Formatter(format, args).run()
}

class Formatter {
  readonly #format: string
  readonly #args: readonly unknown[]
  #at = 0
  #next = 0
  #isNumbered = false
  #isGoodNumber = true

  constructor(format: string, args: readonly unknown[]) {
    this.#format = format
    this.#args = args
  }

  run(): string {
    let text = ''
    for (;;) {
      const percent = this.#format.indexOf('%', this.#at)
      if (percent < 0) break
      text += this.#format.slice(this.#at, percent)
      this.#at = percent + 1
      text += this.#directive()
    }
    text += this.#format.slice(this.#at)
    if (this.#isNumbered || this.#next >= this.#args.length) return text
    const extra = this.#args.slice(this.#next).map((arg) => {
      return arg === undefined || arg === null ? '<nil>' : `${typeName(arg)}=${printValue(arg)}`
    })
    return `${text}%!(EXTRA ${extra.join(', ')})`
  }

  #directive(): string {
    const flags = this.#flags()
    this.#isGoodNumber = true
    let mistakes = ''
    let isNumberLast = this.#number()
    if (this.#format[this.#at] === '*') {
      this.#at++
      flags.width = this.#bound()
      if (flags.width === undefined) mistakes += '%!(BADWIDTH)'
      else if (flags.width < 0)
        Object.assign(flags, { width: -flags.width, minus: true, zero: false })
      isNumberLast = false
    } else {
      flags.width = this.#digits()
      if (isNumberLast && flags.width !== undefined) this.#isGoodNumber = false
    }
    if (this.#format[this.#at] === '.') {
      this.#at++
      if (isNumberLast) this.#isGoodNumber = false
      isNumberLast = this.#number()
      if (this.#format[this.#at] === '*') {
        this.#at++
        const precision = this.#bound()
        if (precision === undefined) mistakes += '%!(BADPREC)'
        else if (precision >= 0) flags.precision = precision
        isNumberLast = false
      } else flags.precision = this.#digits() ?? 0
    }
    if (!isNumberLast) this.#number()
    const code = this.#format.codePointAt(this.#at)
    if (code === undefined) return `${mistakes}%!(NOVERB)`
    const verb = String.fromCodePoint(code)
    this.#at += verb.length
    if (verb === '%') return `${mistakes}%`
    if (!this.#isGoodNumber) return `${mistakes}%!${verb}(BADINDEX)`
    if (this.#next >= this.#args.length) return `${mistakes}%!${verb}(MISSING)`
    return mistakes + formatArgument(this.#args[this.#next++], verb, flags)
  }

  #flags(): Flags {
    const flags: Flags = {
      minus: false,
      plus: false,
      sharp: false,
      space: false,
      zero: false,
      width: undefined,
      precision: undefined,
    }
    for (; ; this.#at++) {
      const letter = this.#format[this.#at]
      if (letter === '#') flags.sharp = true
      else if (letter === '0') flags.zero = !flags.minus
      else if (letter === '+') flags.plus = true
      else if (letter === '-') Object.assign(flags, { minus: true, zero: false })
      else if (letter === ' ') flags.space = true
      else return flags
    }
  }

  #digits(): number | undefined {
    const found = /^\d+/.exec(this.#format.slice(this.#at))?.[0]
    if (found === undefined) return undefined
    this.#at += found.length
    return Math.min(boundMax, Number(found))
  }

  /** Width or precision from an argument. */
  #bound(): number | undefined {
    const arg = this.#args[this.#next++]
    if (typeof arg !== 'bigint') return undefined
    return Math.max(-boundMax, Math.min(boundMax, Number(arg)))
  }

  /** `[2]`: the argument to go on with. */
  #number(): boolean {
    if (this.#format[this.#at] !== '[') return false
    this.#isNumbered = true
    const found = /^\[(\d+)\]/.exec(this.#format.slice(this.#at))
    const close = this.#format.indexOf(']', this.#at)
    const index = Number(found?.[1]) - 1
    this.#at = close < 0 ? this.#at + 1 : close + 1
    if (found === null || index < 0 || index >= this.#args.length) {
      this.#isGoodNumber = false
      return found !== null
    }
    this.#next = index
    return true
  }
}

function formatArgument(raw: unknown, verb: string, flags: Flags): string {
  const value = raw instanceof SafeText ? raw.text : raw
  if (verb === 'T') return pad(typeName(value), flags)
  if (value === undefined || value === null)
    return verb === 'v' ? pad('<nil>', flags) : `%!${verb}(<nil>)`
  // With %v these two ask for field names and Go syntax.
  const plain = verb === 'v' ? { ...flags, plus: false, sharp: false } : flags
  if (Array.isArray(value))
    return `[${value.map((item) => formatArgument(item, verb, flags)).join(' ')}]`
  if (value instanceof Map) return formatMap(value, verb, flags)
  const shown = formatScalar(value, verb, plain)
  if (shown === undefined) return formatWrong(value, verb, plain)
  return verb === 'v' && flags.sharp && typeof value === 'string' ? quoteGo(value) : shown
}

function formatMap(map: ReadonlyMap<unknown, unknown>, verb: string, flags: Flags): string {
  const keys = [...map.keys()].sort()
  const isGoSyntax = verb === 'v' && flags.sharp
  const pairs = keys.map((key) => {
    const [name, value] = [key, map.get(key)].map((one) => formatArgument(one, verb, flags))
    return `${name}:${value}`
  })
  return isGoSyntax ? `map[string]string{${pairs.join(', ')}}` : `map[${pairs.join(' ')}]`
}

/** The value by a verb; `undefined` when the verb is not for such a value. */
function formatScalar(value: unknown, verb: string, flags: Flags): string | undefined {
  if (typeof value === 'boolean')
    return verb === 't' || verb === 'v' ? pad(String(value), flags) : undefined
  if (typeof value === 'bigint') return formatInteger(value, verb, flags)
  if (typeof value === 'number') return formatFloat(value, verb, flags)
  return formatText(typeof value === 'string' ? value : printValue(value), verb, flags)
}

/** `%!d(string=x)`: the width still counts. */
function formatWrong(value: unknown, verb: string, flags: Flags): string {
  return `%!${verb}(${typeName(value)}=${formatScalar(value, 'v', flags)})`
}

function formatText(text: string, verb: string, flags: Flags): string | undefined {
  const { precision } = flags
  const cut = precision === undefined ? text : [...text].slice(0, precision).join('')
  if (verb === 's' || verb === 'v') return pad(cut, flags)
  if (verb === 'q') {
    const canQuoteBack = flags.sharp && !/[`\u0000-\u0008\u000a-\u001f\u007f\ufeff]/.test(cut)
    return pad(canQuoteBack ? `\`${cut}\`` : quoteGo(cut, flags.plus), flags)
  }
  if (verb !== 'x' && verb !== 'X') return undefined
  const bytes = Buffer.from(text).subarray(0, precision)
  const before = flags.sharp ? '0x' : ''
  const parts = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0'))
  const joined = flags.space ? parts.map((part) => before + part).join(' ') : parts.join('')
  const whole = flags.space || joined === '' ? joined : before + joined
  return pad(verb === 'X' ? whole.toUpperCase() : whole, flags)
}

const bases: Record<string, number | undefined> = { v: 10, d: 10, b: 2, o: 8, O: 8, x: 16, X: 16 }

function formatInteger(value: bigint, verb: string, flags: Flags): string | undefined {
  const isRune = value >= 0n && value <= 0x10ffffn
  const rune = isRune ? Number(value) : 0xfffd
  if (verb === 'c') return pad(String.fromCodePoint(rune), flags)
  if (verb === 'q') return pad(quoteGoRune(rune, flags.plus), flags)
  if (verb === 'U') {
    const digits = value.toString(16).toUpperCase()
    const name = `U+${digits.padStart(Math.max(4, flags.precision ?? 0), '0')}`
    const glyph = flags.sharp && isRune ? ` '${String.fromCodePoint(rune)}'` : ''
    return pad(name + glyph, { ...flags, zero: false })
  }
  const base = bases[verb]
  if (base === undefined) return undefined
  const isNegative = value < 0n
  const sign = isNegative ? '-' : flags.plus ? '+' : flags.space ? ' ' : ''
  if (flags.precision === 0 && value === 0n) return pad('', { ...flags, zero: false })
  let digits = (isNegative ? -value : value).toString(base)
  const isFilled = flags.zero && flags.width !== undefined && flags.precision === undefined
  const digitCount = isFilled ? flags.width! - sign.length : (flags.precision ?? 0)
  digits = digits.padStart(digitCount, '0')
  if (flags.sharp && base === 16) digits = `0x${digits}`
  if (flags.sharp && base === 2) digits = `0b${digits}`
  if (flags.sharp && base === 8 && !digits.startsWith('0')) digits = `0${digits}`
  if (verb === 'O') digits = `0o${digits}`
  if (verb === 'X') digits = digits.toUpperCase()
  return pad(sign + digits, { ...flags, zero: false })
}

function formatFloat(value: number, verb: string, flags: Flags): string | undefined {
  const kind = verb === 'v' ? 'g' : verb.toLowerCase()
  const { precision } = flags
  let text: string
  if (kind === 'g') text = formatGeneral(value, precision ?? -1)
  else if (kind === 'f') text = formatFixed(value, precision ?? 6)
  else if (kind === 'e') text = formatExponential(value, precision ?? 6)
  else return undefined
  if (verb === 'E' || verb === 'G') text = text.toUpperCase().replace('INF', 'Inf')
  const mark = flags.plus ? '+' : flags.space ? ' ' : ''
  const signed = /^[+-]/.test(text) ? text : mark + text
  // Zeros before Inf and NaN would be taken for figures.
  if (!Number.isFinite(value)) return pad(signed, { ...flags, zero: false })
  const missing = (flags.width ?? 0) - signed.length
  if (!flags.zero || missing <= 0) return pad(signed, { ...flags, zero: false })
  const sign = /^[+\- ]/.exec(signed)?.[0] ?? ''
  return sign + '0'.repeat(missing) + signed.slice(sign.length)
}

function pad(text: string, flags: Flags): string {
  const missing = (flags.width ?? 0) - [...text].length
  if (missing <= 0) return text
  if (flags.minus) return text + ' '.repeat(missing)
  return (flags.zero ? '0' : ' ').repeat(missing) + text
}

function typeName(value: unknown): string {
  if (typeof value === 'bigint') return 'int'
  if (typeof value === 'number') return 'float64'
  if (typeof value === 'string') return 'string'
  if (typeof value === 'boolean') return 'bool'
  if (value === undefined || value === null) return '<nil>'
  if (Array.isArray(value)) return '[]interface {}'
  return value instanceof Map ? 'map[string]string' : 'struct'
}
