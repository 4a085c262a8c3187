/**
 * LogQL as far as it is answered here: a stream selector and line filters (`|=`, `!=`, `|~`, `!~`, with
 * `or`), through Grafana's grammar (`@grafana/lezer-logql`, Apache-2.0). Whatever else is written gets
 * an error that names it and its place.
 */

import { parser } from '@grafana/lezer-logql'
import type { SyntaxNode } from '@lezer/common'
import { messageOf } from '../../base/error.ts'
import { compileSearch } from '../../base/regexp.ts'
import type { LogFilter } from '../../model/flow.ts'
import { type Matcher, type MatchOperator, makeMatcher } from '../../model/matcher.ts'
import { queryErrors } from '../errors.ts'
import { unquoteGo } from '../../base/go-string.ts'
import { formatPosition } from '../promql/position.ts'

/** A log query that selects lines. */
export interface LogQuery {
  matchers: Matcher[]
  filters: LogFilter[]
}

/** Longest log query that is read. */
const lengthMax = 131_072

/** Parses a log query; throws `QUERY_LOG_PARSE_FAILED` or `QUERY_LOG_UNSUPPORTED`. */
export function parseLogQuery(text: string): LogQuery {
  if (text.length > lengthMax) throw parseError(text, 0, 'the query is too long')
  const top = parser.parse(text).topNode
  const cursor = top.cursor()
  do {
    if (cursor.type.isError) throw unexpected(text, cursor.from)
  } while (cursor.next())
  const metric = find(top, 'MetricExpr')
  if (metric !== undefined) throw unsupported(text, metric, 'a metric query over logs')
  const selector = find(top, 'Selector')
  if (selector === undefined) throw unexpected(text, 0)
  const matchers = findAll(selector, 'Matcher').map((node) => toMatcher(node, text))
  if (matchers.every((matcher) => matcher.matches(''))) {
    const reason = 'queries require at least one regexp or equality matcher that does not have an'
    throw parseError(text, selector.from, `${reason} empty-compatible value`)
  }
  const filters: LogFilter[] = []
  for (const stage of findAll(top, 'PipelineStage')) {
    const lines = findAll(stage, 'LineFilter')
    if (lines.length === 0) throw unsupported(text, stage, 'this pipeline stage')
    for (const line of lines) filters.push(...toFilters(line, text))
  }
  return { matchers, filters }
}

function toMatcher(node: SyntaxNode, text: string): Matcher {
  const name = text.slice(node.firstChild!.from, node.firstChild!.to)
  const operatorNode = node.firstChild!.nextSibling!
  const operator = text.slice(operatorNode.from, operatorNode.to) as MatchOperator
  const value = stringOf(node.getChild('String')!, text)
  try {
    return makeMatcher(name, operator, value)
  } catch (thrown) {
    throw parseError(text, node.from, messageOf(thrown))
  }
}

/** A filter with `or` becomes one pattern when positive, several filters when negative. */
function toFilters(node: SyntaxNode, text: string): LogFilter[] {
  if (node.getChild('FilterOp') !== null) throw unsupported(text, node, 'a filter function')
  const operatorNode = node.getChild('Filter')!
  const operator = text.slice(operatorNode.from, operatorNode.to)
  if (operator !== '|=' && operator !== '!=' && operator !== '|~' && operator !== '!~')
    throw unsupported(text, operatorNode, `the filter ${operator}`)
  const values = findAll(node, 'String').map((string) => stringOf(string, text))
  const isPattern = operator === '|~' || operator === '!~'
  if (isPattern) {
    for (const value of values) {
      try {
        compileSearch(value)
      } catch (thrown) {
        throw parseError(text, node.from, messageOf(thrown))
      }
    }
  }
  if (values.length === 1 || operator === '!=' || operator === '!~')
    return values.map((value) => ({ operator, value }))
  const parts = isPattern ? values.map((value) => `(?:${value})`) : values.map(escapePattern)
  return [{ operator: '|~', value: parts.join('|') }]
}

function escapePattern(value: string): string {
  return value.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')
}

function stringOf(node: SyntaxNode, text: string): string {
  try {
    return unquoteGo(text.slice(node.from, node.to))
  } catch (thrown) {
    throw parseError(text, node.from, messageOf(thrown))
  }
}

function find(top: SyntaxNode, name: string): SyntaxNode | undefined {
  return findAll(top, name)[0]
}

/** Nodes of a kind in order of the text. */
function findAll(top: SyntaxNode, name: string): SyntaxNode[] {
  const found: SyntaxNode[] = []
  const cursor = top.cursor()
  const end = top.to
  do {
    if (cursor.from > end || (cursor.from === end && cursor.to > end)) break
    if (cursor.name === name && cursor.from >= top.from && cursor.to <= end) found.push(cursor.node)
  } while (cursor.next())
  return found
}

function parseError(text: string, offset: number, reason: string): Error {
  const position = formatPosition(text, offset)
  return queryErrors.LOG_PARSE_FAILED({ position, reason, start: offset, end: text.length })
}

function unexpected(text: string, offset: number): Error {
  const rest = text.slice(offset).trim()
  if (rest === '') return parseError(text, text.length, 'unexpected end of query')
  const token = /^(\w+|"[^"]*"?|.)/su.exec(rest)![0]
  return parseError(text, offset, `unexpected ${JSON.stringify(token)}`)
}

function unsupported(text: string, node: SyntaxNode, what: string): Error {
  const position = formatPosition(text, node.from)
  const written = text.slice(node.from, node.to)
  const part = written.length > 60 ? what : `${what} (${written})`
  return queryErrors.LOG_UNSUPPORTED({ position, part, start: node.from, end: node.to })
}
