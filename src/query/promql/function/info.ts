/**
 * `info(v, selector)`: adds the labels of info series (`target_info` unless the selector names others)
 * to the series that share `instance` and `job` with them, step by step.
 * Source: prometheus promql/info.go (Apache-2.0), behaviour re-implemented.
 */

import { type Labels, labelsFromPairs, metricNameLabel } from '../../../model/labels.ts'
import { makeMatcher, type Matcher } from '../../../model/matcher.ts'
import { Block, isAbsent, isHistogram } from '../block.ts'
import { executionError } from '../context.ts'
import type { CallNode, Expression, SelectorNode } from '../tree.ts'
import { childrenOf } from '../tree.ts'

const identifying = ['instance', 'job']

/** The selector that reads a call's info series, shifted in time as its first argument is. */
export function infoSelectorOf(node: CallNode): SelectorNode {
  const written = node.parameters[1]
  const matchers = written?.kind === 'selector' ? [...written.matchers] : []
  if (!matchers.some((matcher) => matcher.name === metricNameLabel))
    matchers.push(makeMatcher(metricNameLabel, '=', 'target_info'))
  const shifted = findSelectors(node.parameters[0]!)[0]
  return {
    kind: 'selector',
    span: written?.span ?? node.span,
    name: '',
    matchers,
    offset: shifted?.offset,
    at: shifted?.at,
    mode: 'plain',
  }
}

function findSelectors(node: Expression): SelectorNode[] {
  if (node.kind === 'selector') return [node]
  return childrenOf(node).flatMap(findSelectors)
}

interface Join {
  nameMatchers: Matcher[]
  dataMatchers: Matcher[]
  info: Block
  /** Time of each info sample in seconds, to prefer the newer of two. */
  infoTime: Block
  /** Rows of info series by what identifies them. */
  infoRows: Map<string, number[]>
}

/** Joins the info series to `input`. */
export function joinInfo(
  input: Block,
  selector: SelectorNode,
  parts: { info: Block; infoTime: Block },
): Block {
  const isName = (matcher: Matcher): boolean => matcher.name === metricNameLabel
  if (parts.info.presence.includes(isHistogram))
    throw executionError('this should be an info metric, with float samples')
  const join: Join = {
    nameMatchers: selector.matchers.filter(isName),
    dataMatchers: selector.matchers.filter((matcher) => !isName(matcher)),
    ...parts,
    infoRows: new Map(),
  }
  parts.info.labels.forEach((labels, row) => {
    // Without one of them there is nothing to be found by, and nothing finds it.
    if (!identifying.some((name) => labels.has(name))) return
    const key = identityOf(labels)
    join.infoRows.set(key, [...(join.infoRows.get(key) ?? []), row])
  })
  const block = new Block(input.stepCount, input.rowCount)
  const bases = new Map<string, number>()
  for (let row = 0; row < input.rowCount; row++) {
    const labels = input.labels[row]!
    const isInfo = join.nameMatchers.every((matcher) => matcher.matches(labels.get(matcher.name)))
    for (let step = 0; step < input.stepCount; step++) {
      const from = row * input.stepCount + step
      if (input.presence[from] === isAbsent) continue
      const enriched = isInfo ? labels : enrich(labels, step, join)
      if (enriched === undefined) continue
      const base = bases.get(enriched.key) ?? block.addRow(enriched, input.isNameDropped[row]!)
      bases.set(enriched.key, base)
      if (block.presence[base + step] !== isAbsent)
        throw executionError('vector cannot contain metrics with the same labelset')
      block.copyCell(base + step, input, from)
    }
  }
  return block
}

function identityOf(labels: Labels): string {
  return identifying.map((name) => labels.get(name)).join('\xff')
}

/** `undefined` when a data matcher asks for a label that no info series has at this step. */
function enrich(labels: Labels, step: number, join: Join): Labels | undefined {
  const found = findInfo(labels, step, join)
  if (found.length === 0)
    return join.dataMatchers.every((matcher) => matcher.matches('')) ? labels : undefined
  const added = new Map<string, string>()
  for (const row of found) {
    const pairs = join.info.labels[row]!.pairs
    for (let index = 0; index < pairs.length; index += 2) {
      const name = pairs[index]!
      const value = pairs[index + 1]!
      if (name === metricNameLabel || identifying.includes(name) || labels.has(name)) continue
      const isAsked = join.dataMatchers.some((matcher) => matcher.name === name)
      if (join.dataMatchers.length > 0 && !isAsked) continue
      if (added.has(name) && added.get(name) !== value)
        throw executionError(`conflicting label: ${name}`)
      added.set(name, value)
    }
  }
  if (added.size === 0) return labels
  return labelsFromPairs([...labels.pairs, ...[...added].flat()])
}

/** Info rows with a sample at a step, one per metric name: the newest. */
function findInfo(labels: Labels, step: number, join: Join): number[] {
  const newest = new Map<string, number>()
  for (const row of join.infoRows.get(identityOf(labels)) ?? []) {
    const cell = row * join.info.stepCount + step
    if (join.info.presence[cell] === isAbsent) continue
    const name = join.info.labels[row]!.get(metricNameLabel)
    const held = newest.get(name)
    const timeOf = (at: number): number => join.infoTime.value[at * join.info.stepCount + step]!
    if (held !== undefined && timeOf(held) === timeOf(row))
      throw executionError(`found duplicate series for info metric ${name}`)
    if (held === undefined || timeOf(row) > timeOf(held)) newest.set(name, row)
  }
  return [...newest.values()]
}
