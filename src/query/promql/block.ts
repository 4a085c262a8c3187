/**
 * The value of an instant-vector expression over all steps: one row per series, one cell per step, in
 * flat typed arrays (row-major), so that a query over ten thousand series costs a handful of
 * allocations. `presence` says what a cell holds: nothing, a float, or a native histogram, which
 * lives in a column of its own beside the floats.
 */

import type { Histogram } from '../../model/histogram.ts'
import type { Labels } from '../../model/labels.ts'

/** The cell is empty. */
export const isAbsent = 0
/** The cell holds a float. */
export const isFloat = 1
/** The cell holds a histogram. */
export const isHistogram = 2

/** The steps of an evaluation: `startTimeMs + step · stepMs`. */
export interface Grid {
  startTimeMs: number
  stepMs: number
  stepCount: number
}

/** The time of a step. */
export function timeOf(grid: Grid, step: number): number {
  return grid.startTimeMs + step * grid.stepMs
}

/** Rows of series, cells of steps. Writers own a block until they return it; readers never change it. */
export class Block {
  readonly stepCount: number
  readonly labels: Labels[] = []
  /** The metric name is to be removed at the end (delayed, so that `label_replace` still sees it). */
  readonly isNameDropped: boolean[] = []
  value: Float64Array
  presence: Uint8Array
  histogram: (Histogram | undefined)[] | undefined

  constructor(stepCount: number, rowCapacity: number) {
    this.stepCount = stepCount
    this.value = new Float64Array(stepCount * rowCapacity)
    this.presence = new Uint8Array(stepCount * rowCapacity)
  }

  get rowCount(): number {
    return this.labels.length
  }

  /** Adds an empty row and returns its first cell. */
  addRow(labels: Labels, isNameDropped: boolean): number {
    const base = this.labels.length * this.stepCount
    this.labels.push(labels)
    this.isNameDropped.push(isNameDropped)
    if (base + this.stepCount > this.value.length) this.#grow()
    return base
  }

  /** Takes back the row added last, when it stayed empty. */
  dropEmptyLastRow(): void {
    const end = this.labels.length * this.stepCount
    for (let cell = end - this.stepCount; cell < end; cell++) {
      if (this.presence[cell] !== isAbsent) return
    }
    this.labels.pop()
    this.isNameDropped.pop()
  }

  /** Takes back all rows. */
  clear(): void {
    this.presence.fill(isAbsent, 0, this.labels.length * this.stepCount)
    this.labels.length = 0
    this.isNameDropped.length = 0
    this.histogram = undefined
  }

  setFloat(cell: number, value: number): void {
    this.presence[cell] = isFloat
    this.value[cell] = value
  }

  setHistogram(cell: number, histogram: Histogram): void {
    this.histogram ??= []
    this.presence[cell] = isHistogram
    this.histogram[cell] = histogram
  }

  /** Copies a cell of any kind. */
  copyCell(cell: number, from: Block, fromCell: number): void {
    const kind = from.presence[fromCell]!
    if (kind === isHistogram) this.setHistogram(cell, from.histogram![fromCell]!)
    else if (kind === isFloat) this.setFloat(cell, from.value[fromCell]!)
  }

  #grow(): void {
    const size = Math.max(this.value.length * 2, this.stepCount * 4)
    const value = new Float64Array(size)
    value.set(this.value)
    this.value = value
    const presence = new Uint8Array(size)
    presence.set(this.presence)
    this.presence = presence
  }
}

/** One series as a range selector or subquery gives it: samples in time order, stale markers removed. */
export interface RangeSeries {
  labels: Labels
  isNameDropped: boolean
  count: number
  timeMs: Float64Array
  value: Float64Array
  histogram: (Histogram | undefined)[] | undefined
  /** Start timestamps, 0 where unknown. */
  startTimeMs: Float64Array | undefined
  /** Which of the stored samples each row is, where some were left out. */
  ordinal?: Float64Array | undefined
  /** No value is less than the one before, which the store knew. */
  isRising?: boolean | undefined
  /** The distance between any two rows that follow each other, which the store knew. */
  evenMs?: number | undefined
}

/** Any evaluated expression. A scalar has one number per step. */
export type Value =
  | { type: 'scalar'; value: Float64Array }
  | { type: 'string'; value: string }
  | { type: 'vector'; block: Block }
  | { type: 'matrix'; series: RangeSeries[] }
