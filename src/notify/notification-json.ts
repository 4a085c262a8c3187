/** Messages as JSON, so that they outlive the process, and messages made of several. */

import type { Alert } from '../model/alert.ts'
import { Labels, labelsFromPairs } from '../model/labels.ts'
import type { Notification } from './notification.ts'

type Plain = Record<string, unknown>

/** A message as plain data; how to acknowledge it is left out, since that ends by itself. */
export function toPlainNotification(notification: Notification): unknown {
  const { acknowledge: _, alerts, ...rest } = notification
  return {
    ...rest,
    groupLabels: rest.groupLabels.pairs,
    commonLabels: rest.commonLabels.pairs,
    commonAnnotations: rest.commonAnnotations.pairs,
    routeLabels: rest.routeLabels?.pairs,
    alerts: alerts.map((alert) => ({
      ...alert,
      // JSON has no number that is none.
      value: String(alert.value),
      labels: alert.labels.pairs,
      annotations: alert.annotations.pairs,
    })),
  }
}

/** The message of plain data. */
export function fromPlainNotification(plain: unknown): Notification {
  const one = plain as Plain & { alerts: Plain[] }
  const pairs = (value: unknown): Labels => new Labels(value as string[])
  return {
    ...(one as unknown as Notification),
    groupLabels: pairs(one.groupLabels),
    commonLabels: pairs(one.commonLabels),
    commonAnnotations: pairs(one.commonAnnotations),
    ...(one.routeLabels !== undefined && { routeLabels: pairs(one.routeLabels) }),
    alerts: one.alerts.map((alert) => ({
      ...(alert as unknown as Alert),
      value: Number(alert.value),
      labels: pairs(alert.labels),
      annotations: pairs(alert.annotations),
    })),
  }
}

/** One message of several to the same receiver, of which there is at least one. */
export function mergeNotifications(
  all: readonly Notification[],
  frame: { groupKey: string; reason: string },
): Notification {
  const alerts = new Map<string, Alert>()
  for (const { alerts: some } of all) for (const alert of some) alerts.set(alert.fingerprint, alert)
  const list = [...alerts.values()]
  const [first] = all
  return {
    ...frame,
    status: list.some((alert) => alert.state === 'firing') ? 'firing' : 'resolved',
    receiver: first!.receiver,
    groupLabels: findShared(all.map((one) => one.groupLabels)),
    commonLabels: findShared(list.map((alert) => alert.labels)),
    commonAnnotations: findShared(list.map((alert) => alert.annotations)),
    alerts: list,
    background: all.length === 1 ? first!.background : undefined,
    externalUrl: first!.externalUrl,
  }
}

/** The pairs that all sets have. */
function findShared(sets: readonly Labels[]): Labels {
  const [first, ...rest] = sets
  const pairs: string[] = []
  for (let index = 0; index < (first?.pairs.length ?? 0); index += 2) {
    const name = first!.pairs[index]!
    const value = first!.pairs[index + 1]!
    if (rest.every((labels) => labels.get(name) === value)) pairs.push(name, value)
  }
  return labelsFromPairs(pairs)
}
