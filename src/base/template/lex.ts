/**
 * Cuts a template into text and the tokens of its actions. After Go's text/template/parse/lex.go
 * (BSD-3-Clause), behaviour re-implemented: `{{- ` and ` -}}` trim, comments in slashes and stars.
 */

import { unquoteGo } from '../go-string.ts'
import { TemplateError } from './value.ts'

/** What a token is. */
export type TokenKind =
  | 'text'
  | 'open'
  | 'close'
  | 'word'
  | 'field'
  | 'variable'
  | 'dot'
  | 'string'
  | 'int'
  | 'float'
  | 'space'
  | 'mark'
  | 'end'

/** One token; `line` counts from 1. `value` is the decoded text of strings and the name without its sign. */
export interface Token {
  kind: TokenKind
  value: string
  line: number
}

const spaceCharacters = ' \t\r\n'

/** All tokens of `source`, ending with `end`. Throws `TemplateError`. */
export function lexTemplate(source: string, name: string): Token[] {
  const tokens: Token[] = []
  let position = 0
  let line = 1
  let shouldTrimNext = false
  while (position < source.length) {
    const open = source.indexOf('{{', position)
    const textEnd = open < 0 ? source.length : open
    let text = source.slice(position, textEnd)
    const startLine = line
    line += countLines(text)
    if (shouldTrimNext) text = text.replace(/^[ \t\r\n]+/, '')
    const isTrimmed =
      open >= 0 && source[open + 2] === '-' && spaceCharacters.includes(source[open + 3] ?? 'x')
    if (isTrimmed) text = text.replace(/[ \t\r\n]+$/, '')
    if (text !== '') tokens.push({ kind: 'text', value: text, line: startLine })
    if (open < 0) break
    const action = new ActionLexer({ source, name, position: open + (isTrimmed ? 3 : 2), line })
    shouldTrimNext = action.run(tokens)
    position = action.position
    line = action.line
  }
  tokens.push({ kind: 'end', value: '', line })
  return tokens
}

function countLines(text: string): number {
  let count = 0
  for (let index = text.indexOf('\n'); index >= 0; index = text.indexOf('\n', index + 1)) count++
  return count
}

const patterns: readonly (readonly [TokenKind, RegExp])[] = [
  ['variable', /\$[\p{L}\p{N}_]*/uy],
  ['field', /\.[\p{L}_][\p{L}\p{N}_]*/uy],
  ['float', /[+-]?(?:\d[\d_]*\.\d*(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?|\d[\d_]*[eE][+-]?\d+)/y],
  ['int', /[+-]?(?:0[xX][\da-fA-F_]+|0[bB][01_]+|0[oO][0-7_]+|\d[\d_]*)/y],
  ['word', /[\p{L}_][\p{L}\p{N}_]*/uy],
  ['dot', /\./y],
  ['mark', /:=|[=|(),]/y],
]

/** The tokens between `{{` and `}}`. */
class ActionLexer {
  position: number
  line: number
  readonly #source: string
  readonly #name: string
  #parenthesisDepth = 0

  constructor(options: { source: string; name: string; position: number; line: number }) {
    this.#source = options.source
    this.#name = options.name
    this.position = options.position
    this.line = options.line
  }

  /** Adds the action's tokens; answers whether the text after it is to be trimmed. */
  run(tokens: Token[]): boolean {
    const comment = /[ \t\r\n]*\/\*/y
    comment.lastIndex = this.position
    if (comment.test(this.#source)) return this.#skipComment()
    tokens.push({ kind: 'open', value: '', line: this.line })
    for (;;) {
      const shouldTrim = this.#close()
      if (shouldTrim !== undefined) {
        if (this.#parenthesisDepth > 0) throw this.#error('unclosed left paren')
        tokens.push({ kind: 'close', value: '', line: this.line })
        return shouldTrim
      }
      tokens.push(this.#next())
    }
  }

  /** Steps over `}}` or ` -}}` when it stands here. */
  #close(): boolean | undefined {
    const close = /(?:[ \t\r\n]+(-))?\}\}/y
    close.lastIndex = this.position
    const match = close.exec(this.#source)
    if (match === null) return undefined
    this.line += countLines(match[0])
    this.position += match[0].length
    return match[1] !== undefined
  }

  #skipComment(): boolean {
    const end = this.#source.indexOf('*/', this.position)
    if (end < 0) throw this.#error('unclosed comment')
    this.line += countLines(this.#source.slice(this.position, end))
    this.position = end + 2
    const shouldTrim = this.#close()
    if (shouldTrim === undefined) throw this.#error('comment ends before closing delimiter')
    return shouldTrim
  }

  #next(): Token {
    const line = this.line
    const character = this.#source[this.position]
    if (character === undefined) throw this.#error('unclosed action')
    const space = /[ \t\r\n]+/y
    space.lastIndex = this.position
    const blank = space.exec(this.#source)
    if (blank !== null) {
      this.position += blank[0].length
      this.line += countLines(blank[0])
      return { kind: 'space', value: '', line }
    }
    if (character === '"' || character === '`' || character === "'")
      return this.#quoted(character, line)
    for (const [kind, pattern] of patterns) {
      pattern.lastIndex = this.position
      const match = pattern.exec(this.#source)
      if (match === null) continue
      this.position += match[0].length
      if (match[0] === '(') this.#parenthesisDepth++
      if (match[0] === ')' && --this.#parenthesisDepth < 0)
        throw this.#error('unexpected right paren')
      return { kind, value: kind === 'field' ? match[0].slice(1) : match[0], line }
    }
    throw this.#error(`unexpected ${JSON.stringify(character)} in command`)
  }

  #quoted(mark: string, line: number): Token {
    let end = this.position + 1
    while (this.#source[end] !== mark) {
      const character = this.#source[end]
      if (character === undefined || (character === '\n' && mark !== '`')) {
        throw this.#error(
          mark === '`' ? 'unterminated raw quoted string' : 'unterminated quoted string',
        )
      }
      end += character === '\\' && mark !== '`' ? 2 : 1
    }
    const literal = this.#source.slice(this.position, end + 1)
    this.position = end + 1
    this.line += countLines(literal)
    let value: string
    try {
      value = unquoteGo(literal)
    } catch {
      throw this.#error(`invalid syntax: ${literal}`)
    }
    if (mark !== "'") return { kind: 'string', value, line }
    if ([...value].length !== 1) throw this.#error(`malformed character constant: ${literal}`)
    return { kind: 'int', value: String(value.codePointAt(0)), line }
  }

  #error(message: string): TemplateError {
    return new TemplateError(`template: ${this.#name}:${this.line}: ${message}`)
  }
}
