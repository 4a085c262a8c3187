/**
 * Searches for the causes of open incidents: at once, then with growing pauses while the trouble lasts
 * and no cause is certain, and takes what was found into the incident and its timeline. Searches run
 * beside the changes of incidents; what they found is one change among the others.
 */

import type { Clock } from '../base/clock.ts'
import { messageOf } from '../base/error.ts'
import type { Log } from '../base/log.ts'
import type { Deployment } from '../model/deployment.ts'
import type { Incident } from '../model/incident.ts'
import type { Records } from '../store/store.ts'
import type { IncidentBook, OpenIncident } from './book.ts'
import { type CauseFinding, findCauses } from './cause.ts'
import { searchDuration, searchesTotal, searchesWaiting } from './metrics.ts'
import { nameDeployment } from './phrase.ts'
import type { Questioner } from './question.ts'
import type { IncidentSettings } from './settings.ts'

/** Pauses between the searches for a cause: the first finds little when the trouble is seconds old. */
const searchPausesMs = [2_000, 3_000, 5_000, 10_000, 20_000, 40_000, 60_000, 120_000, 300_000]
/** Searches at the same time. */
const searchingMax = 2
/** From so many waiting searches on it is a storm: nobody waits for them, and they rest in between … */
const crowdCount = 10
/** … so many times as long as they work. */
const crowdRestFactor = 4
/** No more searching from this confidence on. */
const confidenceEnough = 0.97

/** What a search needs of the desk whose incidents it is about. */
export interface SearchHost {
  /** What is in force now; a reload changes it. */
  tools(): { questioner: Questioner; settings: IncidentSettings }
  isOpen(open: OpenIncident): boolean
  /** Runs `action` after all other changes, unless the incident has ended meanwhile. */
  change(id: string, action: () => Promise<void>): Promise<unknown>
  /** A search ended, with or without an answer. */
  onSearched(): void
  /** An incident has another cause, or is surer of it. */
  onCause(incident: Incident): void
}

/** The searches of one desk. */
export class CauseSearch {
  readonly #host: SearchHost
  readonly #records: Records
  readonly #book: IncidentBook
  readonly #clock: Clock
  readonly #log: Log
  /** Incidents whose time has come, first come first searched. */
  readonly #waiting = new Set<OpenIncident>()
  #searchingCount = 0

  constructor(parts: {
    host: SearchHost
    records: Records
    book: IncidentBook
    clock: Clock
    log: Log
  }) {
    this.#host = parts.host
    this.#records = parts.records
    this.#book = parts.book
    this.#clock = parts.clock
    this.#log = parts.log
  }

  /** Searches after a pause, in place of what was planned before. */
  schedule(open: OpenIncident, delayMs: number): void {
    open.searchTimer?.cancel()
    open.searchTimer = this.#clock.after(delayMs, () => {
      this.#waiting.add(open)
      this.#next()
    })
  }

  /** Whether so many wait that a message had better not. */
  get isCrowded(): boolean {
    return this.#waiting.size >= crowdCount
  }

  #next(): void {
    for (const open of this.#waiting) {
      if (this.#searchingCount >= searchingMax) break
      this.#waiting.delete(open)
      if (open.isSearching || !this.#host.isOpen(open)) continue
      this.#searchingCount++
      const startMs = this.#clock.monotonicMs()
      void this.#search(open).finally(() => {
        const restMs = this.isCrowded ? (this.#clock.monotonicMs() - startMs) * crowdRestFactor : 0
        const end = (): void => {
          this.#searchingCount--
          this.#next()
        }
        if (restMs > 0) this.#clock.after(restMs, end)
        else end()
      })
    }
    searchesWaiting.set(this.#waiting.size)
  }

  async #search(open: OpenIncident): Promise<void> {
    open.isSearching = true
    const startMs = this.#clock.monotonicMs()
    try {
      const nowTimeMs = this.#clock.nowTimeMs()
      const deployments = await this.#nearbyDeployments(open, nowTimeMs)
      const finding = await findCauses(
        { service: open.service, alerts: [...open.alerts.values()], deployments, nowTimeMs },
        this.#host.tools(),
      )
      searchesTotal.inc({ result: finding.causes[0]?.kind ?? 'unknown' })
      await this.#host.change(open.incident.id, () => this.#adopt(open, finding, deployments))
    } catch (thrown) {
      searchesTotal.inc({ result: 'failed' })
      this.#log.warn({ reason: messageOf(thrown) }, 'The search for a cause failed.')
    } finally {
      searchDuration.observe((this.#clock.monotonicMs() - startMs) / 1_000)
      open.isSearching = false
      open.searchCount++
      this.#host.onSearched()
    }
    const { incident } = open
    const pauseMs = searchPausesMs[open.searchCount - 1]
    const isEnough = (incident.causes[0]?.confidence ?? 0) >= confidenceEnough
    // Once it recovers, the numbers of now no longer speak of the trouble.
    if (pauseMs !== undefined && !isEnough && incident.state === 'open') {
      this.schedule(open, pauseMs)
    }
  }

  async #nearbyDeployments(open: OpenIncident, nowTimeMs: number): Promise<Deployment[]> {
    const { lookback, onset_window } = this.#host.tools().settings.incidents
    let deployments: Deployment[] = []
    await this.#book.attempt(async () => {
      deployments = await this.#records.deployments.list({
        environment: open.incident.environment,
        fromTimeMs: open.incident.openedTimeMs - lookback - onset_window,
        toTimeMs: nowTimeMs,
        limit: 200,
      })
    })
    return deployments
  }

  async #adopt(
    open: OpenIncident,
    finding: CauseFinding,
    deployments: readonly Deployment[],
  ): Promise<void> {
    const { incident } = open
    // Once it recovers, only a first answer is still worth having.
    if (incident.state !== 'open' && incident.causes.length > 0) return
    const before = incident.causes[0]
    const best = finding.causes[0]
    if (best === undefined) return
    // A later look must not lose what an earlier one proved: evidence fades as windows move on.
    if (before?.kind === 'deployment' && best.confidence < before.confidence) return
    incident.causes = finding.causes
    if (finding.onset !== undefined && incident.onsetTimeMs === undefined) {
      incident.onsetTimeMs = finding.onset.timeMs
      await this.#book.addEntry(open, {
        timeMs: finding.onset.timeMs,
        kind: 'onset',
        code: 'onset-found',
        message: 'The trouble began, as the data shows.',
        facts: { before: finding.onset.before, after: finding.onset.after },
        actor: '',
      })
    }
    const isNew = before?.title !== best.title
    if (isNew && best.kind === 'deployment') {
      const deployment = deployments.find((other) => other.id === best.deploymentId)
      if (deployment !== undefined) await this.#addDeploymentEntry(open, deployment)
      await this.#book.addEntry(open, {
        kind: 'cause',
        code: 'cause-found',
        message: `The likely cause is ${best.title} (confidence ${best.confidence.toFixed(2)}, ${best.evidence.length} pieces of evidence).`,
        facts: {
          deploymentId: best.deploymentId,
          confidence: best.confidence,
          evidence: best.evidence.map((item) => item.message),
        },
        actor: '',
      })
    } else if (isNew) {
      await this.#book.addEntry(open, {
        kind: 'cause',
        code: 'cause-not-found',
        message: `No change was found that explains it. ${best.evidence.map((item) => item.message).join(' ')}`,
        facts: { evidence: best.evidence.map((item) => item.message) },
        actor: '',
      })
    }
    await this.#book.save(open)
    if (isNew || Math.abs(best.confidence - (before?.confidence ?? 0)) >= 0.01) {
      this.#host.onCause(incident)
    }
  }

  #addDeploymentEntry(open: OpenIncident, deployment: Deployment): Promise<void> {
    return this.#book.addEntry(open, {
      timeMs: deployment.startTimeMs,
      kind: 'deployment',
      code: 'deployment',
      message: `${deployment.actor === '' ? 'Somebody' : deployment.actor} deployed ${nameDeployment(deployment)}.`,
      facts: { deploymentId: deployment.id, url: deployment.url },
      actor: deployment.actor,
    })
  }
}
