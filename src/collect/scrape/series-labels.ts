/** Labels of a scraped series: those of the page joined with those of the target, and bounds in one form. */

import { compareText, type Labels, labelsFromPairs } from '../../model/labels.ts'
import { formatBound, isNumber, parseNumber } from './number.ts'

/** Labels of target and sample together. */
export function mergeTargetLabels(scraped: Labels, target: Labels, isHonored: boolean): Labels {
  return mergeApart(scraped.pairs, target.pairs) ?? mergeShared(scraped, target, isHonored)
}

/** Both are sorted, and nearly always without a name in common; `undefined` when they have one. */
function mergeApart(scraped: readonly string[], target: readonly string[]): Labels | undefined {
  const pairs: string[] = []
  let at = 0
  for (let index = 0; index < scraped.length; index += 2) {
    const name = scraped[index]!
    while (at < target.length && compareText(target[at]!, name) < 0) {
      pairs.push(target[at]!, target[at + 1]!)
      at += 2
    }
    if (target[at] === name) return undefined
    pairs.push(name, scraped[index + 1]!)
  }
  for (; at < target.length; at += 2) pairs.push(target[at]!, target[at + 1]!)
  return labelsFromPairs(pairs)
}

function mergeShared(scraped: Labels, target: Labels, isHonored: boolean): Labels {
  const pairs: string[] = []
  const taken = new Set<string>()
  for (let index = 0; index < scraped.pairs.length; index += 2) taken.add(scraped.pairs[index]!)
  for (let index = 0; index < scraped.pairs.length; index += 2) {
    let name = scraped.pairs[index]!
    const value = scraped.pairs[index + 1]!
    if (!isHonored && target.has(name)) {
      do name = `exported_${name}`
      while (taken.has(name) || target.has(name))
      taken.add(name)
    }
    pairs.push(name, value)
  }
  for (let index = 0; index < target.pairs.length; index += 2) {
    const name = target.pairs[index]!
    if (!(isHonored && scraped.has(name))) pairs.push(name, target.pairs[index + 1]!)
  }
  return labelsFromPairs(pairs)
}

/**
 * `le` of buckets and `quantile` in their float form: 1 becomes 1.0. Unlike Prometheus this does not
 * ask for a TYPE line, so that pages without metadata get the same series.
 */
export function normalizeBounds(pairs: string[]): string[] {
  for (let index = 0; index < pairs.length; index += 2) {
    const name = pairs[index]!
    if (name !== 'le' && name !== 'quantile') continue
    if (name === 'le' && !pairs[1]!.endsWith('_bucket')) continue
    const bytes = Buffer.from(pairs[index + 1]!)
    const bound = parseNumber(bytes, 0, bytes.length)
    if (!isNumber || (name === 'quantile' && !(bound >= 0 && bound <= 1))) continue
    pairs[index + 1] = formatBound(bound)
  }
  return pairs
}
