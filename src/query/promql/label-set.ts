/** Label work of operators: done once per series, never per step. */

import { Labels, metricNameLabel } from '../../model/labels.ts'

/** The name and what is said of it; they go together. */
const reservedNames = new Set([metricNameLabel, '__type__', '__unit__'])

/** Whether a label is the metric's name, or said of it. */
export function isReserved(name: string): boolean {
  return reservedNames.has(name)
}

/** Without the metric's name, type and unit. */
export function withoutName(labels: Labels): Labels {
  const pairs = labels.pairs
  for (let index = 0; index < pairs.length; index += 2) {
    if (reservedNames.has(pairs[index]!)) return labels.filter((name) => !reservedNames.has(name))
  }
  return labels
}

/** Labels by which an aggregation groups. */
export function groupLabels(
  labels: Labels,
  names: ReadonlySet<string>,
  isWithout: boolean,
): Labels {
  if (!isWithout) {
    if (names.size === 0) return noLabels
    return labels.filter((name) => names.has(name))
  }
  return labels.filter((name) => !names.has(name) && !reservedNames.has(name))
}

const noLabels = new Labels([])

/** What two sides of an operator must have in common, as labels. */
export function matchLabels(labels: Labels, names: ReadonlySet<string>, isOn: boolean): Labels {
  if (isOn) return names.size === 0 ? noLabels : labels.filter((name) => names.has(name))
  return labels.filter((name) => name !== metricNameLabel && !names.has(name))
}
