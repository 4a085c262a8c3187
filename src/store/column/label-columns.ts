/** Label sets as the two list columns that the engine keeps them in, and back. */

import { Labels } from '../../model/labels.ts'
import type { NewColumn } from './native.ts'

/** The columns `names` and `texts` of label sets. */
export function labelColumns(labels: readonly Labels[]): NewColumn[] {
  const pick = (offset: number): string[][] =>
    labels.map((one) => one.pairs.filter((_, index) => index % 2 === offset))
  return [
    { name: 'names', type: 'Array(String)', values: pick(0) },
    { name: 'texts', type: 'Array(String)', values: pick(1) },
  ]
}

/** A label set from its two lists. */
export function labelsFromColumns(names: readonly string[], texts: readonly string[]): Labels {
  const pairs: string[] = []
  for (let index = 0; index < names.length; index++) pairs.push(names[index]!, texts[index]!)
  return new Labels(pairs)
}
