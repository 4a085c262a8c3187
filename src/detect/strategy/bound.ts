/**
 * A comparison as data: an operator and its threshold, such as `> 0.05` or `outside 10..20`. With it a
 * rule can have several levels and a recovery of its own over one measured value.
 */

import { parseNumber } from '../../query/query.ts'

/** Operators of bounds; `outside` and `inside` have two limits, which themselves count as inside. */
export type BoundOperator = '>' | '<' | '>=' | '<=' | '==' | '!=' | 'outside' | 'inside'

/** An operator with its threshold; `upper` belongs to `outside` and `inside` alone. */
export interface Bound {
  operator: BoundOperator
  threshold: number
  upper?: number
}

/** Reads a bound; `undefined` for what is none. */
export function parseBound(text: string): Bound | undefined {
  const pair = /^\s*(outside|inside)\s+(\S+?)\s*\.\.\s*(\S+)\s*$/.exec(text)
  if (pair !== null) {
    const threshold = parseNumber(pair[2]!)
    const upper = parseNumber(pair[3]!)
    if (threshold === undefined || upper === undefined || !(threshold < upper)) return undefined
    return { operator: pair[1] as BoundOperator, threshold, upper }
  }
  const single = /^\s*(>=|<=|==|!=|>|<)\s*(\S+)\s*$/.exec(text)
  const threshold = single === null ? undefined : parseNumber(single[2]!)
  if (threshold === undefined || Number.isNaN(threshold)) return undefined
  return { operator: single![1] as BoundOperator, threshold }
}

/** Whether a value fulfils a bound. NaN fulfils none but `!=`, as in PromQL. */
export function fulfils(value: number, { operator, threshold, upper = threshold }: Bound): boolean {
  switch (operator) {
    case '>':
      return value > threshold
    case '<':
      return value < threshold
    case '>=':
      return value >= threshold
    case '<=':
      return value <= threshold
    case '==':
      return value === threshold
    case '!=':
      return value !== threshold
    case 'outside':
      return value < threshold || value > upper
    case 'inside':
      return value >= threshold && value <= upper
  }
}

/** As it is written in a rule. */
export function formatBound({ operator, threshold, upper }: Bound): string {
  return upper === undefined ? `${operator} ${threshold}` : `${operator} ${threshold}..${upper}`
}
