/**
 * Writes pages and their events into the records, in the order of the changes; those that come while one
 * write runs go together in the next. A write that fails is counted and told, and paging goes on.
 */

import { messageOf } from '../../base/error.ts'
import type { Log } from '../../base/log.ts'
import type { Page, PageEvent } from '../../model/page.ts'
import type { Records } from '../../store/store.ts'
import { recordFailuresTotal } from '../metrics.ts'

/** One write at a time. */
export class PageWriter {
  readonly #records: Records
  readonly #log: Log
  /** The write that runs, and the one after it. */
  #saving: Promise<void> = Promise.resolve()
  #nextSave: Promise<void> | undefined
  #unsaved: { pages: Set<Page>; events: PageEvent[] } = { pages: new Set(), events: [] }

  constructor(parts: { records: Records; log: Log }) {
    this.#records = parts.records
    this.#log = parts.log
  }

  /** Keeps a change; resolves when it is written, or could not be. */
  keep(page: Page, events: readonly PageEvent[]): Promise<void> {
    this.#unsaved.pages.add(page)
    this.#unsaved.events.push(...events)
    this.#nextSave ??= this.#saving.then(async () => {
      this.#nextSave = undefined
      const { pages, events: news } = this.#unsaved
      this.#unsaved = { pages: new Set(), events: [] }
      await this.attempt(() => this.#records.pages.save([...pages], news))
    })
    this.#saving = this.#nextSave
    return this.#nextSave
  }

  /** Resolves when everything is written that was there to be. */
  finish(): Promise<void> {
    return this.#saving
  }

  /** Does something with the records; a failure is counted and told. */
  async attempt(action: () => Promise<void>): Promise<void> {
    try {
      await action()
    } catch (thrown) {
      recordFailuresTotal.inc()
      this.#log.error(
        { error: messageOf(thrown) },
        'pages could not be kept in the records; paging goes on',
      )
    }
  }
}
