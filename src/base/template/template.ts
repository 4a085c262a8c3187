/**
 * Go's `text/template` language, because users bring their annotations and notification templates:
 * actions, pipelines, variables, if/with/range/else, break/continue, define/template/block, trimming,
 * the built-in functions and printf. With `escape: 'html'` every printed value is escaped for HTML
 * text, except `SafeText`; the context is not looked at, unlike Go's html/template.
 *
 * Source: pkg.go.dev/text/template, behaviour re-implemented. Output and steps are bounded.
 */

import { builtins, escapeHtml, type TemplateFunction, variadicNames } from './builtin.ts'
import { type Command, type Node, type Operand, type Pipe, parseNodes } from './parse.ts'
import { compareKeys, isTrue, printValue, SafeText, StringMap, TemplateError } from './value.ts'

export { escapeQuery, type TemplateFunction } from './builtin.ts'
export {
  formatGeneral,
  SafeText,
  StringMap,
  TemplateError,
} from './value.ts'

/** How to read a template. `base`: its defined templates can be called, ours win. */
export interface TemplateOptions {
  name: string
  functions?: ReadonlyMap<string, TemplateFunction>
  escape?: 'none' | 'html'
  base?: Template
}

/** A parsed template with the templates it defines. */
export interface Template {
  /** Writes the main text for `data`; throws `TemplateError`. */
  execute(data: unknown): string
  /** Writes a defined template; throws `TemplateError` when there is none. */
  executeNamed(name: string, data: unknown): string
  /** Reads more text: its `define`s join ours. Throws `TemplateError`. */
  add(text: string, name: string): void
}

/** Longest output, in characters; a template that writes more fails. */
const outputLengthMax = 4 * 1024 * 1024
/** Most nodes written in one execution. */
const stepCountMax = 1_000_000
/** Deepest `template` call. */
const callDepthMax = 100

/** Parses a template; throws `TemplateError` with the template's name and line. */
export function parseTemplate(text: string, options: TemplateOptions): Template {
  const template = new ParsedTemplate(options)
  template.readMain(text)
  return template
}

class ParsedTemplate implements Template {
  readonly #options: TemplateOptions
  readonly #named = new Map<string, Node[]>()
  #main: Node[] = []

  constructor(options: TemplateOptions) {
    this.#options = options
    if (options.base instanceof ParsedTemplate) {
      for (const [name, nodes] of options.base.#named) this.#named.set(name, nodes)
    }
  }

  readMain(text: string): void {
    this.#main = this.#parse(text, this.#options.name)
  }

  add(text: string, name: string): void {
    this.#parse(text, name)
  }

  execute(data: unknown): string {
    return this.#evaluator().run(this.#main, data)
  }

  executeNamed(name: string, data: unknown): string {
    const nodes = this.#named.get(name)
    if (nodes === undefined) {
      throw new TemplateError(
        `template: no template ${JSON.stringify(name)} associated with template`,
      )
    }
    return this.#evaluator().run(nodes, data)
  }

  #parse(text: string, name: string): Node[] {
    const { main, named } = parseNodes(text, {
      name,
      hasFunction: (word) => builtins.has(word) || this.#options.functions?.has(word) === true,
    })
    for (const [word, nodes] of named) this.#named.set(word, nodes)
    return main
  }

  #evaluator(): Evaluator {
    return new Evaluator(this.#options, this.#named)
  }
}

interface Variable {
  name: string
  value: unknown
}

/** Thrown to leave a loop. */
class LoopExit {
  readonly kind: 'break' | 'continue'

  constructor(kind: 'break' | 'continue') {
    this.kind = kind
  }
}

const noFinal = Symbol('no value from the pipe')

class Evaluator {
  readonly #options: TemplateOptions
  readonly #named: ReadonlyMap<string, Node[]>
  #variables: Variable[] = []
  #output = ''
  #stepCount = 0
  #callDepth = 0
  #line = 1

  constructor(options: TemplateOptions, named: ReadonlyMap<string, Node[]>) {
    this.#options = options
    this.#named = named
  }

  run(nodes: Node[], data: unknown): string {
    this.#variables = [{ name: '$', value: data }]
    try {
      this.#walk(nodes, data)
    } catch (thrown) {
      if (thrown instanceof TemplateError && thrown.message.startsWith('template: ')) throw thrown
      const reason = thrown instanceof Error ? thrown.message : String(thrown)
      throw new TemplateError(
        `template: ${this.#options.name}:${this.#line}: executing ${JSON.stringify(this.#options.name)}: ${reason}`,
      )
    }
    return this.#output
  }

  #walk(nodes: readonly Node[], dot: unknown): void {
    for (const node of nodes) {
      if (++this.#stepCount > stepCountMax)
        throw new TemplateError(`more than ${stepCountMax} steps`)
      if (node.type === 'text') this.#write(node.text)
      else this.#walkAction(node, dot)
    }
  }

  #walkAction(node: Exclude<Node, { type: 'text' }>, dot: unknown): void {
    this.#line = node.line
    switch (node.type) {
      case 'action': {
        const value = this.#pipe(node.pipe, dot)
        if (node.pipe.variables.length === 0) this.#print(value)
        return
      }
      case 'if':
      case 'with': {
        const depth = this.#variables.length
        const value = this.#pipe(node.pipe, dot)
        if (isTrue(value)) this.#walk(node.body, node.type === 'with' ? value : dot)
        else this.#walk(node.otherwise, dot)
        this.#variables.length = depth
        return
      }
      case 'range':
        this.#range(node, dot)
        return
      case 'template':
        this.#call(node, dot)
        return
      default:
        throw new LoopExit(node.type)
    }
  }

  #range(node: Extract<Node, { type: 'range' }>, dot: unknown): void {
    const depth = this.#variables.length
    const items = entriesOf(this.#pipe({ ...node.pipe, variables: [] }, dot))
    const names = node.pipe.variables
    if (items.length === 0) this.#walk(node.otherwise, dot)
    for (const [key, value] of items) {
      const last = names.length === 2 ? [key, value] : [value]
      for (let index = 0; index < names.length; index++) {
        if (node.pipe.isDeclaration)
          this.#variables.push({ name: names[index]!, value: last[index] })
        else this.#assign(names[index]!, last[index])
      }
      try {
        this.#walk(node.body, value)
      } catch (thrown) {
        if (!(thrown instanceof LoopExit)) throw thrown
        if (thrown.kind === 'break') break
      } finally {
        this.#variables.length = depth
      }
    }
    this.#variables.length = depth
  }

  #call(node: Extract<Node, { type: 'template' }>, dot: unknown): void {
    const body = this.#named.get(node.name)
    if (body === undefined)
      throw new TemplateError(`template ${JSON.stringify(node.name)} not defined`)
    if (this.#callDepth >= callDepthMax) throw new TemplateError('exceeded maximum template depth')
    const value = node.pipe === undefined ? undefined : this.#pipe(node.pipe, dot)
    const outer = this.#variables
    this.#variables = [{ name: '$', value }]
    this.#callDepth++
    this.#walk(body, value)
    this.#callDepth--
    this.#variables = outer
  }

  #pipe(pipe: Pipe, dot: unknown): unknown {
    let value: unknown = noFinal
    for (const command of pipe.commands) value = this.#command(command, dot, value)
    for (const name of pipe.variables) {
      if (pipe.isDeclaration) this.#variables.push({ name, value })
      else this.#assign(name, value)
    }
    return value
  }

  #command(command: Command, dot: unknown, final: unknown): unknown {
    const head = command.operands[0]!
    const rest = command.operands.slice(1)
    if (head.type === 'function') return this.#callFunction(head.name, { rest, dot, final })
    const hasArguments = rest.length > 0 || final !== noFinal
    if (head.type === 'field' || head.type === 'variable' || head.type === 'pipe') {
      const path = head.path
      const start =
        head.type === 'field'
          ? dot
          : head.type === 'pipe'
            ? this.#pipe(head.pipe, dot)
            : this.#variable(head.name)
      if (path.length === 0 && !hasArguments) return start
      if (path.length > 0) {
        const owner = this.#walkPath(start, path.slice(0, -1))
        const args = hasArguments ? this.#arguments(rest, dot, final) : []
        return member(owner, path.at(-1)!, args)
      }
    }
    if (head.type === 'constant' && head.value === undefined)
      throw new TemplateError('nil is not a command')
    if (hasArguments)
      throw new TemplateError(`can't give argument to non-function ${describeOperand(head)}`)
    return this.#operand(head, dot)
  }

  #callFunction(name: string, call: { rest: Operand[]; dot: unknown; final: unknown }): unknown {
    if ((name === 'and' || name === 'or') && !this.#options.functions?.has(name)) {
      return this.#shortCircuit(name, call)
    }
    const action = this.#options.functions?.get(name) ?? builtins.get(name)!
    const args = this.#arguments(call.rest, call.dot, call.final)
    if (!variadicNames.has(name) && args.length !== action.length)
      throw wrongCount(name, action.length, args.length)
    try {
      return action(...args)
    } catch (thrown) {
      if (thrown instanceof TemplateError) throw thrown
      throw new TemplateError(
        `error calling ${name}: ${thrown instanceof Error ? thrown.message : String(thrown)}`,
      )
    }
  }

  #shortCircuit(
    name: 'and' | 'or',
    call: { rest: Operand[]; dot: unknown; final: unknown },
  ): unknown {
    if (call.rest.length === 0 && call.final === noFinal) throw wrongCount(name, 'at least 1', 0)
    let value: unknown
    for (const operand of call.rest) {
      value = this.#operand(operand, call.dot)
      if (isTrue(value) === (name === 'or')) return value
    }
    return call.final === noFinal ? value : call.final
  }

  #arguments(operands: readonly Operand[], dot: unknown, final: unknown): unknown[] {
    const args = operands.map((operand) => this.#operand(operand, dot))
    if (final !== noFinal) args.push(final)
    return args
  }

  #operand(operand: Operand, dot: unknown): unknown {
    switch (operand.type) {
      case 'constant':
        if (typeof operand.value === 'bigint' && BigInt.asIntN(64, operand.value) !== operand.value)
          throw new TemplateError(`${operand.value} overflows int`)
        return operand.value
      case 'dot':
        return dot
      case 'field':
        return this.#walkPath(dot, operand.path)
      case 'variable':
        return this.#walkPath(this.#variable(operand.name), operand.path)
      case 'pipe':
        return this.#walkPath(this.#pipe(operand.pipe, dot), operand.path)
      default:
        return this.#callFunction(operand.name, { rest: [], dot, final: noFinal })
    }
  }

  #walkPath(start: unknown, path: readonly string[]): unknown {
    let value = start
    for (const name of path) value = member(value, name, [])
    return value
  }

  #variable(name: string): unknown {
    for (let index = this.#variables.length - 1; index >= 0; index--) {
      if (this.#variables[index]!.name === name) return this.#variables[index]!.value
    }
    throw new TemplateError(`undefined variable: ${name}`)
  }

  #assign(name: string, value: unknown): void {
    for (let index = this.#variables.length - 1; index >= 0; index--) {
      if (this.#variables[index]!.name === name) {
        this.#variables[index]!.value = value
        return
      }
    }
    throw new TemplateError(`undefined variable: ${name}`)
  }

  #print(value: unknown): void {
    if (value instanceof SafeText) this.#write(value.text)
    else
      this.#write(
        this.#options.escape === 'html'
          ? // Go's html/template escapes one more character than its function html.
            escapeHtml(printValue(value)).replaceAll('+', '&#43;')
          : printValue(value),
      )
  }

  #write(text: string): void {
    if (this.#output.length + text.length > outputLengthMax) {
      throw new TemplateError(`the output is longer than ${outputLengthMax} characters`)
    }
    this.#output += text
  }
}

function wrongCount(name: string, wanted: number | string, found: number): TemplateError {
  return new TemplateError(`wrong number of args for ${name}: want ${wanted} got ${found}`)
}

/** Field, map entry or method `name` of `owner`. */
function member(owner: unknown, name: string, args: unknown[]): unknown {
  if (owner === undefined || owner === null) {
    throw new TemplateError(`nil data; no entry for key ${JSON.stringify(name)}`)
  }
  if (owner instanceof Map && owner.has(name)) {
    if (args.length > 0) throw new TemplateError(`${name} is not a method but has arguments`)
    return owner.get(name)
  }
  if (
    typeof owner === 'object' &&
    !(owner instanceof Map) &&
    !Array.isArray(owner) &&
    hasMember(owner, name)
  ) {
    const value = (owner as Record<string, unknown>)[name]
    if (typeof value === 'function') return value.apply(owner, args)
    if (args.length > 0) throw new TemplateError(`${name} is not a method but has arguments`)
    return value
  }
  // Methods of maps and lists (Alertmanager's `.Labels.SortedPairs`, `.Alerts.Firing`) begin with a capital letter.
  if (/^[A-Z]/.test(name) && typeof owner === 'object') {
    const method = (owner as Record<string, unknown>)[name]
    if (typeof method === 'function') return method.apply(owner, args)
  }
  if (owner instanceof Map) return owner instanceof StringMap ? '' : undefined
  throw new TemplateError(
    `can't evaluate field ${name} in type ${Array.isArray(owner) ? 'slice' : typeof owner}`,
  )
}

/** Own members, and methods of classes other than `Object`; never what every object inherits. */
function hasMember(owner: object, name: string): boolean {
  if (Object.hasOwn(owner, name)) return true
  return /^[A-Z]/.test(name) && name in owner
}

function entriesOf(value: unknown): [unknown, unknown][] {
  if (value === undefined || value === null) return []
  if (Array.isArray(value)) return value.map((item, index) => [BigInt(index), item])
  if (value instanceof Map)
    return [...value.keys()].sort(compareKeys).map((key) => [key, value.get(key)])
  if (typeof value === 'bigint') {
    if (value > BigInt(stepCountMax)) throw new TemplateError(`range over ${value} is too long`)
    return Array.from({ length: Math.max(0, Number(value)) }, (_, index) => [
      BigInt(index),
      BigInt(index),
    ])
  }
  throw new TemplateError(`range can't iterate over ${printValue(value)}`)
}

function describeOperand(operand: Operand): string {
  if (operand.type === 'constant') return printValue(operand.value)
  return operand.type === 'variable' ? operand.name : operand.type
}
