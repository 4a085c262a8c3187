/**
 * What notifications say of incidents. A message waits a little for the first search, so that it can
 * name the cause; messages of the end find what was known of an incident that is resolved.
 */

import type { Clock } from '../base/clock.ts'
import type { AlertBackground } from '../model/flow.ts'
import type { Incident } from '../model/incident.ts'
import type { OpenIncident } from './book.ts'

/** The longest that a message waits for a first answer. */
const patienceMsMax = 1_900
/** Alerts of resolved incidents that are remembered at most. */
const pastCountMax = 10_000

/** What is known of some alerts now; final when waiting brings no more. */
export interface KnownBackground {
  background: AlertBackground | undefined
  isFinal: boolean
}

/** Backgrounds of incidents: made, kept for a while after the end, and waited for. */
export class Backgrounds {
  readonly #clock: Clock
  readonly #externalUrl: string
  readonly #past = new Map<string, AlertBackground>()
  readonly #waiters = new Set<() => void>()

  constructor(parts: { clock: Clock; externalUrl: string }) {
    this.#clock = parts.clock
    this.#externalUrl = parts.externalUrl
  }

  make(incident: Incident): AlertBackground {
    const best = incident.causes[0]
    return {
      incidentId: incident.id,
      incidentNumber: incident.number,
      cause: best === undefined || best.kind === 'unknown' ? '' : best.title,
      url: `${this.#externalUrl.replace(/\/$/, '')}/incidents/${incident.id}`,
    }
  }

  /** Keeps what is known of an incident that ended, for the last notifications of its alerts. */
  keep(incident: Incident, fingerprints: Iterable<string>): void {
    const background = this.make(incident)
    for (const fingerprint of fingerprints) this.#past.set(fingerprint, background)
    while (this.#past.size > pastCountMax) this.#past.delete(this.#past.keys().next().value!)
  }

  /** What was known of the last incident of an alert when it ended. */
  findPast(fingerprint: string): AlertBackground | undefined {
    return this.#past.get(fingerprint)
  }

  /** What is known of the first of the alerts that has an incident, open or past. */
  find(
    fingerprints: readonly string[],
    desk: {
      openOf(fingerprint: string): OpenIncident | undefined
      /** Whether an alert never gets an incident. */
      isPassed(fingerprint: string): boolean
      /** Whether searches come too late for a message. */
      isCrowded: boolean
    },
  ): KnownBackground {
    let isWaiting = false
    let past: AlertBackground | undefined
    for (const fingerprint of fingerprints) {
      const open = desk.openOf(fingerprint)
      if (open !== undefined) {
        const isFinal = open.searchCount > 0 || desk.isCrowded
        return { background: this.make(open.incident), isFinal }
      }
      past ??= this.findPast(fingerprint)
      if (!desk.isPassed(fingerprint)) isWaiting = true
    }
    return { background: past, isFinal: past !== undefined || !isWaiting }
  }

  /** Asks `find` until its answer is final or patience ends; again each time that something happened. */
  async wait(find: () => KnownBackground): Promise<AlertBackground | undefined> {
    const deadlineMs = this.#clock.monotonicMs() + patienceMsMax
    for (;;) {
      const remainingMs = deadlineMs - this.#clock.monotonicMs()
      const { background, isFinal } = find()
      if (isFinal || remainingMs <= 0) return background
      await this.#nextProgress(remainingMs)
    }
  }

  /** Something happened that those who wait may want to know. */
  wake(): void {
    for (const wake of this.#waiters) wake()
  }

  #nextProgress(patienceMs: number): Promise<void> {
    return new Promise((resolve) => {
      const end = (): void => {
        timer.cancel()
        this.#waiters.delete(end)
        resolve()
      }
      const timer = this.#clock.after(patienceMs, end)
      this.#waiters.add(end)
    })
  }
}
