/** What was not kept, by source and reason: for the Sources page and our own metrics. */

import type { ExemplarResult } from '../model/exemplar.ts'
import { collectDrops } from './metrics.ts'

/** One line of the drops table. */
export interface Drop {
  source: string
  reason: string
  count: number
}

/** Sources beyond this many are counted together: names come from configuration and discovery. */
const dropRowsMax = 5000

/** Counts drops since the start. */
export class DropLedger {
  readonly #rows = new Map<string, Drop>()

  /** `kind` is the label of our metric; `source` names the place, such as a job or a file. */
  add(kind: string, source: string, drop: { reason: string; count: number }): void {
    if (drop.count === 0) return
    collectDrops.inc({ source: kind, reason: drop.reason }, drop.count)
    const isFull = this.#rows.size >= dropRowsMax
    const known = this.#rows.get(`${source}\xff${drop.reason}`)
    const shown = known === undefined && isFull ? 'others' : source
    const key = `${shown}\xff${drop.reason}`
    const row = this.#rows.get(key)
    if (row === undefined) this.#rows.set(key, { source: shown, ...drop })
    else row.count += drop.count
  }

  /** Rejected rows of an append. */
  addRejected(
    kind: string,
    source: string,
    reasons: Readonly<Partial<Record<string, number>>>,
  ): void {
    for (const [reason, count] of Object.entries(reasons)) {
      if (count !== undefined) this.add(kind, source, { reason, count })
    }
  }

  /** The same of exemplars, as `exemplar-<reason>`. */
  addExemplars(kind: string, source: string, result: ExemplarResult | undefined): void {
    for (const [reason, count] of Object.entries(result?.reasons ?? {})) {
      this.add(kind, source, { reason: `exemplar-${reason}`, count })
    }
  }

  list(): Drop[] {
    return [...this.#rows.values()]
  }
}
