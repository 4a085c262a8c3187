/**
 * Writes messages: which words, in whose language, on whose clocks, with which buttons. When a template
 * of the user's fails, the message goes out in our words rather than not at all.
 */

import { globSync } from 'node:fs'
import { basename, resolve } from 'node:path'
import type { Clock } from '../base/clock.ts'
import type { Log } from '../base/log.ts'
import { TemplateError } from '../base/template/template.ts'
import { readConfigFile } from '../config/config.ts'
import type { Records } from '../store/store.ts'
import { chartContentId, type OutgoingMessage } from './channel/channel.ts'
import { listActions } from './message-actions.ts'
import type { MessageChart } from './message-charts.ts'
import { MessageMemory } from './message-memory.ts'
import { templateFailuresTotal } from './metrics.ts'
import type { Notification } from './notification.ts'
import type { ConfiguredChannel, Receiver } from './receiver-book.ts'
import type { NotifySettings } from './settings.ts'
import { MessageTemplates, makeTemplateData, type TemplateFile } from './template.ts'
import { wordsOf } from './words.ts'

/** What a writer needs. */
export interface MessageWriterParts {
  settings: NotifySettings
  records: Pick<Records, 'states'>
  clock: Clock
  log: Log
  baseDir?: string
}

/** Writes messages for channels. */
export class MessageWriter {
  readonly #log: Log
  readonly #memory: MessageMemory
  #templates: MessageTemplates

  /** Throws `NOTIFY_TEMPLATE_INVALID`. */
  constructor(parts: MessageWriterParts) {
    const { clock, log, records } = parts
    this.#log = log
    this.#memory = new MessageMemory({ states: records.states, clock, log })
    this.#templates = loadTemplates(parts.settings, parts)
  }

  /** Forgets messages that are too old to be changed. */
  start(): Promise<void> {
    return this.#memory.clean()
  }

  /** Takes new templates. */
  take(templates: MessageTemplates): void {
    this.#templates = templates
  }

  /** The message for one channel; `noteText` hears what is said. */
  write(
    { options }: Receiver,
    { kind, key }: ConfiguredChannel,
    notification: Notification,
    how: {
      signal: AbortSignal
      noteText: (text: string) => void
      chart: MessageChart | undefined
      expectReceipt: (to: string) => string
    },
  ): OutgoingMessage {
    const language = notification.language ?? options.language
    const words = wordsOf(language)
    const actions = listActions(notification, words)
    const timeZone = notification.timeZone ?? options.time_zone
    const { chart } = how
    const data = makeTemplateData(notification, {
      timeZone,
      actions,
      ...(chart !== undefined && { chartUrl: chart.url, chartCid: chartContentId }),
    })
    const { receiver, groupKey } = notification
    return {
      notification,
      signal: how.signal,
      expectReceipt: how.expectReceipt,
      words,
      actions,
      chart,
      memory: this.#memory.of({ receiver, channel: key, groupKey }),
      render: (text, { escape: format, fallback }) => {
        const write = (): string => {
          try {
            return this.#templates.render(text, { escape: format, language }, data)
          } catch (thrown) {
            if (!(thrown instanceof TemplateError)) throw thrown
            // The message goes out in our words rather than not at all.
            templateFailuresTotal.inc({ channel: kind })
            this.#log.error(
              { receiver, channel: kind, error: thrown.message },
              'a template failed; the built-in one is used',
            )
            return this.#templates.renderBuiltIn(fallback, { escape: format, language }, data)
          }
        }
        const written = write()
        if (format === 'none') how.noteText(written)
        return written
      },
    }
  }
}

/** Reads the templates that the settings name; throws `NOTIFY_TEMPLATE_INVALID`. */
export function loadTemplates(
  settings: NotifySettings,
  parts: Pick<MessageWriterParts, 'clock' | 'baseDir'>,
): MessageTemplates {
  const baseDir = parts.baseDir ?? process.cwd()
  const files: TemplateFile[] = []
  for (const pattern of settings.templates) {
    for (const path of globSync(resolve(baseDir, pattern)).sort())
      files.push({ name: basename(path), text: readConfigFile(path) })
  }
  return new MessageTemplates(files, parts.clock)
}
