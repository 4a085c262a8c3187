/**
 * Who would be told of an alert with given labels, and how it comes to that: each route that it ends at
 * with the path there, how it is grouped and when it is told, and what each route of the tree said to it.
 */

import type { Labels } from '../model/labels.ts'
import { formatMatcher } from '../model/matcher.ts'
import { findPauses, findRoutes, formatGroupKey, groupLabelsOf, type Route } from './route.ts'

/** One step from the root to a route. */
export interface RouteStep {
  matchers: string[]
  receiver: string
  /** Whether its siblings are asked as well. */
  isContinued: boolean
}

/** A route that an alert ends at. */
export interface RouteMatch {
  id: string
  /** From the root to the route itself. */
  path: RouteStep[]
  receiver: string
  /** Names of labels; `undefined` groups by all. */
  groupBy: string[] | undefined
  groupLabels: Record<string, string>
  groupKey: string
  /** The escalation policy that begins; empty when there is none. */
  escalationPolicy: string
  groupWaitMs: number
  groupIntervalMs: number
  repeatIntervalMs: number
  muteIntervals: string[]
  activeIntervals: string[]
  /** Names of the intervals because of which it says nothing now. */
  pausedBy: string[]
}

/** The routes of an alert, in order. */
export function matchRoutes(
  tree: Route,
  labels: Labels,
  around: { nowTimeMs: number; policyOf(receiver: string): string | undefined },
): RouteMatch[] {
  return findRoutes(tree, labels).map((route) => {
    const groupLabels = groupLabelsOf(route, labels)
    return {
      id: route.id,
      path: pathTo(tree, route.id).map(({ matchers, receiver, isContinued }) => ({
        matchers: matchers.map(formatMatcher),
        receiver,
        isContinued,
      })),
      receiver: route.receiver,
      groupBy: route.groupBy === undefined ? undefined : [...route.groupBy],
      groupLabels: groupLabels.toObject(),
      groupKey: formatGroupKey(route, groupLabels),
      escalationPolicy: route.escalationPolicy ?? around.policyOf(route.receiver) ?? '',
      groupWaitMs: route.groupWaitMs,
      groupIntervalMs: route.groupIntervalMs,
      repeatIntervalMs: route.repeatIntervalMs,
      muteIntervals: route.mutes.map(({ name }) => name),
      activeIntervals: route.actives.map(({ name }) => name),
      pausedBy: findPauses(route, around.nowTimeMs),
    }
  })
}

/** The nodes whose ids are the beginnings of an id such as `0/2/1`. */
function pathTo(tree: Route, id: string): Route[] {
  const path = [tree]
  for (const index of id.split('/').slice(1)) {
    const child = path.at(-1)!.children[Number(index)]
    if (child === undefined) break
    path.push(child)
  }
  return path
}

/** A route of the tree, as people read it. */
export interface RouteTreeNode {
  id: string
  receiver: string
  matchers: string[]
  isContinued: boolean
  /** Names of labels; `undefined` groups by all. */
  groupBy: string[] | undefined
  groupWaitMs: number
  groupIntervalMs: number
  repeatIntervalMs: number
  /** `undefined` takes that of the receiver, empty is none. */
  escalationPolicy: string | undefined
  labels: Record<string, string>
  muteIntervals: string[]
  activeIntervals: string[]
  /** Names of the intervals because of which it says nothing now. */
  pausedBy: string[]
  children: RouteTreeNode[]
}

/** The tree with what is inherited written at each node. */
export function viewRouteTree(route: Route, nowTimeMs: number): RouteTreeNode {
  return {
    id: route.id,
    receiver: route.receiver,
    matchers: route.matchers.map(formatMatcher),
    isContinued: route.isContinued,
    groupBy: route.groupBy === undefined ? undefined : [...route.groupBy],
    groupWaitMs: route.groupWaitMs,
    groupIntervalMs: route.groupIntervalMs,
    repeatIntervalMs: route.repeatIntervalMs,
    escalationPolicy: route.escalationPolicy,
    labels: route.labels.toObject(),
    muteIntervals: route.mutes.map(({ name }) => name),
    activeIntervals: route.actives.map(({ name }) => name),
    pausedBy: findPauses(route, nowTimeMs),
    children: route.children.map((child) => viewRouteTree(child, nowTimeMs)),
  }
}

/** What a route said to an alert. */
export interface RouteVerdict {
  id: string
  /** `told` here, `passed` on to a route below, `refused` by a matcher, `not-asked` since a route before it took the alert. */
  verdict: 'told' | 'passed' | 'refused' | 'not-asked'
  /** The conditions that the alert does not fulfil, with what it has instead; empty when the label is missing. */
  refusedBy: { matcher: string; label: string; value: string }[]
}

/** The verdict of every route that the alert came to, in order; those below a refusal are left out. */
export function judgeRoutes(tree: Route, labels: Labels): RouteVerdict[] {
  const verdicts: RouteVerdict[] = []
  judge(tree, labels, verdicts)
  return verdicts
}

function judge(route: Route, labels: Labels, verdicts: RouteVerdict[]): void {
  const own: RouteVerdict = { id: route.id, verdict: 'told', refusedBy: [] }
  verdicts.push(own)
  let isTaken = false
  for (const child of route.children) {
    const refusedBy = child.matchers
      .filter((matcher) => !matcher.matches(labels.get(matcher.name)))
      .map((matcher) => ({
        matcher: formatMatcher(matcher),
        label: matcher.name,
        value: labels.get(matcher.name),
      }))
    if (isTaken) verdicts.push({ id: child.id, verdict: 'not-asked', refusedBy: [] })
    else if (refusedBy.length > 0) verdicts.push({ id: child.id, verdict: 'refused', refusedBy })
    else {
      own.verdict = 'passed'
      judge(child, labels, verdicts)
      isTaken = !child.isContinued
    }
  }
}
