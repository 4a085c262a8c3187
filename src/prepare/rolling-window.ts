/**
 * Mean, deviation, smallest and largest of the values of the last while, in memory that does not grow with
 * their number: the window is a ring of sixty panes, each with the figures of its values, so that old
 * values leave a sixtieth at a time. Figures of panes are joined as in Chan, Golub and LeVeque, "Updating
 * Formulae and a Pairwise Algorithm for Computing Sample Variances" (1979).
 */

const paneCount = 60

/** The window of one series. */
export class RollingWindow {
  count = 0
  mean = 0
  /** Of all values, not of a sample of them. */
  deviation = 0
  min = Number.POSITIVE_INFINITY
  max = Number.NEGATIVE_INFINITY
  readonly #paneMs: number
  /** Number of the latest pane since 1970. */
  #latest = Number.NEGATIVE_INFINITY
  readonly #counts = new Float64Array(paneCount)
  readonly #means = new Float64Array(paneCount)
  readonly #squares = new Float64Array(paneCount)
  readonly #mins = new Float64Array(paneCount)
  readonly #maxes = new Float64Array(paneCount)

  constructor(windowMs: number) {
    this.#paneMs = Math.max(1, windowMs / paneCount)
  }

  /** Whether nothing of this time would be left in the window. */
  isOver(timeMs: number): boolean {
    return Math.floor(timeMs / this.#paneMs) - this.#latest >= paneCount
  }

  /** Adds a value and works the figures out anew; `false` when its time is before the window. */
  add(timeMs: number, value: number): boolean {
    const pane = Math.floor(timeMs / this.#paneMs)
    if (pane < 0 || pane <= this.#latest - paneCount) return false
    this.#moveTo(pane)
    const place = pane % paneCount
    const count = ++this.#counts[place]!
    const distance = value - this.#means[place]!
    this.#means[place]! += distance / count
    this.#squares[place]! += distance * (value - this.#means[place]!)
    if (count === 1 || value < this.#mins[place]!) this.#mins[place] = value
    if (count === 1 || value > this.#maxes[place]!) this.#maxes[place] = value
    this.#join()
    return true
  }

  #moveTo(pane: number): void {
    if (pane <= this.#latest) return
    const first = Math.max(this.#latest + 1, pane - paneCount + 1)
    for (let number = first; number <= pane; number++) {
      const place = number % paneCount
      this.#counts[place] = this.#means[place] = this.#squares[place] = 0
    }
    this.#latest = pane
  }

  #join(): void {
    let count = 0
    let mean = 0
    let squares = 0
    let min = Number.POSITIVE_INFINITY
    let max = Number.NEGATIVE_INFINITY
    for (let place = 0; place < paneCount; place++) {
      const added = this.#counts[place]!
      if (added === 0) continue
      const total = count + added
      const distance = this.#means[place]! - mean
      mean += (distance * added) / total
      squares += this.#squares[place]! + (distance * distance * count * added) / total
      count = total
      if (this.#mins[place]! < min) min = this.#mins[place]!
      if (this.#maxes[place]! > max) max = this.#maxes[place]!
    }
    this.count = count
    this.mean = mean
    this.deviation = Math.sqrt(squares / count)
    this.min = min
    this.max = max
  }
}
