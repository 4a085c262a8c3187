/** Go's built-in template functions: comparison, logic, index, slice, len, printf and the escapers. */

import { formatVerbs } from './printf.ts'
import { isTrue, printValue, SafeText, StringMap, TemplateError } from './value.ts'

/** A function of a template: arguments as `value.ts` describes them. */
export type TemplateFunction = (...args: unknown[]) => unknown

function fail(message: string): never {
  throw new TemplateError(message)
}

function kindOf(value: unknown): string {
  if (value === undefined || value === null) return 'nil'
  if (typeof value === 'bigint') return 'int'
  if (typeof value === 'number') return 'float'
  if (typeof value === 'string' || value instanceof SafeText) return 'string'
  if (typeof value === 'boolean') return 'bool'
  return 'other'
}

function plain(value: unknown): unknown {
  return value instanceof SafeText ? value.text : value
}

function isEqual(a: unknown, b: unknown): boolean {
  const left = kindOf(a)
  const right = kindOf(b)
  if (left === 'nil' || right === 'nil') return left === right
  if (left !== right) fail('incompatible types for comparison')
  if (left === 'other') fail('non-comparable type')
  return plain(a) === plain(b)
}

function isLess(a: unknown, b: unknown): boolean {
  const left = kindOf(a)
  if (left !== kindOf(b)) fail('incompatible types for comparison')
  if (left === 'other' || left === 'nil' || left === 'bool') fail('invalid type for comparison')
  return (plain(a) as string) < (plain(b) as string)
}

function index(target: unknown, ...keys: unknown[]): unknown {
  let value = target
  for (const key of keys) {
    if (value instanceof Map) {
      if (value.has(key)) value = value.get(key)
      else value = value instanceof StringMap ? '' : undefined
    } else if (Array.isArray(value) || typeof value === 'string') {
      const at = toInteger(key)
      const length = typeof value === 'string' ? Buffer.byteLength(value) : value.length
      if (at < 0 || at >= length) fail(`error calling index: index out of range: ${at}`)
      value = typeof value === 'string' ? BigInt(Buffer.from(value)[at]!) : value[at]
    } else if (value === undefined || value === null)
      fail('error calling index: index of untyped nil')
    else fail(`error calling index: can't index item of type ${kindOf(value)}`)
  }
  return value
}

function slice(target: unknown, ...bounds: unknown[]): unknown {
  const isText = typeof target === 'string'
  if (!isText && !Array.isArray(target))
    fail(`error calling slice: can't slice item of type ${kindOf(target)}`)
  if (bounds.length > (isText ? 2 : 3)) fail('error calling slice: cannot 3-index slice a string')
  const whole = isText ? Buffer.from(target) : (target as unknown[])
  const [from = 0, to = whole.length] = bounds.map(toInteger)
  if (from < 0 || to > whole.length)
    fail(`error calling slice: index out of range: ${from < 0 ? from : to}`)
  if (from > to) fail(`error calling slice: invalid slice index: ${from} > ${to}`)
  const part = whole.slice(from, to)
  return isText ? part.toString() : part
}

function length(value: unknown): bigint {
  const item = plain(value)
  if (typeof item === 'string') return BigInt(Buffer.byteLength(item))
  if (Array.isArray(item)) return BigInt(item.length)
  if (item instanceof Map) return BigInt(item.size)
  if (item === undefined || item === null) fail('error calling len: len of nil pointer')
  return fail(`error calling len: len of type ${kindOf(item)}`)
}

function toInteger(value: unknown): number {
  if (typeof value === 'bigint') return Number(value)
  if (typeof value === 'number' && Number.isInteger(value)) return value
  return fail(`cannot index slice/array with type ${kindOf(value)}`)
}

/** Go's `fmt.Print`: a space between operands when neither is a string. */
function print(...args: unknown[]): string {
  let text = ''
  for (let at = 0; at < args.length; at++) {
    if (at > 0 && kindOf(args[at]) !== 'string' && kindOf(args[at - 1]) !== 'string') text += ' '
    text += args[at] === undefined ? '<nil>' : printValue(args[at])
  }
  return text
}

const htmlEntities: Record<string, string> = {
  '"': '&#34;',
  "'": '&#39;',
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '\0': '\ufffd',
}

/** Escapes for HTML text and quoted attributes. */
export function escapeHtml(text: string): string {
  return text.replace(/["'&<>\0]/g, (character) => htmlEntities[character]!)
}

function escapeJs(text: string): string {
  return text.replace(/[\\'"<>&=\n\r\t\u2028\u2029\x00-\x1f]/g, (character) => {
    if (character === '\\' || character === "'" || character === '"') return `\\${character}`
    return `\\u${character.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}`
  })
}

/** Go's `url.QueryEscape`. */
export function escapeQuery(text: string): string {
  return encodeURIComponent(text)
    .replace(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll('%20', '+')
}

/** Functions that take any number of arguments; all others take as many as they name. */
export const variadicNames: ReadonlySet<string> = new Set([
  ...[
    'and',
    'or',
    'index',
    'slice',
    'call',
    'print',
    'printf',
    'println',
    'html',
    'js',
    'urlquery',
  ],
  ...['eq', 'args', 'stringSlice', 'dict', 'list', 'append'],
])

/** Names and functions; `and` and `or` are evaluated lazily by the evaluator. */
export const builtins: ReadonlyMap<string, TemplateFunction> = new Map<string, TemplateFunction>([
  ['and', (...args) => args.find((arg) => !isTrue(arg)) ?? args.at(-1)],
  ['or', (...args) => args.find(isTrue) ?? args.at(-1)],
  ['not', (value) => !isTrue(value)],
  ['len', length],
  ['index', index],
  ['slice', slice],
  [
    'call',
    (target, ...args) =>
      typeof target === 'function'
        ? target(...args)
        : fail(`error calling call: non-function of type ${kindOf(target)}`),
  ],
  ['print', print],
  [
    'printf',
    (format, ...args) =>
      typeof format === 'string' || format instanceof SafeText
        ? formatVerbs(String(plain(format)), args)
        : fail(`expected string; found ${printValue(format)}`),
  ],
  [
    'println',
    (...args) =>
      `${args.map((arg) => (arg === undefined ? '<nil>' : printValue(arg))).join(' ')}\n`,
  ],
  ['html', (...args) => escapeHtml(print(...args))],
  ['js', (...args) => escapeJs(print(...args))],
  ['urlquery', (...args) => escapeQuery(print(...args))],
  [
    'eq',
    (first, ...others) =>
      others.length === 0
        ? fail('error calling eq: missing argument for comparison')
        : others.some((other) => isEqual(first, other)),
  ],
  ['ne', (a, b) => !isEqual(a, b)],
  ['lt', (a, b) => isLess(a, b)],
  ['le', (a, b) => isLess(a, b) || isEqual(a, b)],
  ['gt', (a, b) => !isLess(a, b) && !isEqual(a, b)],
  ['ge', (a, b) => !isLess(a, b)],
])
