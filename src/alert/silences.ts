/**
 * Silences: which alerts a person wants nobody to be told of, and until when. A silence that ended is
 * kept for a while, so that people can look back. Changing what a running silence holds ends it and
 * makes a new one, so that nobody's past is rewritten.
 * Source of the rules: alertmanager silence/silence.go (Apache-2.0), behaviour re-implemented.
 */

import type { Clock } from '../base/clock.ts'
import { messageOf } from '../base/error.ts'
import type { Log } from '../base/log.ts'
import { makeUuid } from '../base/random.ts'
import type { Labels } from '../model/labels.ts'
import { type Matcher, makeMatcher, matchesAll } from '../model/matcher.ts'
import {
  type Silence,
  type SilencedEnd,
  type SilenceMatcher,
  silenceStateOf,
} from '../model/silence.ts'
import type { Records } from '../store/store.ts'
import { alertErrors } from './errors.ts'
import { recordFailuresTotal, silenceCount } from './metrics.ts'
import type { PastHolder } from './past-holds.ts'

/** A silence that ended is kept for so long; Alertmanager's retention. */
const endedKeepMs = 120 * 3_600_000
const textLengthMax = 4096
const matcherCountMax = 100

/** What a person asks for. */
export interface SilenceRequest {
  /** Of the silence to change; a new one when absent. */
  id?: string | undefined
  matchers: readonly SilenceMatcher[]
  startTimeMs: number
  endTimeMs: number
  createdBy: string
  comment: string
  annotations?: [string, string][]
  /** As it was when absent. */
  resolved?: SilencedEnd | undefined
}

interface Held {
  silence: Silence
  matchers: readonly Matcher[]
}

/** All silences. */
export class Silences {
  readonly #parts: { records: Records; clock: Clock; log: Log }
  readonly #held = new Map<string, Held>()
  /** Those that had not ended when something last changed: what an alert is compared with. */
  #open: Held[] = []
  countMax: number

  constructor(parts: { records: Records; clock: Clock; log: Log; countMax: number }) {
    this.#parts = parts
    this.countMax = parts.countMax
  }

  /** Brings back what was kept. */
  async load(): Promise<void> {
    try {
      for (const silence of await this.#parts.records.silences.list())
        this.#held.set(silence.id, { silence, matchers: compileMatchers(silence.matchers) })
    } catch (thrown) {
      this.#noteFailure(thrown)
    }
    this.#count()
  }

  /** All, also those that ended lately. */
  list(): Silence[] {
    return [...this.#held.values()].map(({ silence }) => ({ ...silence }))
  }

  find(id: string): Silence | undefined {
    const held = this.#held.get(id)
    return held === undefined ? undefined : { ...held.silence }
  }

  /** Ids of all that are active now. */
  activeIds(): string[] {
    const nowTimeMs = this.#parts.clock.nowTimeMs()
    return this.#open
      .filter(({ silence }) => silenceStateOf(silence, nowTimeMs) === 'active')
      .map(({ silence }) => silence.id)
  }

  /** Ids of the active silences that hold an alert, sorted. */
  findHolders(labels: Labels): string[] {
    const nowTimeMs = this.#parts.clock.nowTimeMs()
    const ids: string[] = []
    for (const { silence, matchers } of this.#open) {
      if (silenceStateOf(silence, nowTimeMs) === 'active' && matchesAll(matchers, labels))
        ids.push(silence.id)
    }
    return ids.sort()
  }

  /** Those that were, or will be, in force within a span. */
  listWithin(span: { startTimeMs: number; endTimeMs: number }): PastHolder[] {
    return [...this.#held.values()]
      .filter(({ silence }) => {
        return silence.startTimeMs < span.endTimeMs && silence.endTimeMs > span.startTimeMs
      })
      .map(({ silence, matchers }) => ({
        kind: 'silence' as const,
        id: silence.id,
        title: silence.comment,
        spans: [silence],
        isOf: (labels) => matchesAll(matchers, labels),
      }))
  }

  /** What is said of the end of an alert that active silences hold: the most reticent of them counts. */
  endOf(labels: Labels): SilencedEnd {
    const nowTimeMs = this.#parts.clock.nowTimeMs()
    const ends = this.#open
      .filter(({ silence, matchers }) => {
        return silenceStateOf(silence, nowTimeMs) === 'active' && matchesAll(matchers, labels)
      })
      .map(({ silence }) => silence.resolved ?? 'drop')
    if (ends.includes('drop')) return 'drop'
    return ends.includes('delay') ? 'delay' : 'tell'
  }

  /**
   * Makes a silence, or changes one; answers it, with a new id when the old one had to end. Throws
   * `ALERT_SILENCE_INVALID`, `ALERT_SILENCE_UNKNOWN`, `ALERT_SILENCES_FULL`.
   */
  async set(request: SilenceRequest): Promise<Silence> {
    const nowTimeMs = this.#parts.clock.nowTimeMs()
    const matchers = compileMatchers(request.matchers)
    check(request, matchers, nowTimeMs)
    const id = request.id ?? ''
    const before = this.#held.get(id)?.silence
    if (id !== '' && before === undefined) throw alertErrors.SILENCE_UNKNOWN({ id })
    const canStay = before !== undefined && canChange(before, request, nowTimeMs)
    if (!canStay && this.#held.size >= this.countMax)
      throw alertErrors.SILENCES_FULL({ countMax: this.countMax })
    if (before !== undefined && !canStay) await this.expire(id)
    const silence: Silence = {
      id: canStay ? id : makeUuid(),
      matchers: request.matchers.map(({ name, operator, value }) => ({ name, operator, value })),
      startTimeMs: canStay ? request.startTimeMs : Math.max(request.startTimeMs, nowTimeMs),
      endTimeMs: request.endTimeMs,
      createdBy: request.createdBy,
      comment: request.comment,
      annotations: request.annotations ?? [],
      updatedTimeMs: nowTimeMs,
    }
    const resolved = request.resolved ?? before?.resolved
    if (resolved !== undefined) silence.resolved = resolved
    this.#held.set(silence.id, { silence, matchers })
    await this.#save(silence)
    return { ...silence }
  }

  /** Ends a silence now; answers it as it was, or `undefined` when there is none. One that ended stays as it is. */
  async expire(id: string): Promise<Silence | undefined> {
    const held = this.#held.get(id)
    if (held === undefined) return undefined
    const before = held.silence
    const nowTimeMs = this.#parts.clock.nowTimeMs()
    if (silenceStateOf(before, nowTimeMs) === 'expired') return { ...before }
    const startTimeMs = Math.min(before.startTimeMs, nowTimeMs)
    held.silence = { ...before, startTimeMs, endTimeMs: nowTimeMs, updatedTimeMs: nowTimeMs }
    await this.#save(held.silence)
    return { ...before }
  }

  /** Forgets those that ended long ago. */
  async sweep(): Promise<void> {
    const limitTimeMs = this.#parts.clock.nowTimeMs() - endedKeepMs
    let isSome = false
    for (const { silence } of [...this.#held.values()]) {
      if (silence.endTimeMs >= limitTimeMs) continue
      this.#held.delete(silence.id)
      isSome = true
    }
    this.#count()
    if (!isSome) return
    try {
      await this.#parts.records.silences.removeBefore(limitTimeMs)
    } catch (thrown) {
      this.#noteFailure(thrown)
    }
  }

  async #save(silence: Silence): Promise<void> {
    this.#count()
    try {
      await this.#parts.records.silences.save(silence)
    } catch (thrown) {
      this.#noteFailure(thrown)
    }
  }

  #count(): void {
    const counts = { pending: 0, active: 0, expired: 0 }
    const nowTimeMs = this.#parts.clock.nowTimeMs()
    this.#open = []
    for (const held of this.#held.values()) {
      const state = silenceStateOf(held.silence, nowTimeMs)
      counts[state]++
      if (state !== 'expired') this.#open.push(held)
    }
    for (const [state, count] of Object.entries(counts)) silenceCount.set({ state }, count)
  }

  #noteFailure(thrown: unknown): void {
    recordFailuresTotal.inc()
    this.#parts.log.error(
      { error: messageOf(thrown) },
      'silences could not be kept in the records; they hold until the next start',
    )
  }
}

/** Makes matchers; throws `ALERT_SILENCE_INVALID`. */
export function compileMatchers(matchers: readonly SilenceMatcher[]): Matcher[] {
  return matchers.map(({ name, operator, value }, index) => {
    try {
      return makeMatcher(name, operator, value)
    } catch (thrown) {
      throw invalid(`invalid label matcher ${index}: ${messageOf(thrown)}`)
    }
  })
}

function check(request: SilenceRequest, matchers: readonly Matcher[], nowTimeMs: number): void {
  const { startTimeMs, endTimeMs } = request
  if (matchers.length === 0) throw invalid('at least one matcher required')
  if (matchers.length > matcherCountMax) throw invalid(`more than ${matcherCountMax} matchers`)
  if (matchers.some(({ name }) => name === ''))
    throw invalid('invalid label matcher: a label needs a name')
  // A negative one alone is allowed: who writes it means everything but.
  if (matchers.every(({ operator, matches }) => !operator.startsWith('!') && matches('')))
    throw invalid('at least one matcher must not match the empty string')
  if (!Number.isFinite(startTimeMs) || !Number.isFinite(endTimeMs))
    throw invalid('start and end must be times')
  if (startTimeMs >= endTimeMs) throw invalid('start time must be before end time')
  if (endTimeMs < nowTimeMs) throw invalid("end time can't be in the past")
  const texts = [request.createdBy, request.comment, ...matchers.map(({ value }) => value)]
  if (texts.some((text) => text.length > textLengthMax))
    throw invalid(`a text is longer than ${textLengthMax} characters`)
}

/** Whether the change leaves what was held so far as it was. */
function canChange(before: Silence, request: SilenceRequest, nowTimeMs: number): boolean {
  if (JSON.stringify(before.matchers) !== JSON.stringify(request.matchers.map(plain))) return false
  const state = silenceStateOf(before, nowTimeMs)
  if (state === 'expired') return false
  if (state === 'pending') return request.startTimeMs >= nowTimeMs
  // Other programs hand times back in whole seconds.
  return Math.floor(before.startTimeMs / 1000) === Math.floor(request.startTimeMs / 1000)
}

function plain({ name, operator, value }: SilenceMatcher): SilenceMatcher {
  return { name, operator, value }
}

function invalid(reason: string): Error {
  return alertErrors.SILENCE_INVALID({ reason })
}
