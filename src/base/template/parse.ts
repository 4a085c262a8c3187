/**
 * The tree of a template. After Go's text/template/parse (BSD-3-Clause), behaviour re-implemented.
 * Depth is bounded, so that a hostile template cannot exhaust the stack.
 */

import { lexTemplate, type Token } from './lex.ts'
import { TemplateError } from './value.ts'

/** A node that writes or controls. */
export type Node =
  | { type: 'text'; text: string }
  | { type: 'action'; pipe: Pipe; line: number }
  | { type: 'if' | 'with'; pipe: Pipe; body: Node[]; otherwise: Node[]; line: number }
  | { type: 'range'; pipe: Pipe; body: Node[]; otherwise: Node[]; line: number }
  | { type: 'template'; name: string; pipe: Pipe | undefined; line: number }
  | { type: 'break' | 'continue'; line: number }

/** Commands joined by `|`, perhaps assigned to variables. */
export interface Pipe {
  variables: string[]
  /** `:=` declares, `=` assigns. */
  isDeclaration: boolean
  commands: Command[]
  text: string
}

/** A function or value followed by arguments. */
export interface Command {
  operands: Operand[]
}

/** One word of a command. */
export type Operand =
  | { type: 'constant'; value: string | number | bigint | boolean | undefined }
  | { type: 'dot' }
  | { type: 'field'; path: string[] }
  | { type: 'variable'; name: string; path: string[] }
  | { type: 'function'; name: string }
  | { type: 'pipe'; pipe: Pipe; path: string[] }

/** A named body. */
export interface Definitions {
  main: Node[]
  named: Map<string, Node[]>
}

const depthMax = 100

/** Parses `source`. Throws `TemplateError` with Go's wording. */
export function parseNodes(
  source: string,
  options: { name: string; hasFunction: (name: string) => boolean },
): Definitions {
  return new Parser(lexTemplate(source, options.name), options).run()
}

class Parser {
  readonly #tokens: Token[]
  readonly #options: { name: string; hasFunction: (name: string) => boolean }
  readonly #named = new Map<string, Node[]>()
  #index = 0
  #depth = 0
  #rangeDepth = 0
  #variables: string[] = ['$']

  constructor(tokens: Token[], options: { name: string; hasFunction: (name: string) => boolean }) {
    this.#tokens = tokens
    this.#options = options
  }

  run(): Definitions {
    const { nodes, ending } = this.#body(true)
    if (ending !== 'end of file') throw this.#error(`unexpected {{${ending}}}`)
    return { main: nodes, named: this.#named }
  }

  /** Nodes up to `{{end}}` or `{{else…}}`, or to the end of the file at the top. */
  #body(isTop = false): { nodes: Node[]; ending: string } {
    if (++this.#depth > depthMax) throw this.#error(`nesting is deeper than ${depthMax}`)
    const nodes: Node[] = []
    for (;;) {
      const token = this.#take()
      if (token.kind === 'end') {
        if (!isTop) throw this.#error('unexpected EOF')
        return { nodes, ending: 'end of file' }
      }
      if (token.kind === 'text') {
        nodes.push({ type: 'text', text: token.value })
        continue
      }
      this.#skipSpace()
      const word = this.#peek().kind === 'word' ? this.#peek().value : ''
      if (word === 'end' || word === 'else') {
        this.#take()
        this.#depth--
        return { nodes, ending: word }
      }
      const node = this.#action(word, isTop)
      if (node !== undefined) nodes.push(node)
    }
  }

  #action(word: string, isTop: boolean): Node | undefined {
    const line = this.#peek().line
    switch (word) {
      case 'if':
      case 'with':
      case 'range':
        this.#take()
        return this.#control(word, line)
      case 'template':
        this.#take()
        return this.#templateCall(line)
      case 'define':
        this.#take()
        if (!isTop) throw this.#error('unexpected {{define}}')
        this.#define('define')
        return undefined
      case 'block':
        this.#take()
        return this.#block(line)
      case 'break':
      case 'continue':
        this.#take()
        if (this.#rangeDepth === 0) throw this.#error(`{{${word}}} outside {{range}}`)
        this.#expectClose(word)
        return { type: word, line }
      default: {
        const pipe = this.#pipe('command')
        this.#expectClose('command')
        return { type: 'action', pipe, line }
      }
    }
  }

  #control(type: 'if' | 'with' | 'range', line: number): Node {
    const variableCount = this.#variables.length
    const pipe = this.#pipe(type)
    this.#expectClose(type)
    if (type === 'range') this.#rangeDepth++
    const { nodes: body, ending } = this.#body()
    if (type === 'range') this.#rangeDepth--
    let otherwise: Node[] = []
    if (ending === 'else') {
      this.#skipSpace()
      const next = this.#peek()
      // `{{else if}}` goes on an `{{if}}`, `{{else with}}` a `{{with}}`, and shares its `{{end}}`.
      if (next.kind === 'word' && next.value === type && type !== 'range') {
        this.#take()
        otherwise = [this.#control(type, next.line)]
        this.#variables.length = variableCount
        return { type, pipe, body, otherwise, line }
      }
      this.#expectClose('else')
      const rest = this.#body()
      if (rest.ending !== 'end') throw this.#error(`expected end; found {{${rest.ending}}}`)
      otherwise = rest.nodes
    }
    this.#expectClose('end')
    this.#variables.length = variableCount
    return { type, pipe, body, otherwise, line }
  }

  #templateCall(line: number): Node {
    const name = this.#name('template clause')
    this.#skipSpace()
    const pipe = this.#peek().kind === 'close' ? undefined : this.#pipe('template clause')
    this.#expectClose('template clause')
    return { type: 'template', name, pipe, line }
  }

  #define(context: string): string {
    const name = this.#name(`${context} clause`)
    this.#expectClose(`${context} clause`)
    const outer = this.#variables
    this.#variables = ['$']
    const { nodes, ending } = this.#body()
    if (ending !== 'end') throw this.#error(`unexpected {{${ending}}} in ${context} clause`)
    this.#expectClose('end')
    this.#variables = outer
    this.#addNamed(name, nodes)
    return name
  }

  #block(line: number): Node {
    const name = this.#name('block clause')
    const pipe = this.#pipe('block clause')
    this.#expectClose('block clause')
    const outer = this.#variables
    this.#variables = ['$']
    const { nodes, ending } = this.#body()
    if (ending !== 'end') throw this.#error(`unexpected {{${ending}}} in block clause`)
    this.#expectClose('end')
    this.#variables = outer
    this.#addNamed(name, nodes)
    return { type: 'template', name, pipe, line }
  }

  #name(context: string): string {
    this.#skipSpace()
    const token = this.#take()
    if (token.kind !== 'string') throw this.#error(`unexpected ${describe(token)} in ${context}`)
    return token.value
  }

  #pipe(context: string): Pipe {
    const pipe: Pipe = { variables: [], isDeclaration: false, commands: [], text: context }
    this.#declarations(pipe, context)
    for (;;) {
      this.#skipSpace()
      const token = this.#peek()
      if (token.kind === 'close' || (token.kind === 'mark' && token.value === ')')) {
        if (pipe.commands.length === 0) throw this.#error(`missing value for ${context}`)
        break
      }
      pipe.commands.push(this.#command(context))
      this.#skipSpace()
      const next = this.#peek()
      if (next.kind === 'mark' && next.value === '|') {
        this.#take()
      }
    }
    for (const command of pipe.commands.slice(1)) {
      const head = command.operands[0]!
      if (head.type === 'constant' || head.type === 'dot') {
        throw this.#error('non executable command in pipeline')
      }
    }
    if (pipe.isDeclaration) this.#variables.push(...pipe.variables)
    return pipe
  }

  /** `$x :=`, `$x =`, `$i, $x :=` at the start of a pipe. */
  #declarations(pipe: Pipe, context: string): void {
    const start = this.#index
    const names: string[] = []
    for (;;) {
      this.#skipSpace()
      const token = this.#peek()
      if (token.kind !== 'variable') break
      this.#take()
      names.push(token.value)
      this.#skipSpace()
      const mark = this.#peek()
      if (mark.kind !== 'mark') break
      if (mark.value === ',' && context === 'range' && names.length < 2) {
        this.#take()
        continue
      }
      if (mark.value === ':=' || mark.value === '=') {
        this.#take()
        pipe.variables = names
        pipe.isDeclaration = mark.value === ':='
        return
      }
      break
    }
    this.#index = start
  }

  #command(context: string): Command {
    const operands: Operand[] = []
    for (;;) {
      this.#skipSpace()
      const operand = this.#operand()
      if (operand === undefined) break
      operands.push(operand)
      const next = this.#peek()
      if (next.kind === 'space') continue
      if (
        next.kind === 'close' ||
        (next.kind === 'mark' && (next.value === '|' || next.value === ')'))
      )
        break
      throw this.#error(`unexpected ${describe(next)} in operand`)
    }
    if (operands.length === 0) {
      const token = this.#peek()
      throw this.#error(
        token.kind === 'mark' && token.value === '|'
          ? `missing value for ${context}`
          : `unexpected ${describe(token)} in ${context}`,
      )
    }
    return { operands }
  }

  #operand(): Operand | undefined {
    const token = this.#peek()
    switch (token.kind) {
      case 'string':
        return this.#taken({ type: 'constant', value: token.value })
      case 'int':
        return this.#taken({ type: 'constant', value: parseGoInt(token.value) })
      case 'float':
        return this.#taken({ type: 'constant', value: this.#float(token.value) })
      case 'dot':
        return this.#taken({ type: 'dot' })
      case 'field':
        return { type: 'field', path: this.#path() }
      case 'variable': {
        this.#take()
        this.#checkVariable(token.value)
        return { type: 'variable', name: token.value, path: this.#path() }
      }
      case 'word':
        return this.#wordOperand(token)
      case 'mark': {
        if (token.value !== '(') return undefined
        this.#take()
        if (++this.#depth > depthMax) throw this.#error(`nesting is deeper than ${depthMax}`)
        const pipe = this.#pipe('parenthesized pipeline')
        this.#depth--
        this.#skipSpace()
        const close = this.#take()
        if (close.value !== ')') throw this.#error('unclosed left paren')
        return { type: 'pipe', pipe, path: this.#path() }
      }
      default:
        return undefined
    }
  }

  #float(text: string): number {
    const value = Number(text.replaceAll('_', ''))
    if (Number.isFinite(value)) return value
    throw this.#error(`bad number syntax: ${JSON.stringify(text)}`)
  }

  /** A name stands for one text, unless all but one of them are blank. */
  #addNamed(name: string, nodes: Node[]): void {
    const known = this.#named.get(name)
    if (known === undefined || isBlank(known)) this.#named.set(name, nodes)
    else if (!isBlank(nodes))
      throw this.#error(`multiple definition of template ${JSON.stringify(name)}`)
  }

  #wordOperand(token: Token): Operand {
    this.#take()
    if (token.value === 'true' || token.value === 'false') {
      return { type: 'constant', value: token.value === 'true' }
    }
    if (token.value === 'nil') return { type: 'constant', value: undefined }
    if (!this.#options.hasFunction(token.value)) {
      throw this.#error(`function ${JSON.stringify(token.value)} not defined`)
    }
    return { type: 'function', name: token.value }
  }

  #taken(operand: Operand): Operand {
    this.#take()
    return operand
  }

  /** `.a.b.c` directly behind one another. */
  #path(): string[] {
    const path: string[] = []
    while (this.#peek().kind === 'field') path.push(this.#take().value)
    return path
  }

  #checkVariable(name: string): void {
    if (!this.#variables.includes(name))
      throw this.#error(`undefined variable ${JSON.stringify(name)}`)
  }

  #expectClose(context: string): void {
    this.#skipSpace()
    const token = this.#take()
    if (token.kind !== 'close') throw this.#error(`unexpected ${describe(token)} in ${context}`)
  }

  #skipSpace(): void {
    while (this.#peek().kind === 'space') this.#index++
  }

  #peek(): Token {
    return this.#tokens[Math.min(this.#index, this.#tokens.length - 1)]!
  }

  #take(): Token {
    const token = this.#peek()
    this.#index++
    return token
  }

  #error(message: string): TemplateError {
    return new TemplateError(`template: ${this.#options.name}:${this.#peek().line}: ${message}`)
  }
}

function isBlank(nodes: readonly Node[]): boolean {
  return nodes.every((node) => node.type === 'text' && node.text.trim() === '')
}

function parseGoInt(text: string): bigint {
  const plain = text.replaceAll('_', '')
  const isNegative = plain.startsWith('-')
  const digits = plain.replace(/^[+-]/, '')
  const value = BigInt(/^0\d/.test(digits) ? `0o${digits.slice(1)}` : digits)
  return isNegative ? -value : value
}

function describe(token: Token): string {
  if (token.kind === 'close') return '"}}"'
  if (token.kind === 'end') return 'EOF'
  return JSON.stringify(token.value)
}
