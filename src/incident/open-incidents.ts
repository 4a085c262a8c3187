/** The incidents that are not resolved: by number, by service, by alert. */

import type { OpenIncident } from './book.ts'
import { incidentsOpen } from './metrics.ts'
import type { ServiceIdentity } from './service.ts'

/** Those of one desk. */
export class OpenIncidents {
  readonly #byId = new Map<string, OpenIncident>()

  add(open: OpenIncident): void {
    this.#byId.set(open.incident.id, open)
    incidentsOpen.set(this.#byId.size)
  }

  delete(id: string): void {
    this.#byId.delete(id)
    incidentsOpen.set(this.#byId.size)
  }

  get(id: string): OpenIncident | undefined {
    return this.#byId.get(id)
  }

  values(): Iterable<OpenIncident> {
    return this.#byId.values()
  }

  /** That of a service in an environment. */
  findFor(service: ServiceIdentity): OpenIncident | undefined {
    for (const open of this.#byId.values()) {
      if (open.service.name === service.name && open.service.environment === service.environment)
        return open
    }
    return undefined
  }

  /** That of an alert. */
  findOf(fingerprint: string): OpenIncident | undefined {
    for (const open of this.#byId.values()) if (open.alerts.has(fingerprint)) return open
    return undefined
  }

  /** How many alerts of an incident fire now. */
  firingCount(id: string): number {
    let count = 0
    for (const alert of this.#byId.get(id)?.alerts.values() ?? [])
      if (alert.state === 'firing') count++
    return count
  }
}
