/** The worst of the last few dozen figures, so that one slip is seen for a while and then forgotten. */

const keptCount = 64

/** A ring of figures. */
export class RecentWorst {
  readonly #figures = new Float64Array(keptCount)
  #count = 0

  /** Adds a figure. */
  add(figure: number): void {
    this.#figures[this.#count++ % keptCount] = figure
  }

  /** The greatest of them; `undefined` before the first. */
  get worst(): number | undefined {
    return this.#count === 0 ? undefined : Math.max(...this.#figures)
  }
}
