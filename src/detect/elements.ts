/** The answer of a rule's expression as elements: a vector as it is, a scalar as one without labels. */

import { emptyLabels } from '../model/labels.ts'
import type { QueryValue } from '../query/query.ts'
import type { Element } from './alert-state.ts'

/** Elements of an answer; `undefined` for what a rule cannot use (a string or a matrix). */
export function elementsOf(value: QueryValue): Element[] | undefined {
  if (value.type === 'vector') return value.elements
  if (value.type === 'scalar') return [{ labels: emptyLabels, value: value.value }]
  return undefined
}
