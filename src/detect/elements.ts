/** The answer of a rule's expression as elements: a vector as it is, a scalar as one without labels. */

import { emptyLabels } from '../model/labels.ts'
import type { QueryEngine, QueryValue } from '../query/query.ts'
import type { Element } from './alert-state.ts'
import { mapOf, type TemplateSample } from './template.ts'

/** Elements of an answer; `undefined` for what a rule cannot use (a string or a matrix). */
export function elementsOf(value: QueryValue): Element[] | undefined {
  if (value.type === 'vector') {
    const { elements } = value
    if (!elements.some(({ histogram }) => histogram !== undefined)) return elements
    // An alert's value is a number; of a histogram it is 0, as in Prometheus.
    return elements.map((one) => (one.histogram === undefined ? one : { ...one, value: 0 }))
  }
  if (value.type === 'scalar') return [{ labels: emptyLabels, value: value.value }]
  return undefined
}

/** What a template's `query` gets: an answer from memory. Throws when there is none. */
export function queryForTemplate(
  engine: Pick<QueryEngine, 'prepare'>,
  expression: string,
  timeMs: number,
): TemplateSample[] {
  const answer = engine.prepare(expression).evaluateRecent(timeMs)
  if (answer === undefined) throw new Error(`query "${expression}" reaches behind memory`)
  const elements = elementsOf(answer.value)
  if (elements === undefined) throw new Error(`query "${expression}" answers no vector`)
  return elements.map(({ labels, value }) => ({ Labels: mapOf(labels), Value: value }))
}
