/** The receivers of the configuration, made: their channels, and what else is set of them. */

import { messageOf } from '../base/error.ts'
import { allChannels } from './channel/all.ts'
import type { Channel, ChannelTools } from './channel/channel.ts'
import { isGiven } from './secret-source.ts'
import { notifyErrors } from './errors.ts'
import type { ReceiverOptions } from './receiver-settings.ts'
import type { NotifySettings, ReceiverSettings } from './settings.ts'

/** A channel of a receiver. `key` is unique within the receiver, such as `webhook[0]`. */
export interface ConfiguredChannel {
  key: string
  kind: string
  sendsResolved: boolean
  channel: Channel
}

/** A receiver. */
export interface Receiver {
  name: string
  options: ReceiverOptions
  channels: ConfiguredChannel[]
}

/** Makes all receivers; throws `NOTIFY_SETTING_INVALID`. */
export function makeReceivers(
  settings: NotifySettings,
  tools: Omit<ChannelTools, 'global'>,
): Map<string, Receiver> {
  const global = settings.global as Record<string, unknown>
  checkSharedSecrets(global)
  const own = new Map<string, ConfiguredChannel[]>()
  for (const receiver of settings.receivers)
    own.set(receiver.name, makeChannels(receiver, { ...tools, global }))
  for (const name of settings.notify.alarm_receivers) {
    if (own.has(name)) continue
    const channel = 'notify.alarm_receivers'
    throw notifyErrors.SETTING_INVALID({
      receiver: name,
      channel,
      reason: 'there is no such receiver',
    })
  }
  const byName = new Map(settings.receivers.map((receiver) => [receiver.name, receiver]))
  const receivers = new Map<string, Receiver>()
  for (const receiver of settings.receivers) {
    const options = receiver as unknown as ReceiverOptions
    const channels = [...own.get(receiver.name)!]
    for (const name of listIncluded(receiver, byName)) {
      for (const one of own.get(name) ?? []) channels.push({ ...one, key: `${name}/${one.key}` })
    }
    receivers.set(receiver.name, { name: receiver.name, options, channels })
  }
  return receivers
}

/** A secret that all receivers share stands in the file or in a file of its own, not in both. */
function checkSharedSecrets(global: Record<string, unknown>): void {
  for (const key of Object.keys(global)) {
    if (!isGiven(global[key]) || !isGiven(global[`${key}_file`])) continue
    const reason = `at most one of ${key} and ${key}_file is allowed`
    throw notifyErrors.SETTING_INVALID({ receiver: 'global', channel: key, reason })
  }
}

/** Receivers that one includes, those that these include too, each once. */
function listIncluded(
  receiver: ReceiverSettings,
  byName: ReadonlyMap<string, ReceiverSettings>,
): string[] {
  const found = new Set([receiver.name])
  const waiting = [receiver]
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const names = (next as unknown as ReceiverOptions).include
    for (const name of names.includes('*') ? byName.keys() : names) {
      if (found.has(name)) continue
      found.add(name)
      waiting.push(byName.get(name)!)
    }
  }
  found.delete(receiver.name)
  return [...found]
}

function makeChannels(receiver: ReceiverSettings, tools: ChannelTools): ConfiguredChannel[] {
  const channels: ConfiguredChannel[] = []
  for (const { kind, settingsKey, make } of allChannels) {
    const list = (receiver[settingsKey] ?? []) as unknown[]
    for (const [index, given] of list.entries()) {
      // The shared http_config is for channels that have none of their own.
      const settings = { http_config: tools.global.http_config, ...withoutUndefined(given) }
      const key = `${kind}[${index}]`
      try {
        const channel = make(settings, tools)
        channels.push({ key, kind, sendsResolved: channel.sendsResolved, channel })
      } catch (thrown) {
        throw notifyErrors.SETTING_INVALID(
          { receiver: receiver.name, channel: key, reason: messageOf(thrown) },
          thrown,
        )
      }
    }
  }
  return channels
}

function withoutUndefined(settings: unknown): object {
  const entries = Object.entries(settings as object)
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined))
}
