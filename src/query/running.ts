/** The queries that wait or run, so that people can see them and stop one. */

/** One query that waits for a place or runs. */
export interface RunningQuery {
  id: string
  expression: string
  kind: 'instant' | 'range'
  startedTimeMs: number
  isWaiting: boolean
}

/** The table of them; bounded by what the server accepts at once. */
export class RunningQueries {
  readonly #entries = new Map<string, { query: RunningQuery; stop: () => void }>()
  #lastNumber = 0

  /** Enters a query; the answer is its row, which the caller keeps up to date. */
  add(query: Omit<RunningQuery, 'id' | 'isWaiting'>, stop: () => void): RunningQuery {
    const row: RunningQuery = { id: String(++this.#lastNumber), ...query, isWaiting: true }
    this.#entries.set(row.id, { query: row, stop })
    return row
  }

  /** Takes a query out that ended. */
  remove(id: string): void {
    this.#entries.delete(id)
  }

  /** The oldest first. */
  list(): RunningQuery[] {
    return [...this.#entries.values()].map(({ query }) => ({ ...query }))
  }

  /** Stops a query; false when none has this id (any more). */
  stop(id: string): boolean {
    const entry = this.#entries.get(id)
    entry?.stop()
    return entry !== undefined
  }
}
