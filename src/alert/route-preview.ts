/**
 * Who would be told of an alert with given labels, and how it comes to that: each route that it ends at
 * with the path there, how it is grouped and when it is told, and what each route of the tree said to it.
 */

import type { RouteMatchView, RouteNode, RouteVerdictView } from '../api/rules.ts'
import type { Labels } from '../model/labels.ts'
import { formatMatcher } from '../model/matcher.ts'
import { findPauses, findRoutes, formatGroupKey, groupLabelsOf, type Route } from './route.ts'

/** The routes of an alert, in order. */
export function matchRoutes(
  tree: Route,
  labels: Labels,
  around: { nowTimeMs: number; policyOf(receiver: string): string | undefined },
): RouteMatchView[] {
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

/** The tree with what is inherited written at each node. */
export function viewRouteTree(route: Route, nowTimeMs: number): RouteNode {
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

/** The verdict of every route that the alert came to, in order; those below a refusal are left out. */
export function judgeRoutes(tree: Route, labels: Labels): RouteVerdictView[] {
  const verdicts: RouteVerdictView[] = []
  judge(tree, labels, verdicts)
  return verdicts
}

function judge(route: Route, labels: Labels, verdicts: RouteVerdictView[]): void {
  const own: RouteVerdictView = { id: route.id, verdict: 'told', refusedBy: [] }
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
