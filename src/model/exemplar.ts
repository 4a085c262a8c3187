/**
 * Exemplars: single observations that stand for many, mostly with the id of a trace among their labels.
 * They belong to a series and have a value and a time of their own. Few and recent: the store keeps a
 * bounded number of them, of all series together, as Prometheus does.
 */

import type { Labels } from './labels.ts'
import type { SeriesId } from './sample.ts'

/** One exemplar. */
export interface Exemplar {
  /** Not those of the series; may be empty. */
  readonly labels: Labels
  readonly value: number
  readonly timeMs: number
}

/** An exemplar on its way into the store. */
export interface ExemplarRow extends Exemplar {
  readonly seriesId: SeriesId
  /** True when it came without a time and has that of its arrival: repeated, it is the same one. */
  readonly isUntimed?: boolean
}

/** Exemplars of one series, oldest first. */
export interface SeriesExemplars {
  labels: Labels
  exemplars: readonly Exemplar[]
}

/**
 * Why an exemplar was not kept: older than the series' newest; more than 128 characters of labels; the
 * store keeps none; its series is gone.
 */
export type ExemplarReason = 'out-of-order' | 'labels-too-long' | 'disabled' | 'series-gone'

/**
 * What became of exemplars. One that is the series' newest already counts as accepted; older ones beside
 * a new one of the same series, as sources of native histograms repeat them, do not count at all.
 */
export interface ExemplarResult {
  accepted: number
  reasons: Partial<Record<ExemplarReason, number>>
}
