/**
 * Running sums with their rounding errors (Neumaier), of one number and of the buckets of one sign. Buckets
 * are columns sorted by index: histograms of a series mostly have the same ones, so that adding one is a
 * loop over numbers.
 */

import type { HistogramBuckets } from '../../../model/histogram.ts'
import { coarserIndex } from './bucket.ts'

/** A running sum of numbers. */
export class Compensated {
  sum = 0
  error = 0

  add(next: number): void {
    const total = this.sum + next
    if (!Number.isFinite(total)) this.error = 0
    else if (Math.abs(this.sum) >= Math.abs(next)) this.error += this.sum - total + next
    else this.error += next - total + this.sum
    this.sum = total
  }

  get value(): number {
    return this.sum + this.error
  }
}

/** A running sum of buckets. */
export class BucketSum {
  #index: readonly number[] = []
  #sum: number[] = []
  #error: number[] = []

  /** Adds `factor` times the buckets. */
  add(buckets: HistogramBuckets, factor: number): void {
    const { index, count } = buckets
    if (!isEqual(index, this.#index)) this.#widen(index)
    const sums = this.#sum
    const errors = this.#error
    const own = this.#index
    let at = 0
    for (let place = 0; place < index.length; place++) {
      while (own[at] !== index[place]) at++
      const sum = sums[at]!
      const next = count[place]! * factor
      const total = sum + next
      if (!Number.isFinite(total)) errors[at] = 0
      else if (Math.abs(sum) >= Math.abs(next)) errors[at]! += sum - total + next
      else errors[at]! += next - total + sum
      sums[at] = total
    }
  }

  /** The buckets that are not empty, each number divided by `divisor`. */
  finish(divisor: number): HistogramBuckets {
    const index: number[] = []
    const count: number[] = []
    for (let at = 0; at < this.#index.length; at++) {
      const value = (this.#sum[at]! + this.#error[at]!) / divisor
      if (value === 0) continue
      index.push(this.#index[at]!)
      count.push(value)
    }
    return { index, count }
  }

  /** The same observations at a lower resolution. */
  coarsen(fromSchema: number, toSchema: number): void {
    const index: number[] = []
    const joined: Compensated[] = []
    for (let at = 0; at < this.#index.length; at++) {
      const to = coarserIndex(this.#index[at]!, fromSchema, toSchema)
      if (index.at(-1) !== to) {
        index.push(to)
        joined.push(new Compensated())
      }
      joined.at(-1)!.add(this.#sum[at]!)
      joined.at(-1)!.add(this.#error[at]!)
    }
    this.#index = index
    this.#sum = joined.map(({ sum }) => sum)
    this.#error = joined.map(({ error }) => error)
  }

  /** Makes room for more indexes. */
  #widen(more: readonly number[]): void {
    const index: number[] = []
    const sum: number[] = []
    const error: number[] = []
    let own = 0
    let other = 0
    while (own < this.#index.length || other < more.length) {
      const mine = this.#index[own] ?? Infinity
      const theirs = more[other] ?? Infinity
      index.push(Math.min(mine, theirs))
      sum.push(mine <= theirs ? this.#sum[own]! : 0)
      error.push(mine <= theirs ? this.#error[own]! : 0)
      if (mine <= theirs) own++
      if (theirs <= mine) other++
    }
    this.#index = index
    this.#sum = sum
    this.#error = error
  }
}

function isEqual(a: readonly number[], b: readonly number[]): boolean {
  if (a === b) return true
  if (a.length !== b.length) return false
  for (let place = 0; place < a.length; place++) if (a[place] !== b[place]) return false
  return true
}
