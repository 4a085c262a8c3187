/** Alerting alone, for its tests: a desk, a clock that is moved by hand, and a notifier that notes. */

import type { TestContext } from 'node:test'
import { MemoryRecords } from '../../../test/support/memory-records.ts'
import { VirtualClock } from '../../base/clock.ts'
import { silentLog } from '../../base/log.ts'
import { parseYaml } from '../../config/config.ts'
import { z } from '../../config/schema.ts'
import type { DetectedAlert } from '../../model/alert.ts'
import { makeLabels } from '../../model/labels.ts'
import type { ChannelView, Delivery, Notification, Notifier } from '../../notify/notify.ts'
import { OnCall } from '../../oncall/oncall.ts'
import { oncallSettings } from '../../oncall/settings.ts'
import { AlertDesk } from '../alert.ts'
import { alertSettings } from '../settings.ts'

/** Milliseconds. */
export const second = 1000
/** Milliseconds. */
export const minute = 60_000

/** Alerting's settings as the text of a configuration has them. */
export function settingsOf(yaml: string) {
  const { global, ...top } = parseYaml(yaml, 'a.yml').value as Record<string, unknown>
  return {
    ...z.object({ ...alertSettings.top, ...oncallSettings.top }).parse(top),
    global: z.object(alertSettings.global).parse(global ?? {}),
  }
}

/** Plays the notifier: every receiver asked for exists; notes what is sent, and can fail. */
export class FakeNotifier {
  readonly sent: { timeMs: number; channel: string; notification: Notification }[] = []
  readonly clock: VirtualClock
  unknown = new Set<string>(['nobody'])
  channelsOf = new Map<string, ChannelView[]>()
  /** Escalation policies of receivers. */
  policies = new Map<string, string>()
  /** Channels that fail now. */
  broken = new Set<string>()
  /** Receivers whose messages wait now, and until when. */
  quiet = new Map<string, number>()

  constructor(clock: VirtualClock) {
    this.clock = clock
  }

  has(receiver: string): boolean {
    return !this.unknown.has(receiver)
  }

  channels(receiver: string): ChannelView[] {
    return (
      this.channelsOf.get(receiver) ?? [{ key: 'webhook[0]', kind: 'webhook', sendsResolved: true }]
    )
  }

  receivers(): string[] {
    return [...this.policies.keys()]
  }

  escalationPolicy(receiver: string): string | undefined {
    return this.policies.get(receiver)
  }

  async sendTo(channel: string, notification: Notification): Promise<Delivery> {
    if (this.broken.has(channel)) return { isDelivered: false, failures: ['broken'] }
    const heldUntilTimeMs = this.quiet.get(notification.receiver)
    if (heldUntilTimeMs !== undefined) return { isDelivered: true, failures: [], heldUntilTimeMs }
    this.sent.push({ timeMs: this.clock.nowTimeMs(), channel, notification })
    return { isDelivered: true, failures: [] }
  }
}

/** Where the clock of a bench begins: 2023-11-14 22:13:20 UTC. */
export const startTimeMs = 1_700_000_000_000

/** A desk on a clock that stands still, over a notifier that notes what is sent. */
export class Bench {
  readonly clock: VirtualClock
  readonly notifier: FakeNotifier
  readonly records: MemoryRecords
  desk: AlertDesk

  constructor(yaml: string, from?: Partial<Pick<Bench, 'clock' | 'notifier' | 'records'>>) {
    this.clock = from?.clock ?? new VirtualClock(startTimeMs)
    this.notifier = from?.notifier ?? new FakeNotifier(this.clock)
    this.records = from?.records ?? new MemoryRecords()
    const settings = settingsOf(yaml)
    this.desk = new AlertDesk({
      notifier: this.notifier as unknown as Notifier,
      oncall: new OnCall(settings),
      records: this.records,
      settings,
      clock: this.clock,
      log: silentLog,
      externalUrl: 'http://ship',
    })
  }

  async start(t: TestContext): Promise<this> {
    await this.desk.start()
    t.after(() => this.desk.stop())
    return this
  }

  detected(labels: Record<string, string>, change: Partial<DetectedAlert> = {}): DetectedAlert {
    const nowTimeMs = this.clock.nowTimeMs()
    return {
      labels: makeLabels({ alertname: 'X', ...labels }),
      annotations: makeLabels({}),
      state: 'firing',
      firedTimeMs: nowTimeMs,
      activeTimeMs: nowTimeMs,
      endTimeMs: nowTimeMs + 60 * minute,
      value: 1,
      generatorUrl: '',
      rule: undefined,
      ...change,
    }
  }

  fire(...sets: Record<string, string>[]): Promise<void> {
    return this.desk.publish(sets.map((labels) => this.detected(labels)))
  }

  resolve(...sets: Record<string, string>[]): Promise<void> {
    return this.desk.publish(
      sets.map((labels) =>
        this.detected(labels, { state: 'resolved', endTimeMs: this.clock.nowTimeMs() }),
      ),
    )
  }

  /** What was sent: `seconds receiver status reason: i-labels with f or r`. */
  story(): string[] {
    return this.notifier.sent.map(({ timeMs, channel, notification }) => {
      const alerts = notification.alerts.map(
        (alert) => `${alert.labels.get('i') || alert.labels.get('alertname')}${alert.state[0]}`,
      )
      const at = (timeMs - startTimeMs) / second
      const place = channel === 'webhook[0]' ? '' : ` ${channel}`
      return `${at} ${notification.receiver}${place} ${notification.reason}: ${alerts.join(' ')}`
    })
  }
}

/** One receiver, short times; `change` is appended. */
export const plain = (change = '') => `
route:
  receiver: a
  group_by: [alertname]
  group_wait: 1s
  group_interval: 3s
  repeat_interval: 1h
${change}`
