/**
 * The dead man's switch: an address somewhere else is called for as long as the whole chain works. When
 * rules are no longer evaluated, or messages reach nobody, it is not called, and whoever watches that
 * address raises the alarm. A chain that says nothing is not taken for a healthy one.
 */

import type { Clock, Timer } from '../base/clock.ts'
import { messageOf } from '../base/error.ts'
import type { Log } from '../base/log.ts'
import { durationOr, secret, text, z } from '../config/schema.ts'
import { checkSource, revealSecret } from './secret-source.ts'
import { sendRequest } from './send-request.ts'
import { connectBy, httpConfig } from './http-config.ts'
import { heartbeatsTotal } from './metrics.ts'

/** The setting `notify.heartbeat`. */
export const heartbeatSchema = z
  .strictObject({
    url: secret('The address that is called, such as a check of healthchecks.io.').optional(),
    url_file: text('A file with the address.').optional(),
    interval: durationOr('1m', 'How often.'),
    timeout: durationOr('10s', 'How long a call may take.'),
    http_config: httpConfig,
  })
  .superRefine((config, context) => {
    checkSource(config, 'url', context, { isRequired: true, isUrl: true })
  })
  .optional()
  .meta({ description: 'Calls an address elsewhere for as long as the whole chain works.' })

/** Where and how often; `undefined` calls nobody. */
export type HeartbeatSettings = z.output<typeof heartbeatSchema>

/** Calls an address for as long as all is well. */
export class Heartbeat {
  readonly #clock: Clock
  readonly #log: Log
  readonly #findTrouble: () => string | undefined
  #settings: HeartbeatSettings
  #timer: Timer | undefined
  #lastTrouble = ''

  constructor(parts: {
    clock: Clock
    log: Log
    /** What is wrong with the chain, if anything. */
    findTrouble: () => string | undefined
  }) {
    this.#clock = parts.clock
    this.#log = parts.log
    this.#findTrouble = parts.findTrouble
  }

  /** Begins, changes or ends calling. */
  set(settings: HeartbeatSettings): void {
    this.#settings = settings
    this.stop()
    this.#arm()
  }

  stop(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }

  #arm(): void {
    if (this.#settings === undefined) return
    this.#timer = this.#clock.after(Math.max(1_000, this.#settings.interval), () => {
      this.#arm()
      void this.#beat()
    })
  }

  async #beat(): Promise<void> {
    const settings = this.#settings
    if (settings === undefined) return
    const trouble = this.#findTrouble()
    if (trouble !== undefined) {
      heartbeatsTotal.inc({ outcome: 'withheld' })
      if (trouble !== this.#lastTrouble)
        this.#log.error({ reason: trouble }, 'the heartbeat is withheld')
      this.#lastTrouble = trouble
      return
    }
    this.#lastTrouble = ''
    try {
      await sendRequest({
        method: 'POST',
        url: revealSecret(settings.url, settings.url_file),
        timeoutMs: settings.timeout || 10_000,
        connect: connectBy(settings.http_config, this.#clock),
      })
      heartbeatsTotal.inc({ outcome: 'sent' })
    } catch (thrown) {
      heartbeatsTotal.inc({ outcome: 'failed' })
      this.#log.warn({ error: messageOf(thrown) }, 'the heartbeat could not be sent')
    }
  }
}
