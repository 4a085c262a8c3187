/**
 * Heartbeats of other programs: a job calls now and then, and when a call is missing, an alert fires.
 * That nothing came is no data, and the alert says since when. Calls that could not arrive because we
 * were not running are not held against anybody: after a start the time begins anew.
 */

import type { Clock, Timer } from '../base/clock.ts'
import { messageOf } from '../base/error.ts'
import type { Log } from '../base/log.ts'
import type { DetectedAlert } from '../model/alert.ts'
import { makeLabels } from '../model/labels.ts'
import type { Records } from '../store/store.ts'
import { alertErrors } from './errors.ts'
import { heartbeatCount, recordFailuresTotal } from './metrics.ts'
import type { HeartbeatSettings } from './settings.ts'

const statePrefix = 'alert.heartbeat.'
const checkIntervalMs = 5_000
/** A missing one is said again this often, well before its alert would end by itself. */
const sayIntervalMs = 60_000
const alertMs = 4 * sayIntervalMs
const messageLengthMax = 500

/** What is known of one. */
interface Beat {
  /** When it last called; `undefined` when never. */
  lastTimeMs: number | undefined
  /** What it said of itself. */
  isUp: boolean
  message: string
  isMissing: boolean
}

/** A heartbeat as others see it. */
export interface HeartbeatView extends Beat {
  name: string
  intervalMs: number
  graceMs: number
  /** When the next call must have come. */
  dueTimeMs: number
}

/** All heartbeats. */
export class HeartbeatDesk {
  readonly #parts: {
    records: Records
    clock: Clock
    log: Log
    externalUrl: string
    publish: (alerts: readonly DetectedAlert[]) => Promise<void>
  }
  #settings: readonly HeartbeatSettings[]
  readonly #beats = new Map<string, Beat>()
  readonly #saidTimeMs = new Map<string, number>()
  /** Since when calls can arrive. */
  #openTimeMs = 0
  #timer: Timer | undefined

  constructor(
    settings: readonly HeartbeatSettings[],
    parts: {
      records: Records
      clock: Clock
      log: Log
      externalUrl: string
      publish: (alerts: readonly DetectedAlert[]) => Promise<void>
    },
  ) {
    this.#settings = settings
    this.#parts = parts
  }

  /** Brings back what was kept, and begins to look. */
  async start(): Promise<void> {
    this.#openTimeMs = this.#parts.clock.nowTimeMs()
    try {
      for (const { name, value } of await this.#parts.records.states.list(statePrefix))
        this.#beats.set(name.slice(statePrefix.length), value as Beat)
    } catch (thrown) {
      this.#noteFailure(thrown)
    }
    this.#arm()
  }

  /** Ends looking. */
  stop(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }

  /** Takes new settings; one that is no more resolves. */
  reload(settings: readonly HeartbeatSettings[]): void {
    const gone = this.#settings.filter(({ name }) => !settings.some((one) => one.name === name))
    this.#settings = settings
    for (const one of gone) {
      if (this.#beats.get(one.name)?.isMissing) void this.#publish(one, 'resolved')
      this.#beats.delete(one.name)
    }
  }

  /** All, by name. */
  list(): HeartbeatView[] {
    return this.#settings.map((one) => ({
      name: one.name,
      intervalMs: one.interval,
      graceMs: one.grace,
      dueTimeMs: this.#dueTimeMs(one),
      ...this.#beatOf(one.name),
    }))
  }

  /** Whether calls of this one need a key, and whether this is it; `undefined` when it needs none. */
  checkKey(name: string, key: string): boolean | undefined {
    const own = this.#settings.find((one) => one.name === name)?.key
    return own?.matches(key)
  }

  /** It called. Throws `ALERT_HEARTBEAT_UNKNOWN`. */
  async beat(name: string, said: { isUp: boolean; message: string }): Promise<void> {
    const settings = this.#settings.find((one) => one.name === name)
    if (settings === undefined) throw alertErrors.HEARTBEAT_UNKNOWN({ name })
    const before = this.#beatOf(name)
    const isMissing = !said.isUp
    const beat: Beat = {
      lastTimeMs: this.#parts.clock.nowTimeMs(),
      isUp: said.isUp,
      message: said.message.slice(0, messageLengthMax),
      isMissing,
    }
    this.#beats.set(name, beat)
    await this.#save(name, beat)
    if (isMissing) await this.#publish(settings, 'firing')
    else if (before.isMissing) await this.#publish(settings, 'resolved')
    this.#count()
  }

  #arm(): void {
    this.#timer = this.#parts.clock.after(checkIntervalMs, () => {
      this.#check().catch((thrown: unknown) => {
        this.#parts.log.error({ error: messageOf(thrown) }, 'heartbeats could not be checked')
      })
      if (this.#timer !== undefined) this.#arm()
    })
  }

  async #check(): Promise<void> {
    const nowTimeMs = this.#parts.clock.nowTimeMs()
    for (const one of this.#settings) {
      const beat = this.#beatOf(one.name)
      if (!beat.isMissing && nowTimeMs >= this.#dueTimeMs(one)) {
        beat.isMissing = true
        this.#beats.set(one.name, beat)
        await this.#save(one.name, beat)
        await this.#publish(one, 'firing')
      } else if (beat.isMissing) {
        const saidTimeMs = this.#saidTimeMs.get(one.name) ?? 0
        if (nowTimeMs - saidTimeMs >= sayIntervalMs) await this.#publish(one, 'firing')
      }
    }
    this.#count()
  }

  #beatOf(name: string): Beat {
    const none = { lastTimeMs: undefined, isUp: true, message: '', isMissing: false }
    return { ...none, ...this.#beats.get(name) }
  }

  #dueTimeMs({ name, interval, grace }: HeartbeatSettings): number {
    const lastTimeMs = this.#beatOf(name).lastTimeMs ?? 0
    return Math.max(lastTimeMs, this.#openTimeMs) + interval + grace
  }

  async #publish(one: HeartbeatSettings, state: 'firing' | 'resolved'): Promise<void> {
    const nowTimeMs = this.#parts.clock.nowTimeMs()
    const beat = this.#beatOf(one.name)
    this.#saidTimeMs.set(one.name, nowTimeMs)
    const last =
      beat.lastTimeMs === undefined ? 'never' : `last at ${new Date(beat.lastTimeMs).toISOString()}`
    const description =
      beat.isUp || state === 'resolved'
        ? `"${one.name}" called ${last}.`
        : `"${one.name}" says that it is down. ${beat.message}`.trim()
    const sinceTimeMs = beat.isUp ? (beat.lastTimeMs ?? this.#openTimeMs) : nowTimeMs
    await this.#parts.publish([
      {
        labels: makeLabels({
          severity: 'critical',
          ...one.labels,
          alertname: 'HeartbeatMissing',
          heartbeat: one.name,
        }),
        annotations: makeLabels({
          summary: `${one.name} does not call any more`,
          description,
          ...one.annotations,
        }),
        state,
        firedTimeMs: nowTimeMs,
        activeTimeMs: Math.min(sinceTimeMs, nowTimeMs),
        endTimeMs: state === 'firing' ? nowTimeMs + alertMs : nowTimeMs,
        value: Number.NaN,
        generatorUrl: this.#parts.externalUrl,
        rule: undefined,
        ...(state === 'firing' && beat.isUp ? { noDataSinceTimeMs: sinceTimeMs } : {}),
      },
    ])
  }

  async #save(name: string, beat: Beat): Promise<void> {
    try {
      await this.#parts.records.states.set(statePrefix + name, beat)
    } catch (thrown) {
      this.#noteFailure(thrown)
    }
  }

  #noteFailure(thrown: unknown): void {
    recordFailuresTotal.inc()
    this.#parts.log.error({ error: messageOf(thrown) }, 'heartbeats could not be kept')
  }

  #count(): void {
    const missingCount = this.#settings.filter(({ name }) => this.#beatOf(name).isMissing).length
    heartbeatCount.set({ state: 'missing' }, missingCount)
    heartbeatCount.set({ state: 'present' }, this.#settings.length - missingCount)
  }
}
