/**
 * The pictures of messages: drawn once for all channels that show it, and kept
 * for a while below an address that nobody can guess, since chats fetch pictures themselves. A message
 * never waits long for its picture, and goes out without one rather than not at all.
 */

import type { Clock } from '../base/clock.ts'
import { messageOf } from '../base/error.ts'
import type { Log } from '../base/log.ts'
import { makeToken } from '../base/random.ts'
import type { Alert } from '../model/alert.ts'
import type { AlertCharts } from '../model/flow.ts'
import type { Records } from '../store/store.ts'
import { drawChart } from './chart/draw-chart.ts'
import { chartsTotal } from './metrics.ts'
import type { Notification } from './notification.ts'

/** A drawn chart. */
export interface MessageChart {
  png: Buffer
  /** Where it can be fetched for a week; empty when we have no address of our own. */
  url: string
}

/** Where charts are served, below our own address; the rest is the token. */
export const chartPath = '/api/shipwatch/v1/charts/'

const prefix = 'notify.chart.'
const keepMs = 7 * 86_400_000
/** Most pictures that are kept, about ten kilobytes each; all are read at the start. */
const keptCountMax = 500
const patienceMs = 2_000
/** Messages of so long share a picture. */
const samePeriodMs = 15_000
const drawnCountMax = 100
const tokenPattern = /^[\w-]{24}$/

interface Kept {
  endTimeMs: number
  png: string
}

/** All charts of messages. */
export class MessageCharts {
  readonly #states: Records['states']
  readonly #clock: Clock
  readonly #log: Log
  /** Lately drawn ones, so that every channel of a message shows the same. */
  readonly #drawn = new Map<string, Promise<MessageChart | undefined>>()
  /** Tokens of kept pictures, oldest first. */
  readonly #kept = new Map<string, number>()
  #source: AlertCharts | undefined
  #spanMs = 0

  constructor(parts: { states: Records['states']; clock: Clock; log: Log }) {
    this.#states = parts.states
    this.#clock = parts.clock
    this.#log = parts.log
  }

  /** Who knows the figures. */
  setSource(source: AlertCharts): void {
    this.#source = source
  }

  /** How much is shown; 0 shows nothing. */
  setSpan(spanMs: number): void {
    this.#spanMs = spanMs
  }

  /** Reads which pictures are kept, and forgets old ones. */
  async load(): Promise<void> {
    try {
      const kept = await this.#states.list(prefix)
      const ordered = kept.map(({ name, value }) => ({
        name,
        endTimeMs: (value as Kept).endTimeMs,
      }))
      for (const { name, endTimeMs } of ordered.sort((a, b) => a.endTimeMs - b.endTimeMs))
        this.#kept.set(name, endTimeMs)
      await this.#clean()
    } catch (thrown) {
      this.#log.warn({ error: messageOf(thrown) }, 'kept charts could not be read')
    }
  }

  /** The chart of a notification's first firing alert, if it comes in time; at once `undefined` without one. */
  of(notification: Notification, timeZone: string): Promise<MessageChart | undefined> | undefined {
    const source = this.#source
    const alert = notification.alerts.find(
      ({ state, rule }) => state === 'firing' && rule !== undefined,
    )
    if (source === undefined || this.#spanMs === 0 || alert === undefined) return undefined
    const period = Math.floor(this.#clock.nowTimeMs() / samePeriodMs)
    const key = `${period} ${alert.fingerprint} ${timeZone}`
    const known = this.#drawn.get(key)
    if (known !== undefined) return known
    const { externalUrl } = notification
    const drawing = this.#draw(source, alert, { externalUrl, timeZone })
    if (this.#drawn.size >= drawnCountMax) this.#drawn.clear()
    this.#drawn.set(key, drawing)
    return drawing
  }

  /** The picture below an address; `undefined` when there is none any more. */
  async find(token: string): Promise<Buffer | undefined> {
    if (!tokenPattern.test(token)) return undefined
    const kept = (await this.#states.find(prefix + token)) as Kept | undefined
    if (kept === undefined || kept.endTimeMs < this.#clock.nowTimeMs()) return undefined
    return Buffer.from(kept.png, 'base64')
  }

  async #draw(
    source: AlertCharts,
    alert: Alert,
    frame: { externalUrl: string; timeZone: string },
  ): Promise<MessageChart | undefined> {
    try {
      const late = this.#clock.sleep(patienceMs).then(() => 'late' as const)
      const chart = await Promise.race([source.chartOf(alert, this.#spanMs), late])
      if (chart === 'late' || chart === undefined) {
        chartsTotal.inc({ outcome: chart === 'late' ? 'late' : 'nothing-to-draw' })
        return undefined
      }
      const png = drawChart(chart, frame.timeZone)
      chartsTotal.inc({ outcome: 'drawn' })
      return { png, url: await this.#keep(png, frame.externalUrl) }
    } catch (thrown) {
      chartsTotal.inc({ outcome: 'failed' })
      this.#log.warn({ error: messageOf(thrown) }, 'a message goes out without its chart')
      return undefined
    }
  }

  async #keep(png: Buffer, externalUrl: string): Promise<string> {
    if (!/^https?:\/\//.test(externalUrl)) return ''
    const token = makeToken(18)
    const endTimeMs = this.#clock.nowTimeMs() + keepMs
    await this.#states.set(prefix + token, { endTimeMs, png: png.toString('base64') })
    this.#kept.set(prefix + token, endTimeMs)
    await this.#clean()
    return `${externalUrl}${chartPath}${token}.png`
  }

  async #clean(): Promise<void> {
    const nowTimeMs = this.#clock.nowTimeMs()
    for (const [name, endTimeMs] of this.#kept) {
      if (endTimeMs >= nowTimeMs && this.#kept.size <= keptCountMax) break
      this.#kept.delete(name)
      await this.#states.remove(name)
    }
  }
}
