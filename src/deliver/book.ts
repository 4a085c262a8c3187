/** Writing deliveries down: when the records cannot be reached, the work goes on and it is counted. */

import { messageOf } from '../base/error.ts'
import type { Log } from '../base/log.ts'
import type { IncidentDesk } from '../incident/incident.ts'
import type { Deployment } from '../model/deployment.ts'
import type { TimelineEntry } from '../model/incident.ts'
import type { Records } from '../store/store.ts'
import type { Clock } from '../base/clock.ts'
import { recordFailuresTotal } from './metrics.ts'

/** Deployments and timeline entries on their way to the records and to listeners. */
export class DeliveryBook {
  readonly #incidents: IncidentDesk
  readonly #records: Records
  readonly #clock: Clock
  readonly #log: Log
  readonly #listeners = new Set<(deployment: Deployment) => void>()

  constructor(parts: { incidents: IncidentDesk; records: Records; clock: Clock; log: Log }) {
    this.#incidents = parts.incidents
    this.#records = parts.records
    this.#clock = parts.clock
    this.#log = parts.log
  }

  onChange(listener: (deployment: Deployment) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  tell(deployment: Deployment): void {
    for (const listener of this.#listeners) listener(deployment)
  }

  /** Saves and tells. */
  async save(deployment: Deployment): Promise<void> {
    await this.attempt(() => this.#records.deployments.save(deployment))
    this.tell(deployment)
  }

  /** Adds to the timeline of an incident, if there is one. */
  async addEntry(
    incidentId: string | undefined,
    entry: Omit<TimelineEntry, 'id' | 'timeMs'>,
  ): Promise<void> {
    if (incidentId === undefined) return
    await this.attempt(() =>
      this.#incidents.addEntry(incidentId, { timeMs: this.#clock.nowTimeMs(), ...entry }),
    )
  }

  /** A call to the records that may fail. */
  async attempt(call: () => Promise<void>): Promise<void> {
    try {
      await call()
    } catch (thrown) {
      recordFailuresTotal.inc()
      this.#log.warn({ reason: messageOf(thrown) }, 'The records could not be reached.')
    }
  }
}
