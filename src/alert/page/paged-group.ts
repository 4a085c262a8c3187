/** A group of alerts as its page sees it. */

import type { Alert } from '../../model/alert.ts'
import type { Labels } from '../../model/labels.ts'
import type { AlertGroup } from '../alert-group.ts'

const titleLengthMax = 200

/** A group as pages see it. */
export interface PagedGroup {
  groupKey: string
  receiver: string
  policy: string
  title: string
  labels: [string, string][]
  /** Alerts that fire. */
  firing: readonly Alert[]
  /** Those of them that nothing holds back here. */
  free: readonly Alert[]
}

/** What a page has to know of a group; `policy` is of its receiver, which a policy of the route replaces. */
export function makePagedGroup(
  group: AlertGroup,
  now: { policy: string; firing: readonly Alert[]; free: readonly Alert[] },
): PagedGroup {
  const { route, key, labels } = group
  return {
    groupKey: key,
    receiver: route.receiver,
    policy: route.escalationPolicy ?? now.policy,
    title: titleOf(labels, now.firing[0]),
    labels: pairsOf(labels),
    firing: now.firing,
    free: now.free,
  }
}

/** What a page is called in lists: the alert's name and what else the group has in common. */
function titleOf(labels: Labels, first: Alert | undefined): string {
  const name = labels.get('alertname') || (first?.labels.get('alertname') ?? '')
  const rest = pairsOf(labels).flatMap(([label, value]) =>
    label === 'alertname' ? [] : `${label}=${value}`,
  )
  return [name, ...rest].join(' ').trim().slice(0, titleLengthMax)
}

function pairsOf(labels: Labels): [string, string][] {
  const pairs: [string, string][] = []
  for (let index = 0; index < labels.pairs.length; index += 2)
    pairs.push([labels.pairs[index]!, labels.pairs[index + 1]!])
  return pairs
}
