/** All groups of alerts that are not over: by route and labels, as alerts find them, and by key, as pages do. */

import type { Alert } from '../model/alert.ts'
import { AlertGroup, type GroupSurroundings } from './alert-group.ts'
import { groupCount } from './metrics.ts'
import { groupLabelsOf, type Route } from './route.ts'

/** Groups of alerts. */
export class GroupTable {
  readonly #around: GroupSurroundings
  /** By route id and group labels. */
  #groups = new Map<string, AlertGroup>()
  /** By receiver and group key. */
  readonly #byKey = new Map<string, AlertGroup>()

  constructor(around: GroupSurroundings) {
    this.#around = around
  }

  /** Puts an alert into its groups. Groups of `before` go on in place of new ones, and leave it. */
  insert(alert: Alert, routes: readonly Route[], before?: Map<string, AlertGroup>): void {
    for (const route of routes) {
      const labels = groupLabelsOf(route, alert.labels)
      const mapKey = `${route.id}\xff${labels.key}`
      let group = this.#groups.get(mapKey)
      if (group === undefined) {
        const kept = before?.get(mapKey)
        if (kept !== undefined && kept.route.receiver === route.receiver) {
          before!.delete(mapKey)
          kept.adopt(route)
          group = kept
        } else group = new AlertGroup(route, labels, this.#around)
        this.#groups.set(mapKey, group)
        this.#byKey.set(`${route.receiver}\xff${group.key}`, group)
      }
      group.insert(alert)
    }
  }

  list(): AlertGroup[] {
    return [...this.#groups.values()]
  }

  /** The group that a page is of. */
  find(receiver: string, groupKey: string): AlertGroup | undefined {
    return this.#byKey.get(`${receiver}\xff${groupKey}`)
  }

  /** Whether an alert is in a group: somebody has still to be told how it goes on. */
  has(fingerprint: string): boolean {
    for (const group of this.#groups.values()) if (group.has(fingerprint)) return true
    return false
  }

  /** A group is over. */
  remove(group: AlertGroup): void {
    for (const [mapKey, other] of this.#groups) {
      if (other === group) this.#groups.delete(mapKey)
    }
    const { receiver } = group.route
    if (this.find(receiver, group.key) === group) this.#byKey.delete(`${receiver}\xff${group.key}`)
    this.count()
  }

  /** Lets go of all; answers them by route and labels, for `insert`. */
  takeAll(): Map<string, AlertGroup> {
    const taken = this.#groups
    this.#groups = new Map()
    this.#byKey.clear()
    return taken
  }

  /** Puts their number into the metrics. */
  count(): void {
    groupCount.set(this.#groups.size)
  }
}
