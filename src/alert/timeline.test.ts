/**
 * Random timelines of alerts, silences and restarts against what must always hold:
 *  a. what fires and is not held was told to each of its receivers
 *  b. nobody is told of what is silenced, inhibited or out of hours
 *  c. when everything is over, who last heard of trouble hears of its end, once
 *  d. nobody hears of an end who did not hear of trouble
 *  e. a group speaks at most once per group_interval
 * The holds are worked out here a second time, from the events alone.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { VirtualClock } from '../base/clock.ts'
import { makeSeededRandom, type Random } from '../base/random.ts'
import type { Alert } from '../model/alert.ts'
import type { Notification } from '../notify/notify.ts'
import { Bench, FakeNotifier, second, startTimeMs } from './testdata/bench.ts'

/** SHIPWATCH_TIMELINES=5000 runs more of them, SHIPWATCH_SEED=7 begins with another seed. */
const timelineCount = Number(process.env['SHIPWATCH_TIMELINES'] ?? 150)
const firstSeed = Number(process.env['SHIPWATCH_SEED'] ?? 1)

const intervalMs = 5 * second
const spanMs = 200 * second
const yaml = `
route:
  receiver: a
  group_by: [alertname]
  group_wait: 2s
  group_interval: 5s
  repeat_interval: 24h
  routes:
  - receiver: b
    matchers: [team=b]
    continue: true
    group_by: ['...']
  - receiver: c
    matchers: [team=b, host=h1]
  - receiver: night
    matchers: [team=n]
    mute_time_intervals: [quiet]
inhibit_rules:
- source_matchers: [sev=critical]
  target_matchers: [sev=warning]
  equal: [host]
time_intervals:
- name: quiet
  time_intervals:
  - times: [{start_time: '22:14', end_time: '22:15'}]
`
const quietFromMs = startTimeMs + 40 * second
const quietToMs = quietFromMs + 60 * second

type LabelSet = Record<string, string>

/** What is so, from the events alone. */
class World {
  readonly firing = new Map<string, LabelSet>()
  silences: { host: string; toTimeMs: number; id: string }[] = []

  isHeld(labels: LabelSet, receiver: string, timeMs: number): boolean {
    const isSilenced = this.silences.some(
      (one) => one.host === labels['host'] && timeMs < one.toTimeMs,
    )
    const isInhibited =
      labels['sev'] === 'warning' &&
      [...this.firing.values()].some(
        (one) => one['sev'] === 'critical' && one['host'] === labels['host'],
      )
    const isQuiet = receiver === 'night' && timeMs >= quietFromMs && timeMs < quietToMs
    return isSilenced || isInhibited || isQuiet
  }

  receiversOf(labels: LabelSet): string[] {
    if (labels['team'] === 'b') return labels['host'] === 'h1' ? ['b', 'c'] : ['b']
    return labels['team'] === 'n' ? ['night'] : ['a']
  }
}

interface Told {
  timeMs: number
  receiver: string
  groupKey: string
  status: string
  firing: string[]
}

/** Hears every message and checks at once what must hold at its moment; throwing would only be a failed message. */
class Listener extends FakeNotifier {
  readonly told: Told[] = []
  readonly violations: string[] = []
  world = new World()

  override async sendTo(channel: string, notification: Notification) {
    const timeMs = this.clock.nowTimeMs()
    const { receiver, groupKey, status, alerts } = notification
    for (const alert of alerts) {
      const isHeld = this.world.isHeld(alert.labels.toObject(), receiver, timeMs)
      const at = timeMs - startTimeMs
      if (isHeld) this.violations.push(`b: ${receiver} is told of ${alert.labels} at ${at} ms`)
    }
    const before = this.last(receiver, groupKey)
    if (status === 'resolved' && before?.status !== 'firing')
      this.violations.push(`d: an end without a beginning for ${groupKey}`)
    if (before !== undefined && timeMs - before.timeMs < intervalMs)
      this.violations.push(`e: ${groupKey} speaks again after ${timeMs - before.timeMs} ms`)
    const firing = alerts.filter((alert: Alert) => alert.state === 'firing')
    const fingerprints = firing.map((alert) => alert.fingerprint)
    this.told.push({ timeMs, receiver, groupKey, status, firing: fingerprints })
    return super.sendTo(channel, notification)
  }

  last(receiver: string, groupKey: string): Told | undefined {
    return this.told.findLast((one) => one.receiver === receiver && one.groupKey === groupKey)
  }
}

function pick<Item>(random: Random, items: readonly Item[]): Item {
  return items[Math.floor(random() * items.length)]!
}

async function act(random: Random, bench: Bench, world: World): Promise<Bench> {
  const timeMs = bench.clock.nowTimeMs()
  const roll = random()
  if (roll < 0.5) {
    const labels = {
      alertname: pick(random, ['X', 'Y']),
      host: pick(random, ['h1', 'h2']),
      sev: pick(random, ['warning', 'critical', 'info']),
      ...pick(random, [{}, { team: 'b' }, { team: 'n' }]),
    }
    world.firing.set(JSON.stringify(labels), labels)
    await bench.fire(labels)
  } else if (roll < 0.8) {
    const chosen = pick(random, [...world.firing])
    if (chosen === undefined) return bench
    world.firing.delete(chosen[0])
    await bench.resolve(chosen[1])
  } else if (roll < 0.9) {
    const host = pick(random, ['h1', 'h2'])
    const toTimeMs = timeMs + second * (1 + Math.floor(random() * 30))
    const matchers = [{ name: 'host', operator: '=' as const, value: host }]
    const by = { createdBy: 'test', comment: 'test' }
    world.silences.push({ host, toTimeMs, id: '' })
    const { id } = await bench.desk.setSilence({
      matchers,
      startTimeMs: timeMs,
      endTimeMs: toTimeMs,
      ...by,
    })
    world.silences.at(-1)!.id = id
  } else if (roll < 0.95) {
    const ended = world.silences.pop()
    if (ended !== undefined) await bench.desk.expireSilence(ended.id)
  } else {
    await bench.desk.stop()
    const after = new Bench(yaml, bench)
    await after.desk.start()
    return after
  }
  return bench
}

async function runTimeline(seed: number): Promise<void> {
  const random = makeSeededRandom(seed)
  const clock = new VirtualClock(startTimeMs)
  const listener = new Listener(clock)
  const { world } = listener
  let bench = new Bench(yaml, { clock, notifier: listener })
  await bench.desk.start()
  while (bench.clock.nowTimeMs() < startTimeMs + spanMs) {
    await bench.clock.advance(Math.floor(random() * 6 * second))
    bench = await act(random, bench, world)
  }
  for (const { id } of world.silences) await bench.desk.expireSilence(id)
  world.silences = []
  await bench.clock.advance(4 * intervalMs)
  const groups = checkTold(bench, listener)
  const firing = [...world.firing.values()]
  world.firing.clear()
  const toldCount = listener.told.length
  await bench.resolve(...firing)
  await bench.clock.advance(4 * intervalMs)
  for (const [key, { receiver, groupKey }] of groups) {
    const ends = listener.told
      .slice(toldCount)
      .filter((one) => one.receiver === receiver && one.groupKey === groupKey)
    assert.deepEqual(
      ends.map((one) => one.status),
      ['resolved'],
      `c: the end of ${key}`,
    )
  }
  assert.deepEqual(listener.violations, [])
  await bench.desk.stop()
}

/** Checks a; answers the last message of each group in which something fires that is not held. */
function checkTold(bench: Bench, listener: Listener): Map<string, Told> {
  const groups = new Map<string, Told>()
  const timeMs = bench.clock.nowTimeMs()
  for (const labels of listener.world.firing.values()) {
    const fingerprint = bench.detected(labels).labels.fingerprint()
    for (const receiver of listener.world.receiversOf(labels)) {
      if (listener.world.isHeld(labels, receiver, timeMs)) continue
      const told = listener.told.filter(
        (one) => one.receiver === receiver && one.firing.includes(fingerprint),
      )
      const last = told.at(-1)
      assert.ok(last !== undefined, `a: ${receiver} was not told of ${JSON.stringify(labels)}`)
      const latest = listener.last(receiver, last.groupKey)!
      assert.equal(latest.status, 'firing', `a: ${receiver} believes that ${last.groupKey} is over`)
      groups.set(`${receiver} ${last.groupKey}`, latest)
    }
  }
  return groups
}

test(`what must always hold of notifications holds over ${timelineCount} random timelines`, async () => {
  for (let seed = firstSeed; seed < firstSeed + timelineCount; seed++) {
    try {
      await runTimeline(seed)
    } catch (thrown) {
      throw new Error(`SHIPWATCH_SEED=${seed} SHIPWATCH_TIMELINES=1 shows it`, { cause: thrown })
    }
  }
})
