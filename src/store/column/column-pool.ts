/**
 * Columns that queries gave back. A long query reads slice after slice of some ten megabytes each; memory
 * that is touched again is many times cheaper than memory that the system must find, clear and collect.
 */

/** Rows of the largest pair that is kept: 16 MB a column. */
const rowCountMax = 2_097_152
/** Pairs that are kept: a slice of a long query has about this many. */
const pairCountMax = 8

/** Two columns of equal length. */
export interface ColumnPair {
  timeMs: Float64Array
  value: Float64Array
}

/** Lends pairs of columns. */
export class ColumnPool {
  readonly #free: ColumnPair[] = []

  /** A pair of at least so many rows, with anything in it. */
  take(rowCount: number): ColumnPair {
    const fitting = this.#free.findIndex(({ timeMs }) => timeMs.length >= rowCount)
    if (fitting >= 0) return this.#free.splice(fitting, 1)[0]!
    // The smaller ones were of no use: the larger takes the place of one.
    this.#free.shift()
    return { timeMs: new Float64Array(rowCount), value: new Float64Array(rowCount) }
  }

  /** Takes a pair back; nobody may read it any more. */
  give(pair: ColumnPair): void {
    if (pair.timeMs.length > rowCountMax || this.#free.length >= pairCountMax) return
    this.#free.push(pair)
  }
}
