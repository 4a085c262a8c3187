/**
 * From text to our tree, through the official grammar (`@prometheus-io/lezer-promql`, Apache-2.0).
 * The grammar is made for editors and is kinder than Prometheus in a few places; what it lets
 * through is caught here (unfinished strings, modifiers behind the wrong thing) or in `check.ts`.
 */

import type { PartialParse, SyntaxNode } from '@lezer/common'
import { parser } from '@prometheus-io/lezer-promql'
import { messageOf } from '../../base/error.ts'
import { type Matcher, type MatchOperator, makeMatcher } from '../../model/matcher.ts'
import { type ChainPiece, shapeChain } from './chain.ts'
import { unquoteGo } from '../../base/go-string.ts'
import { formatFixed, formatNumber, parseNumber } from './literal.ts'
import { findTooDeep } from './nesting.ts'
import { makeParseError, makeUnexpectedError } from './parse-error.ts'
import { applyAt, applyMode, applyOffset, applyRange, applySubquery } from './postfix.ts'
import { findSignature } from './signature.ts'
import type {
  AggregateNode,
  AggregateOperator,
  BinaryNode,
  BinaryOperator,
  DurationNode,
  Expression,
  SelectorNode,
  Span,
  VectorMatching,
} from './tree.ts'
import { childrenOf as expressionsBelow } from './tree.ts'

/** Longest expression that is read; bounds memory and depth. */
const expressionLengthMax = 1_048_576
/** The longest duration in seconds: upstream holds nanoseconds in 63 bits. */
const durationSecondsMax = 2 ** 63 / 1e9
/** Deepest nesting; keeps every walk of the tree far from the end of the stack. */
const depthMax = 1000

/** Parses an expression without checking types; throws `QUERY_PARSE_FAILED`. */
export function parseTree(text: string): Expression {
  if (text.length > expressionLengthMax)
    throw makeParseError(text, { start: 0, end: 0 }, 'the expression is too long')
  const deep = findTooDeep(text)
  if (deep !== undefined)
    throw makeParseError(
      text,
      { start: deep, end: deep + 1 },
      'the expression is nested too deeply',
    )
  return new Converter(text).convertTop(parseSyntax(text))
}

/**
 * Functions that the grammar does not know yet as such (`min_of` outside durations) are parsed under
 * the name of a known one of the same length, so that places stay; the true name is read from the text.
 */
const standIns = new Map([
  ['min_of', 'minute'],
  ['max_of', 'minute'],
])

function parseSyntax(text: string): SyntaxNode {
  let shown = text
  let hasBareDots = true
  for (;;) {
    const top = parseWhole(shown)
    const errorAt = findError(top)
    if (errorAt === undefined) return top
    if (hasBareDots) {
      // `1./6.`: the grammar wants digits behind the point; a space in its place changes nothing.
      hasBareDots = false
      shown = shown.replace(/(?<=(?<![\w.])\d+)\.(?![\d.a-zA-Z])/g, ' ')
      if (shown !== text) continue
    }
    const metric = /^\s*(offset)\b/i.exec(shown.slice(errorAt))
    if (metric !== null) {
      // `offset` is a metric's name where no modifier can stand; six letters take its place.
      const end = errorAt + metric[0].length
      shown = `${shown.slice(0, end - 6)}metric${shown.slice(end)}`
      continue
    }
    const before = shown.slice(0, errorAt + 1)
    const missed = /.*\b(min_of|max_of)\s*\(/s.exec(before)
    if (missed === null) throw makeUnexpectedError(text, errorAt)
    const start = missed[0].length - /\b(min_of|max_of)\s*\($/.exec(missed[0])![0].length
    shown = shown.slice(0, start) + standIns.get(missed[1]!)! + shown.slice(start + 6)
  }
}

/**
 * For editors' sake the parser cuts long chains of left-associative operators (300 of them over 2,000
 * characters) into broken pieces, and counts towards that as it goes; held at zero it never does.
 */
function parseWhole(text: string): SyntaxNode {
  const parse = parser.startParse(text) as PartialParse & { bigReductionCount?: number }
  for (;;) {
    const tree = parse.advance()
    if (tree !== null) return tree.topNode
    parse.bigReductionCount = 0
  }
}

/** Offset of the first place that the grammar could not place. */
function findError(top: SyntaxNode): number | undefined {
  const cursor = top.cursor()
  do {
    if (cursor.type.isError) return cursor.from
  } while (cursor.next())
  return undefined
}

class Converter {
  readonly #text: string
  #depth = 0

  constructor(text: string) {
    this.#text = text
  }

  convertTop(top: SyntaxNode): Expression {
    const inner = expressionsOf(top)[0]
    if (inner === undefined) throw makeUnexpectedError(this.#text, 0)
    const root = this.#convert(inner)
    this.#checkDepth(root)
    return root
  }

  /** Shaping may nest otherwise than the grammar did. */
  #checkDepth(root: Expression): void {
    let level = [root]
    for (let depth = 1; level.length > 0; depth++) {
      if (depth > depthMax)
        throw makeParseError(this.#text, level[0]!.span, 'the expression is nested too deeply')
      level = level.flatMap(expressionsBelow)
    }
  }

  #convert(node: SyntaxNode): Expression {
    if (++this.#depth > depthMax) this.#fail(node, 'the expression is nested too deeply')
    const converted = this.#convertKind(node)
    this.#depth--
    return converted
  }

  #convertKind(node: SyntaxNode): Expression {
    const span = spanOf(node)
    switch (node.name) {
      case 'StringLiteral':
        return { kind: 'string', span, value: this.#string(node) }
      case 'VectorSelector':
        return this.#selector(node)
      case 'ParenExpr':
        return { kind: 'paren', span, inner: this.#convert(expressionsOf(node)[0]!) }
      case 'AggregateExpr':
        return this.#aggregate(node)
      case 'FunctionCall':
        return this.#call(node)
      default: {
        const pieces: ChainPiece[] = []
        this.#flatten(node, pieces)
        return shapeChain(pieces)
      }
    }
  }

  /** Adds the pieces of a chain in the order of the text. */
  #flatten(node: SyntaxNode, pieces: ChainPiece[]): void {
    if (++this.#depth > depthMax) this.#fail(node, 'the expression is nested too deeply')
    switch (node.name) {
      case 'BinaryExpr': {
        const [left, right] = expressionsOf(node) as [SyntaxNode, SyntaxNode]
        this.#flatten(left, pieces)
        pieces.push(this.#operator(node))
        this.#flatten(right, pieces)
        break
      }
      case 'UnaryExpr': {
        const operator = this.#textOf(node.getChild('UnaryOp')!) as '+' | '-'
        pieces.push({ kind: 'sign', operator, start: node.from })
        this.#flatten(expressionsOf(node)[0]!, pieces)
        break
      }
      case 'NumberDurationLiteral':
        this.#numberPieces(node, pieces)
        break
      default:
        if (postfixNames.has(node.name)) {
          this.#flatten(expressionsOf(node)[0]!, pieces)
          pieces.push({ kind: 'postfix', apply: (inner) => this.#postfix(node, inner) })
        } else pieces.push({ kind: 'operand', node: this.#convert(node) })
    }
    this.#depth--
  }

  /** The grammar takes a sign for part of the number; `^` and modifiers bind tighter than it. */
  #numberPieces(node: SyntaxNode, pieces: ChainPiece[]): void {
    const operator = this.#text[node.from]
    let start = node.from
    let value = this.#number(node)
    if (operator === '-' || operator === '+') {
      pieces.push({ kind: 'sign', operator, start })
      if (operator === '-') value = -value
      start++
    }
    pieces.push({ kind: 'operand', node: { kind: 'number', span: { start, end: node.to }, value } })
  }

  #postfix(node: SyntaxNode, inner: Expression): Expression {
    const durations = node.getChildren('DurationExpr').map((child) => this.#duration(child))
    const place = { text: this.#text, end: node.to }
    switch (node.name) {
      case 'MatrixSelector':
        return applyRange(inner, place, durations[0]!)
      case 'SubqueryExpr':
        return applySubquery(inner, place, { range: durations[0]!, step: durations[1] })
      case 'OffsetExpr':
        return applyOffset(inner, place, this.#duration(node.getChild('OffsetDurationExpr')!))
      case 'AnchoredExpr':
        return applyMode(inner, place, 'anchored')
      case 'SmoothedExpr':
        return applyMode(inner, place, 'smoothed')
      case 'StepInvariantExpr': {
        const preprocessor = node.getChild('AtModifierPreprocessors')
        if (preprocessor !== null) {
          const isStart = preprocessor.getChild('AtStart') !== null
          return applyAt(inner, place, isStart ? 'start' : 'end')
        }
        const literal = node.getChildren('NumberDurationLiteral').at(-1)!
        const seconds = this.#number(literal)
        const timeMs = Math.round(seconds * 1000)
        if (!Number.isSafeInteger(timeMs))
          this.#fail(node, `timestamp out of bounds for @ modifier: ${formatSeconds(seconds)}`)
        return applyAt(inner, place, { timeMs })
      }
      default:
        return this.#fail(node, `unexpected ${node.name}`)
    }
  }

  #selector(node: SyntaxNode): SelectorNode {
    const identifier = node.getChild('Identifier')
    let name = identifier === null ? '' : this.#textOf(identifier)
    if (/^atan2$/i.test(name)) throw makeUnexpectedError(this.#text, node.from)
    const matchers: Matcher[] = []
    for (const child of childrenOf(node.getChild('LabelMatchers'))) {
      if (child.name === 'QuotedLabelName') {
        const quoted = this.#string(child.getChild('StringLiteral')!)
        if (name !== '')
          this.#fail(child, `metric name must not be set twice: "${name}" or "${quoted}"`)
        name = quoted
      } else if (child.name.endsWith('LabelMatcher')) matchers.push(this.#matcher(child))
    }
    if (name !== '') {
      const second = matchers.find((matcher) => matcher.name === '__name__')
      if (second !== undefined)
        this.#fail(node, `metric name must not be set twice: "${name}" or "${second.value}"`)
      matchers.push(makeMatcher('__name__', '=', name))
    }
    const span = spanOf(node)
    return {
      kind: 'selector',
      span,
      name,
      matchers,
      offset: undefined,
      at: undefined,
      mode: 'plain',
    }
  }

  #matcher(node: SyntaxNode): Matcher {
    const plain = node.getChild('LabelName')
    const quoted = node.getChild('QuotedLabelName')?.getChild('StringLiteral')
    const name = plain === null ? this.#string(quoted!) : this.#textOf(plain)
    const operator = this.#textOf(node.getChild('MatchOp')!) as MatchOperator
    const value = this.#string(node.getChild('StringLiteral')!)
    try {
      return makeMatcher(name, operator, value)
    } catch (thrown) {
      return this.#fail(node, messageOf(thrown))
    }
  }

  #operator(node: SyntaxNode): ChainPiece {
    const operator = this.#textOf(operatorOf(node)).toLowerCase() as BinaryOperator
    const clause = node.getChild('MatchingModifierClause')
    const isSet = operator === 'and' || operator === 'or' || operator === 'unless'
    const shared = {
      kind: 'binary' as const,
      operator,
      isBool: node.getChild('BoolModifier') !== null,
      matching: this.#matching(clause, node.getChild('FillModifier'), isSet),
      hasMatching: clause !== null,
    }
    const combine = (left: Expression, right: Expression): BinaryNode => {
      const span = { start: left.span.start, end: right.span.end }
      return { ...shared, span, left, right }
    }
    return { kind: 'operator', operator, combine }
  }

  #matching(clause: SyntaxNode | null, fill: SyntaxNode | null, isSet: boolean): VectorMatching {
    const lists = clause?.getChildren('GroupingLabels') ?? []
    const isLeft = clause?.getChild('GroupLeft') != null
    const isRight = clause?.getChild('GroupRight') != null
    const both = this.#fill(fill, 'FillClause')
    return {
      cardinality: isLeft
        ? 'many-to-one'
        : isRight
          ? 'one-to-many'
          : isSet
            ? 'many-to-many'
            : 'one-to-one',
      isOn: clause?.getChild('On') != null,
      labels: lists[0] === undefined ? [] : this.#labelList(lists[0]),
      include: lists[1] === undefined ? [] : this.#labelList(lists[1]),
      fillLeft: both ?? this.#fill(fill, 'FillLeftClause'),
      fillRight: both ?? this.#fill(fill, 'FillRightClause'),
    }
  }

  #fill(fill: SyntaxNode | null, name: string): number | undefined {
    const literal = fill?.getChild(name)?.getChild('NumberDurationLiteral')
    return literal == null ? undefined : this.#number(literal)
  }

  #aggregate(node: SyntaxNode): AggregateNode {
    const operator = this.#textOf(node.getChild('AggregateOp')!).toLowerCase() as AggregateOperator
    const modifier = node.getChild('AggregateModifier')
    const inside = expressionsOf(node.getChild('FunctionCallBody')!).map((child) =>
      this.#convert(child),
    )
    const countExpected = hasParameter(operator) ? 2 : 1
    if (inside.length === 0) this.#fail(node, 'no arguments for aggregate expression provided')
    if (inside.length !== countExpected) {
      const reason = 'wrong number of arguments for aggregate expression provided'
      this.#fail(node, `${reason}, expected ${countExpected}, got ${inside.length}`)
    }
    return {
      kind: 'aggregate',
      span: spanOf(node),
      operator,
      parameter: countExpected === 2 ? inside[0] : undefined,
      inner: inside[countExpected - 1]!,
      grouping: modifier === null ? [] : this.#labelList(modifier.getChild('GroupingLabels')!),
      isWithout: modifier?.getChild('Without') != null,
    }
  }

  #call(node: SyntaxNode): Expression {
    const identifier = node.getChild('FunctionIdentifier')!
    const name = this.#textOf(identifier)
    if (findSignature(name) === undefined)
      this.#fail(identifier, `unknown function with name "${name}"`)
    const parameters = expressionsOf(node.getChild('FunctionCallBody')!).map((child) =>
      this.#convert(child),
    )
    return { kind: 'call', span: spanOf(node), name, parameters }
  }

  #labelList(node: SyntaxNode): string[] {
    const names: string[] = []
    for (const child of childrenOf(node)) {
      if (child.name === 'LabelName') names.push(this.#textOf(child))
      else if (child.name === 'QuotedLabelName')
        names.push(this.#string(child.getChild('StringLiteral')!))
    }
    return names
  }

  #duration(node: SyntaxNode): DurationNode {
    if (++this.#depth > depthMax) this.#fail(node, 'the expression is nested too deeply')
    const converted = this.#durationKind(node)
    this.#depth--
    return converted
  }

  #durationKind(node: SyntaxNode): DurationNode {
    const span = spanOf(node)
    const inner = childrenOf(node).filter((child) => /DurationExpr$/.test(child.name))
    const sign = node.getChild('UnaryOp')
    if (sign !== null) {
      const value = this.#duration(inner[0]!)
      return this.#textOf(sign) === '-' ? { kind: 'negative', span, inner: value } : value
    }
    if (inner.length === 2) {
      const left = this.#duration(inner[0]!)
      const right = this.#duration(inner[1]!)
      const operator =
        node.getChild('DurationMinOf') !== null
          ? 'min'
          : node.getChild('DurationMaxOf') !== null
            ? 'max'
            : (this.#textOf(inner[0]!.nextSibling!) as '+' | '-' | '*' | '/' | '%' | '^')
      return { kind: 'operation', span, operator, left, right }
    }
    if (inner.length === 1) return this.#duration(inner[0]!)
    if (node.getChild('DurationStep') !== null) return { kind: 'step', span }
    if (node.getChild('DurationRange') !== null) return { kind: 'range', span }
    const literal = node.getChild('NumberDurationLiteralInDurationContext')!
    const value = this.#number(literal)
    if (Math.abs(value) > durationSecondsMax) this.#fail(literal, 'duration out of range')
    return { kind: 'seconds', span, value }
  }

  #number(node: SyntaxNode): number {
    const text = this.#textOf(node)
    const value = /\w/.test(this.#text[node.to] ?? '') ? undefined : parseNumber(text)
    return value ?? this.#fail(node, `bad number or duration syntax: "${text}"`)
  }

  #string(node: SyntaxNode): string {
    try {
      return unquoteGo(this.#textOf(node))
    } catch (thrown) {
      return this.#fail(node, messageOf(thrown))
    }
  }

  #textOf(node: SyntaxNode): string {
    return this.#text.slice(node.from, node.to)
  }

  #fail(node: SyntaxNode, reason: string): never {
    throw makeParseError(this.#text, spanOf(node), reason)
  }
}

/** Seconds as Go's `%f` prints them. */
function formatSeconds(seconds: number): string {
  return Number.isFinite(seconds) ? `${formatFixed(seconds)}.000000` : formatNumber(seconds)
}

/** Whether an aggregation takes a parameter in front. */
function hasParameter(operator: AggregateOperator): boolean {
  return /^(topk|bottomk|count_values|quantile|limitk|limit_ratio)$/.test(operator)
}

/** What stands behind an operand. */
const postfixNames = new Set([
  'MatrixSelector',
  'SubqueryExpr',
  'OffsetExpr',
  'AnchoredExpr',
  'SmoothedExpr',
  'StepInvariantExpr',
])

const expressionNames = new Set([
  'AggregateExpr',
  'BinaryExpr',
  'FunctionCall',
  'MatrixSelector',
  'NumberDurationLiteral',
  'OffsetExpr',
  'AnchoredExpr',
  'SmoothedExpr',
  'ParenExpr',
  'StringLiteral',
  'SubqueryExpr',
  'UnaryExpr',
  'VectorSelector',
  'StepInvariantExpr',
])

function expressionsOf(node: SyntaxNode): SyntaxNode[] {
  return childrenOf(node).filter((child) => expressionNames.has(child.name))
}

function childrenOf(node: SyntaxNode | null): SyntaxNode[] {
  const children: SyntaxNode[] = []
  for (let child = node?.firstChild ?? null; child !== null; child = child.nextSibling) {
    if (child.name !== 'LineComment') children.push(child)
  }
  return children
}

/** The operator's own node: the first child behind the left side. */
function operatorOf(node: SyntaxNode): SyntaxNode {
  return childrenOf(node)[1]!
}

function spanOf(node: SyntaxNode): Span {
  return { start: node.from, end: node.to }
}
