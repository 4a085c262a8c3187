/**
 * How many messages alerts of a given course would cause: the rhythm of groups and the reasons to tell,
 * played over times that are over or only thought of. Hours of routes are kept to; silences, inhibition,
 * acknowledgements and failing channels are not foreseen.
 */

import type { Labels } from '../model/labels.ts'
import type { ChannelView } from '../notify/notify.ts'
import { emptyKeepMs } from './alert-group.ts'
import { findReason } from './notification-log.ts'
import { findPauses, findRoutes, groupLabelsOf, type Route } from './route.ts'

/** One alert's course. */
export interface AlertCourse {
  labels: Labels
  firedTimeMs: number
  /** `undefined`: it fires to the end. */
  endTimeMs: number | undefined
}

/** The messages of one receiver. */
export interface ReceiverForecast {
  receiver: string
  /** Messages of a channel, the busiest one if it has several. */
  messageCount: number
  /** When the first would have been sent. */
  firstTimeMs: number
}

interface Member {
  fingerprint: string
  firedTimeMs: number
  endTimeMs: number
}

interface ForecastGroup {
  route: Route
  members: Member[]
}

/** Looks of all groups together; beyond it the count is a lower bound. */
const lookCountMax = 1_000_000

/** The messages to each receiver until `untilTimeMs`, the busiest first. */
export function forecastMessages(
  courses: readonly AlertCourse[],
  around: {
    tree: Route
    untilTimeMs: number
    channels(receiver: string): readonly ChannelView[]
  },
): ReceiverForecast[] {
  const groups = new Map<string, ForecastGroup>()
  for (const { labels, firedTimeMs, endTimeMs = Infinity } of courses) {
    for (const route of findRoutes(around.tree, labels)) {
      const key = `${route.id}\xff${groupLabelsOf(route, labels).key}`
      const group = groups.get(key) ?? { route, members: [] }
      group.members.push({ fingerprint: labels.fingerprint(), firedTimeMs, endTimeMs })
      groups.set(key, group)
    }
  }
  const found = new Map<string, ReceiverForecast>()
  const budget = { lookCount: 0 }
  for (const group of groups.values()) {
    const { receiver } = group.route
    const told = playGroup(group, { ...around, budget })
    if (told.count === 0) continue
    const known = found.get(receiver)
    found.set(receiver, {
      receiver,
      messageCount: (known?.messageCount ?? 0) + told.count,
      firstTimeMs: Math.min(known?.firstTimeMs ?? Infinity, told.firstTimeMs),
    })
  }
  return [...found.values()].sort((a, b) => b.messageCount - a.messageCount)
}

/** Goes from look to look, as `AlertGroup` does. */
function playGroup(
  { route, members }: ForecastGroup,
  around: {
    untilTimeMs: number
    channels(receiver: string): readonly ChannelView[]
    budget: { lookCount: number }
  },
): { count: number; firstTimeMs: number } {
  const coming = [...members].sort((a, b) => a.firedTimeMs - b.firedTimeMs)
  const channels = around.channels(route.receiver)
  const counts = channels.map(() => 0)
  let firstTimeMs = Infinity
  let next = 0
  while (next < coming.length) {
    // A group begins with its first alert and ends when it is empty.
    let present: Member[] = []
    const entries: Parameters<typeof findReason>[0][] = []
    let timeMs = coming[next]!.firedTimeMs + route.groupWaitMs
    let busyTimeMs = timeMs
    for (; timeMs <= around.untilTimeMs; timeMs += route.groupIntervalMs) {
      if (around.budget.lookCount++ > lookCountMax)
        return { count: Math.max(0, ...counts), firstTimeMs }
      while (next < coming.length && coming[next]!.firedTimeMs <= timeMs)
        present.push(coming[next++]!)
      if (present.length > 0) busyTimeMs = timeMs
      else if (timeMs - busyTimeMs < emptyKeepMs) continue
      else break
      // Of one that came again the last course counts.
      const last = new Map(present.map((member) => [member.fingerprint, member]))
      const firing = [...last.values()].filter((member) => member.endTimeMs > timeMs)
      const resolved = [...last.values()].filter((member) => member.endTimeMs <= timeMs)
      if (findPauses(route, timeMs).length === 0) {
        for (const [index, { sendsResolved }] of channels.entries()) {
          const names = {
            firing: firing.map((member) => member.fingerprint),
            resolved: resolved.map((member) => member.fingerprint),
          }
          const { repeatIntervalMs } = route
          const given = { ...names, sendsResolved, repeatIntervalMs, nowTimeMs: timeMs }
          if (findReason(entries[index], given) === undefined) continue
          entries[index] = { timeMs, ...names }
          if (!sendsResolved && firing.length === 0) continue
          counts[index]!++
          firstTimeMs = Math.min(firstTimeMs, timeMs)
        }
      }
      present = firing
    }
    if (timeMs > around.untilTimeMs) break
  }
  return { count: Math.max(0, ...counts), firstTimeMs }
}
