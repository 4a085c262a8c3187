/**
 * Keeps what on-call duty needs from outside: overrides that people make, and calendars from files and
 * addresses, read again and again; the last good text is kept, so that a restart knows it even when the
 * calendar's server is away.
 */

import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { Clock, Timer } from '../base/clock.ts'
import { messageOf } from '../base/error.ts'
import { sendHttp } from '../base/http-client.ts'
import type { Log } from '../base/log.ts'
import { makeId } from '../base/random.ts'
import type { OnCallOverride } from '../model/on-call.ts'
import {
  calendarFailuresTotal,
  emptyScheduleCount,
  type OnCall,
  type OnCallSettings,
  oncallErrors,
} from '../oncall/oncall.ts'
import type { Records } from '../store/store.ts'
import { recordFailuresTotal } from './metrics.ts'

const statePrefix = 'alert.calendar.'
const dayMs = 86_400_000
/** An override that ended is kept for so long. */
const overrideKeepMs = 90 * dayMs
const overrideCountMax = 10_000
const overrideMsMax = 400 * dayMs
const fetchMsMax = 30_000
const calendarBytesMax = 8 * 1024 * 1024

/** What a person asks for. */
export type OverrideRequest = Omit<OnCallOverride, 'id'>

/** How reading a calendar last went. */
export interface CalendarStatus {
  schedule: string
  timeMs: number
  /** Empty when all was understood. */
  problems: string[]
}

/** Overrides and calendars of duty. */
export class DutyDesk {
  readonly #parts: {
    oncall: OnCall
    records: Records
    clock: Clock
    log: Log
    baseDir: string
  }
  #settings: OnCallSettings
  #overrides: OnCallOverride[] = []
  readonly #statuses = new Map<string, CalendarStatus>()
  readonly #texts = new Map<string, string>()
  #timer: Timer | undefined
  #reading: Promise<void> = Promise.resolve()

  constructor(
    settings: OnCallSettings,
    parts: { oncall: OnCall; records: Records; clock: Clock; log: Log; baseDir: string },
  ) {
    this.#settings = settings
    this.#parts = parts
  }

  /** Brings back what was kept, and reads the calendars in the background. */
  async start(): Promise<void> {
    const { records, oncall } = this.#parts
    try {
      this.#overrides = await records.overrides.list()
      for (const { name, value } of await records.states.list(statePrefix)) {
        const schedule = name.slice(statePrefix.length)
        const isThere = oncall.schedules().some((one) => one.name === schedule)
        if (isThere && typeof value === 'string') this.#take(schedule, value)
        else if (!isThere) await records.states.remove(name)
      }
    } catch (thrown) {
      this.#noteFailure(thrown)
    }
    oncall.setOverrides(this.#overrides)
    this.#read()
  }

  /** Ends reading. */
  stop(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }

  reload(settings: OnCallSettings): void {
    this.#settings = settings
    if (this.#timer !== undefined) this.#read()
  }

  overrides(): OnCallOverride[] {
    return [...this.#overrides]
  }

  calendars(): CalendarStatus[] {
    return [...this.#statuses.values()]
  }

  /** Makes an override. Throws `ONCALL_SCHEDULE_UNKNOWN`, `ONCALL_PERSON_UNKNOWN`, `ONCALL_RANGE_INVALID`, `ONCALL_OVERRIDES_FULL`. */
  async addOverride(request: OverrideRequest): Promise<OnCallOverride> {
    const { oncall, clock, records } = this.#parts
    const { schedule, people, replaces, startTimeMs, endTimeMs } = request
    if (!oncall.schedules().some((one) => one.name === schedule))
      throw oncallErrors.SCHEDULE_UNKNOWN({ schedule })
    for (const person of replaces === '' ? people : [...people, replaces])
      if (oncall.findPerson(person) === undefined) throw oncallErrors.PERSON_UNKNOWN({ person })
    if (!(startTimeMs < endTimeMs))
      throw oncallErrors.RANGE_INVALID({ reason: 'its start is not before its end' })
    if (endTimeMs - startTimeMs > overrideMsMax)
      throw oncallErrors.RANGE_INVALID({ reason: 'it is longer than 400 days' })
    const nowTimeMs = clock.nowTimeMs()
    const keepTimeMs = nowTimeMs - overrideKeepMs
    this.#overrides = this.#overrides.filter((one) => one.endTimeMs >= keepTimeMs)
    if (this.#overrides.length >= overrideCountMax)
      throw oncallErrors.OVERRIDES_FULL({ countMax: overrideCountMax })
    const override: OnCallOverride = { ...request, id: makeId(nowTimeMs) }
    this.#overrides.push(override)
    oncall.setOverrides(this.#overrides)
    await this.#attempt(async () => {
      await records.overrides.save(override)
      await records.overrides.removeBefore(keepTimeMs)
    })
    return override
  }

  /** Takes an override back. Throws `ONCALL_OVERRIDE_UNKNOWN`. */
  async removeOverride(id: string): Promise<OnCallOverride> {
    const override = this.#overrides.find((one) => one.id === id)
    if (override === undefined) throw oncallErrors.OVERRIDE_UNKNOWN({ id })
    this.#overrides = this.#overrides.filter((one) => one.id !== id)
    this.#parts.oncall.setOverrides(this.#overrides)
    await this.#attempt(() => this.#parts.records.overrides.remove(id))
    return override
  }

  #read(): void {
    this.#timer?.cancel()
    this.#reading = this.#reading.then(() => this.#readCalendars())
    this.#timer = this.#parts.clock.after(this.#settings.calendar_refresh_interval, () =>
      this.#read(),
    )
  }

  async #readCalendars(): Promise<void> {
    const { oncall, clock, log, records } = this.#parts
    for (const { name, ical_url: url, ical_file: file } of oncall.schedules()) {
      if (url === undefined && file === undefined) continue
      try {
        const text = url === undefined ? await this.#readFile(file!) : await fetchText(url)
        if (text !== this.#texts.get(name)) {
          this.#take(name, text)
          await this.#attempt(() => records.states.set(statePrefix + name, text))
        }
      } catch (thrown) {
        calendarFailuresTotal.inc()
        const problems = [messageOf(thrown)]
        this.#statuses.set(name, { schedule: name, timeMs: clock.nowTimeMs(), problems })
        log.warn({ schedule: name, error: messageOf(thrown) }, 'a calendar could not be read')
      }
    }
    const nowTimeMs = clock.nowTimeMs()
    const empty = oncall.schedules().filter(({ name }) => {
      const shift = oncall.onCallAt(name, nowTimeMs)
      return shift === undefined
    })
    emptyScheduleCount.set(empty.length)
  }

  async #readFile(file: string): Promise<string> {
    return await readFile(resolve(this.#parts.baseDir, file), 'utf8')
  }

  /** Puts a calendar in force; throws `SyntaxError` when it is none. */
  #take(schedule: string, text: string): void {
    const problems = this.#parts.oncall.setCalendar(schedule, text)
    this.#texts.set(schedule, text)
    const timeMs = this.#parts.clock.nowTimeMs()
    this.#statuses.set(schedule, { schedule, timeMs, problems })
  }

  async #attempt(action: () => Promise<void>): Promise<void> {
    try {
      await action()
    } catch (thrown) {
      this.#noteFailure(thrown)
    }
  }

  #noteFailure(thrown: unknown): void {
    recordFailuresTotal.inc()
    this.#parts.log.error({ error: messageOf(thrown) }, 'on-call duty could not be kept')
  }
}

async function fetchText(url: string): Promise<string> {
  const request = { url, timeoutMs: fetchMsMax, bodyBytesMax: calendarBytesMax }
  const reply = await sendHttp(request)
  if (reply.status !== 200) throw new Error(`${new URL(url).host} answered ${reply.status}`)
  return reply.body.toString('utf8')
}
