/** Pages by id, by group and by alert: what is open, and what of the closed still has to tell the end. */

import type { Page } from '../../model/page.ts'
import { pageCount } from '../metrics.ts'

/** All pages that are not done with. */
export class PageBook {
  readonly #pages = new Map<string, Page>()
  /** Open pages by receiver and group. */
  readonly #byGroup = new Map<string, Page>()
  /** Open pages by their alerts. */
  readonly #byAlert = new Map<string, Set<Page>>()

  /** How many are open. */
  get openCount(): number {
    return this.#byGroup.size
  }

  /** A page. */
  add(page: Page): void {
    this.#pages.set(page.id, page)
    if (!page.isOpen) return
    this.#byGroup.set(keyOf(page.receiver, page.groupKey), page)
    this.index(page)
  }

  /** Finds it by alerts that joined as well. */
  index(page: Page): void {
    for (const fingerprint of page.alerts) {
      const pages = this.#byAlert.get(fingerprint)
      if (pages === undefined) this.#byAlert.set(fingerprint, new Set([page]))
      else pages.add(page)
    }
  }

  /** Its group is over; it is found by its id alone until it is forgotten. */
  close(page: Page): void {
    const key = keyOf(page.receiver, page.groupKey)
    if (this.#byGroup.get(key) === page) this.#byGroup.delete(key)
    for (const fingerprint of page.alerts) {
      const pages = this.#byAlert.get(fingerprint)
      if (pages?.delete(page) && pages.size === 0) this.#byAlert.delete(fingerprint)
    }
  }

  /** Nothing is left to do. */
  forget(page: Page): void {
    this.#pages.delete(page.id)
  }

  find(id: string): Page | undefined {
    return this.#pages.get(id)
  }

  /** The open page of a group. */
  findOfGroup(receiver: string, groupKey: string): Page | undefined {
    return this.#byGroup.get(keyOf(receiver, groupKey))
  }

  /** Open pages of an alert. */
  listOfAlert(fingerprint: string): Page[] {
    const pages = this.#byAlert.get(fingerprint)
    return pages === undefined ? [] : [...pages]
  }

  /** Open pages, newest first. */
  listOpen(): Page[] {
    return [...this.#byGroup.values()].sort((a, b) => b.openedTimeMs - a.openedTimeMs)
  }

  /** Also those that only tell the end. */
  listAll(): Page[] {
    return [...this.#pages.values()]
  }

  /** Puts the counts into the metrics. */
  count(): void {
    const counts = { firing: 0, acknowledged: 0, escalated: 0, resolved: 0 }
    for (const { state } of this.#byGroup.values()) counts[state]++
    for (const [state, count] of Object.entries(counts)) pageCount.set({ state }, count)
  }
}

function keyOf(receiver: string, groupKey: string): string {
  return `${receiver}\xff${groupKey}`
}
