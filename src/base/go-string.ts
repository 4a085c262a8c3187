/**
 * Go's quoted strings: double and single quotes with escapes, back quotes without. PromQL, Loki's
 * label sets and Go templates write their strings so.
 * Source: go.dev/ref/spec#String_literals; prometheus util/strutil/quote.go, re-implemented.
 */

const simpleEscapes: Record<string, string> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '\\': '\\',
  "'": "'",
  '"': '"',
}

/** The text behind a quoted literal; throws `SyntaxError` for a bad escape or a missing quote. */
export function unquoteGo(literal: string): string {
  const mark = literal[0]!
  if (literal.length < 2 || literal[literal.length - 1] !== mark)
    throw new SyntaxError('unterminated quoted string')
  const body = literal.slice(1, -1)
  if (mark === '`') return body.replaceAll('\r', '')
  if (body.includes('\n')) throw new SyntaxError('unterminated quoted string')
  if (!body.includes('\\')) return body
  return unescapeBody(body, mark)
}

/** Bytes written as `\xNN` or octal are collected, since several may form one UTF-8 character. */
function unescapeBody(body: string, mark: string): string {
  let text = ''
  let bytes: number[] = []
  const flush = (): void => {
    if (bytes.length > 0) text += Buffer.from(bytes).toString('utf8')
    bytes = []
  }
  for (let index = 0; index < body.length; index++) {
    const char = body[index]!
    if (char !== '\\') {
      flush()
      text += char
      continue
    }
    const kind = body[++index]
    if (kind === undefined) throw new SyntaxError('unterminated quoted string')
    const simple = simpleEscapes[kind]
    if (simple !== undefined) {
      if ((kind === '"' || kind === "'") && kind !== mark) throw unknownEscape(kind)
      flush()
      text += simple
      continue
    }
    const rule =
      escapeRules[kind] ?? (/[0-7]/.test(kind) ? { size: 3, base: 8, from: 0 } : undefined)
    if (rule === undefined) throw unknownEscape(kind)
    const digits = body.slice(index + rule.from, index + rule.from + rule.size)
    const code = Number.parseInt(digits, rule.base)
    const isWhole =
      digits.length === rule.size && (rule.base === 8 ? /^[0-7]+$/ : /^[\da-f]+$/i).test(digits)
    if (!isWhole || (rule.size <= 3 ? code > 255 : code > 0x10ffff))
      throw new SyntaxError(`illegal character in escape sequence "\\${kind}${digits}"`)
    index += rule.from + rule.size - 1
    if (rule.size <= 3) bytes.push(code)
    else {
      flush()
      text += String.fromCodePoint(code)
    }
  }
  flush()
  return text
}

const escapeRules: Record<string, { size: number; base: number; from: number } | undefined> = {
  x: { size: 2, base: 16, from: 1 },
  u: { size: 4, base: 16, from: 1 },
  U: { size: 8, base: 16, from: 1 },
}

function unknownEscape(kind: string): SyntaxError {
  const code = kind.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')
  return new SyntaxError(`unknown escape sequence U+${code} '${kind}'`)
}

const letterEscapes = new Map([
  ['\x07', '\\a'],
  ['\b', '\\b'],
  ['\f', '\\f'],
  ['\n', '\\n'],
  ['\r', '\\r'],
  ['\t', '\\t'],
  ['\v', '\\v'],
  ['\\', '\\\\'],
])

/** A text in double quotes, as Go's `strconv.Quote` writes it; `isAscii` escapes all other letters. */
export function quoteGo(text: string, isAscii = false): string {
  return `"${Array.from(text, (letter) => escapeLetter(letter, '"', isAscii)).join('')}"`
}

/** One character in single quotes. */
export function quoteGoRune(code: number, isAscii = false): string {
  return `'${escapeLetter(String.fromCodePoint(code), "'", isAscii)}'`
}

function escapeLetter(letter: string, mark: string, isAscii: boolean): string {
  if (letter === mark) return `\\${letter}`
  const simple = letterEscapes.get(letter)
  if (simple !== undefined) return simple
  const code = letter.codePointAt(0)!
  if (code >= 0x20 && code < 0x7f) return letter
  if (code > 0x7f && !isAscii && /[\p{L}\p{M}\p{N}\p{P}\p{S}]/u.test(letter)) return letter
  const digits = code.toString(16)
  if (code < 0x80) return `\\x${digits.padStart(2, '0')}`
  return code < 0x10000 ? `\\u${digits.padStart(4, '0')}` : `\\U${digits.padStart(8, '0')}`
}
