/**
 * Why nobody is told of an alert: silenced, inhibited, in maintenance, out of hours, or somebody has
 * it already. A person's word is named before ours; an alert that somebody has is told of all the
 * same when there is news, and only not again and again.
 */

import type { Clock } from '../base/clock.ts'
import type { Alert } from '../model/alert.ts'
import type { Labels } from '../model/labels.ts'
import type { Inhibitor } from './inhibit.ts'
import type { MaintenanceDesk } from './maintenance/maintenance-desk.ts'
import { heldTotal } from './metrics.ts'
import type { PageDesk } from './page/page-desk.ts'
import { findPauses, findRoutes, listRoutes, type Route } from './route.ts'
import type { Silences } from './silences.ts'

/** What holds an alert back, each by its ids or names. */
export interface AlertHolders {
  silencedBy: string[]
  inhibitedBy: string[]
  /** Names of time intervals, when all its routes are out of hours, and of maintenance windows. */
  pausedBy: string[]
  /** The maintenance windows among those. */
  maintainedBy: string[]
}

/** Asks everybody who may hold an alert. */
export class Holds {
  readonly #parts: {
    clock: Clock
    silences: Silences
    maintenance: MaintenanceDesk
    pages: () => PageDesk
    isFiring: (fingerprint: string) => boolean
  }
  #tree: Route | undefined
  #inhibitor: Inhibitor
  /** Routes that have hours; the clock alone changes what they hold. */
  #timedRoutes: Route[] = []

  constructor(
    parts: {
      clock: Clock
      silences: Silences
      maintenance: MaintenanceDesk
      pages: () => PageDesk
      isFiring: (fingerprint: string) => boolean
    },
    rules: { tree: Route | undefined; inhibitor: Inhibitor },
  ) {
    this.#parts = parts
    this.#inhibitor = rules.inhibitor
    this.setRules(rules)
  }

  /** Takes a new tree and new rules. */
  setRules(rules: { tree: Route | undefined; inhibitor: Inhibitor }): void {
    this.#tree = rules.tree
    this.#inhibitor = rules.inhibitor
    const routes = rules.tree === undefined ? [] : listRoutes(rules.tree)
    this.#timedRoutes = routes.filter((route) => route.mutes.length + route.actives.length > 0)
  }

  /** The first reason, or `undefined` when people are told. */
  find(alert: Alert): Alert['held'] {
    const held = this.#findHard(alert.labels, alert)
    if (held !== undefined) return held
    const pausedBy = this.#findPauses(alert.labels)
    if (pausedBy.length > 0) return { reason: 'out-of-hours', by: pausedBy }
    const takers = this.#parts.pages().takersOf(alert.fingerprint)
    return takers.length === 0 ? undefined : { reason: 'acknowledged', by: takers }
  }

  /** Everything that holds an alert back now. */
  holdersOf(alert: Alert): AlertHolders {
    return this.holdersOfLabels(alert.labels)
  }

  /** The same of labels alone, for an alert that is only thought of. */
  holdersOfLabels(labels: Labels): AlertHolders {
    const maintainedBy = this.#parts.maintenance.findHolders(labels)
    return {
      silencedBy: this.#parts.silences.findHolders(labels),
      inhibitedBy: this.#findInhibitors(labels),
      pausedBy: [...this.#findPauses(labels), ...maintainedBy],
      maintainedBy,
    }
  }

  /** Whether nobody is told of an alert at a route now. */
  isHeldAt(alert: Alert, route: Route): boolean {
    return this.isPaused(route) || this.#findHard(alert.labels, alert) !== undefined
  }

  /** Whether a route says nothing at this hour. */
  isPaused(route: Route): boolean {
    return findPauses(route, this.#parts.clock.nowTimeMs()).length > 0
  }

  /** Takes out the alerts that are held at a route; `note` hears the reason of each. */
  withoutHeld(
    alerts: readonly Alert[],
    route: Route,
    note: (alert: Alert, held: Alert['held']) => void,
  ): Alert[] {
    const isPaused = this.isPaused(route)
    return alerts.filter((alert) => {
      const held = this.find(alert)
      note(alert, held)
      const isHard = isHardHold(held) && !this.#isEndTold(alert, held)
      if (isPaused || isHard) {
        heldTotal.inc({ reason: isHard ? held.reason : 'out-of-hours' })
        return false
      }
      return true
    })
  }

  /** Whether the end of an alert is told only when the silence is over that holds it. */
  isEndDelayed(alert: Alert): boolean {
    if (this.#parts.isFiring(alert.fingerprint)) return false
    const held = this.find(alert)
    return held?.reason === 'silenced' && this.#parts.silences.endOf(alert.labels) === 'delay'
  }

  #isEndTold(alert: Alert, held: Alert['held']): boolean {
    if (held?.reason !== 'silenced' || this.#parts.isFiring(alert.fingerprint)) return false
    return this.#parts.silences.endOf(alert.labels) === 'tell'
  }

  /** Changes whenever something that holds alerts begins or ends. */
  makeKey(): string {
    const paused = this.#timedRoutes.filter((route) => this.isPaused(route))
    return [
      ...this.#parts.silences.activeIds(),
      ...this.#parts.maintenance.activeIds(),
      ...paused.map((route) => route.id),
    ].join(' ')
  }

  #findHard(labels: Labels, alert: Alert): Alert['held'] {
    const silencedBy = this.#parts.silences.findHolders(labels)
    if (silencedBy.length > 0) return { reason: 'silenced', by: silencedBy }
    const windows = this.#parts.maintenance.findHolders(labels, alert)
    if (windows.length > 0) return { reason: 'maintenance', by: windows }
    const inhibitedBy = this.#findInhibitors(labels)
    return inhibitedBy.length === 0 ? undefined : { reason: 'inhibited', by: inhibitedBy }
  }

  #findInhibitors(labels: Labels): string[] {
    return this.#inhibitor.findHolders(labels, this.#parts.isFiring)
  }

  /** Names of intervals, when every route of the alert says nothing now. */
  #findPauses(labels: Labels): string[] {
    if (this.#tree === undefined || this.#timedRoutes.length === 0) return []
    const names = new Set<string>()
    for (const route of findRoutes(this.#tree, labels)) {
      const pauses = findPauses(route, this.#parts.clock.nowTimeMs())
      if (pauses.length === 0) return []
      for (const name of pauses) names.add(name)
    }
    return [...names]
  }
}

/** Whether nobody is told at any route; at another one it may be another hour, and a taken alert has news. */
function isHardHold(held: Alert['held']): held is NonNullable<Alert['held']> {
  return held !== undefined && held.reason !== 'out-of-hours' && held.reason !== 'acknowledged'
}
