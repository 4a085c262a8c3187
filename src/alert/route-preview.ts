/**
 * Who would be told of an alert with given labels, and how it comes to that: each route that it ends at
 * with the path there, how it is grouped and when it is told, and what would hold it back now.
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
  groupWaitMs: number
  groupIntervalMs: number
  repeatIntervalMs: number
  muteIntervals: string[]
  activeIntervals: string[]
  /** Names of the intervals because of which it says nothing now. */
  pausedBy: string[]
}

/** The routes of an alert, in order. */
export function matchRoutes(tree: Route, labels: Labels, nowTimeMs: number): RouteMatch[] {
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
      groupWaitMs: route.groupWaitMs,
      groupIntervalMs: route.groupIntervalMs,
      repeatIntervalMs: route.repeatIntervalMs,
      muteIntervals: route.mutes.map(({ name }) => name),
      activeIntervals: route.actives.map(({ name }) => name),
      pausedBy: findPauses(route, nowTimeMs),
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
