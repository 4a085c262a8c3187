/**
 * An expression as text again, in Prometheus's form: matchers sorted, durations and numbers in their
 * shortest writing, and what is longer than a line broken and indented by two spaces a level.
 * Source: prometheus promql/parser/printer.go and prettier.go (Apache-2.0), behaviour re-implemented.
 */

import { formatDuration } from '../../base/duration.ts'
import { isLegacyLabelName, isLegacyMetricName, quote } from '../../model/labels.ts'
import { formatMatcher } from '../../model/matcher.ts'
import { formatFixed } from './literal.ts'
import type {
  AggregateNode,
  BinaryNode,
  DurationNode,
  Expression,
  SelectorNode,
  TimeShift,
} from './tree.ts'

/** Longer pieces are broken, where they can be. */
const lineLengthMax = 100

/** The whole expression, broken over lines where it is long. `text` is what it was parsed from. */
export function formatExpression(root: Expression, text: string): string {
  return new Printer(text).broken(root, 0)
}

class Printer {
  readonly #text: string
  readonly #flat = new Map<Expression, string>()

  constructor(text: string) {
    this.#text = text
  }

  broken(node: Expression, level: number): string {
    const indent = '  '.repeat(level)
    const flat = this.#flatten(node)
    if (flat.length <= lineLengthMax) return indent + flat
    switch (node.kind) {
      case 'aggregate': {
        const parameter =
          node.parameter === undefined ? '' : `${this.broken(node.parameter, level + 1)},\n`
        return `${indent}${headOf(node)}(\n${parameter}${this.broken(node.inner, level + 1)}\n${indent})`
      }
      case 'call': {
        const inside = node.parameters.map((one) => this.broken(one, level + 1)).join(',\n')
        return `${indent}${node.name}(\n${inside}\n${indent})`
      }
      case 'paren':
        return `${indent}(\n${this.broken(node.inner, level + 1)}\n${indent})`
      case 'binary':
        return `${this.broken(node.left, level + 1)}\n${indent}${operatorOf(node)}\n${this.broken(node.right, level + 1)}`
      case 'unary':
        return indent + node.operator + this.broken(node.inner, level).trimStart()
      case 'subquery':
        return this.broken(node.inner, level) + windowOf(node, this.#text)
      default:
        return indent + flat
    }
  }

  /** On one line; kept, since a long expression asks for each part once a level. */
  #flatten(node: Expression): string {
    let flat = this.#flat.get(node)
    if (flat === undefined) {
      flat = this.#write(node)
      this.#flat.set(node, flat)
    }
    return flat
  }

  #write(node: Expression): string {
    switch (node.kind) {
      case 'number':
        return this.#number(node.value, node.span)
      case 'string':
        return quote(node.value)
      case 'selector':
        return selectorOf(node) + modeOf(node) + shiftOf(node, this.#text)
      case 'matrix': {
        const { selector, range } = node
        return `${selectorOf(selector)}[${durationOf(range, this.#text)}]${modeOf(selector)}${shiftOf(selector, this.#text)}`
      }
      case 'subquery':
        return this.#flatten(node.inner) + windowOf(node, this.#text)
      case 'unary':
        return node.operator + this.#flatten(node.inner)
      case 'paren':
        return `(${this.#flatten(node.inner)})`
      case 'call':
        return `${node.name}(${node.parameters.map((one) => this.#flatten(one)).join(', ')})`
      case 'aggregate': {
        const parameter = node.parameter === undefined ? '' : `${this.#flatten(node.parameter)}, `
        return `${headOf(node)}(${parameter}${this.#flatten(node.inner)})`
      }
      case 'binary':
        return `${this.#flatten(node.left)} ${operatorOf(node)} ${this.#flatten(node.right)}`
    }
  }

  /** A number that was written as a duration stays one. */
  #number(value: number, span: { start: number; end: number }): string {
    const written = this.#text.slice(span.start, span.end)
    const isDuration = /^[-+]?\s*\d+(ms|[smhdwy])/.test(written)
    return isDuration ? formatDuration(value * 1000) : formatFixed(value)
  }
}

function headOf(node: AggregateNode): string {
  const { operator, isWithout } = node
  if (!isWithout && node.grouping.length === 0) return operator
  return `${operator} ${isWithout ? 'without' : 'by'} (${labelList(node.grouping)}) `
}

function operatorOf(node: BinaryNode): string {
  const { matching } = node
  let text: string = node.operator
  if (node.isBool) text += ' bool'
  if (matching.isOn || matching.labels.length > 0)
    text += ` ${matching.isOn ? 'on' : 'ignoring'} (${labelList(matching.labels)})`
  const { cardinality, include, fillLeft, fillRight } = matching
  if (cardinality === 'many-to-one') text += ` group_left (${labelList(include)})`
  if (cardinality === 'one-to-many') text += ` group_right (${labelList(include)})`
  if (fillLeft !== undefined && Object.is(fillLeft, fillRight))
    return `${text} fill (${formatFixed(fillLeft)})`
  if (fillLeft !== undefined) text += ` fill_left (${formatFixed(fillLeft)})`
  if (fillRight !== undefined) text += ` fill_right (${formatFixed(fillRight)})`
  return text
}

function labelList(names: readonly string[]): string {
  return names.map((name) => (isLegacyLabelName(name) ? name : quote(name))).join(', ')
}

function selectorOf(node: SelectorNode): string {
  const isNameOutside = node.name !== '' && isLegacyMetricName(node.name)
  const shown: string[] = []
  for (const matcher of node.matchers) {
    const isName = matcher.name === '__name__' && matcher.operator === '='
    if (isName && node.name !== '' && matcher.value === node.name) continue
    shown.push(formatMatcher(matcher))
  }
  shown.sort()
  if (node.name !== '' && !isNameOutside) shown.unshift(quote(node.name))
  const name = isNameOutside ? node.name : ''
  return shown.length === 0 && name !== '' ? name : `${name}{${shown.join(',')}}`
}

function modeOf(node: SelectorNode): string {
  return node.mode === 'plain' ? '' : ` ${node.mode}`
}

function windowOf(node: Extract<Expression, { kind: 'subquery' }>, text: string): string {
  const step = node.step === undefined ? '' : durationOf(node.step, text)
  return `[${durationOf(node.range, text)}:${step}]${shiftOf(node, text)}`
}

function shiftOf({ at, offset }: TimeShift, text: string): string {
  let shown = ''
  if (at !== undefined)
    shown += ` @ ${typeof at === 'string' ? `${at}()` : (at.timeMs / 1000).toFixed(3)}`
  if (offset === undefined) return shown
  const duration = durationOf(offset, text)
  return `${shown} offset ${offset.kind === 'operation' ? `(${duration})` : duration}`
}

function durationOf(node: DurationNode, text: string): string {
  switch (node.kind) {
    case 'seconds':
      return formatDuration(node.value * 1000)
    case 'step':
    case 'range':
      return `${node.kind}()`
    case 'negative':
      return `-${innerOf(node.inner, text)}`
    case 'operation': {
      const { operator, left, right } = node
      const [first, second] = [innerOf(left, text), innerOf(right, text)]
      if (operator === 'min' || operator === 'max') return `${operator}_of(${first}, ${second})`
      return `${first} ${operator} ${second}`
    }
  }
}

/** Inside of a calculation numbers stay numbers. The tree has no parentheses; they are written where they might matter. */
function innerOf(node: DurationNode, text: string): string {
  if (node.kind === 'seconds' && !/[a-z]/i.test(text.slice(node.span.start, node.span.end)))
    return formatFixed(node.value)
  const isBare = node.kind !== 'operation' || node.operator === 'min' || node.operator === 'max'
  return isBare ? durationOf(node, text) : `(${durationOf(node, text)})`
}
