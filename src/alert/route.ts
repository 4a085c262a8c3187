/**
 * The route tree: which receivers hear of an alert, and how it is grouped. Depth first; the deepest
 * match wins; a match ends the search among its siblings unless it says `continue`.
 * Source: alertmanager dispatch/route.go (Apache-2.0), behaviour re-implemented; keys are equal to
 * Alertmanager's, because other systems deduplicate by them.
 */

import { compareText, emptyLabels, type Labels, labelsFromPairs, quote } from '../model/labels.ts'
import { formatMatcher, type Matcher, makeMatcher, matchesAll } from '../model/matcher.ts'
import { parseMatchers } from './matcher-text.ts'
import { alertErrors } from './errors.ts'
import type { IntervalSettings, RouteSettings } from './settings.ts'
import { isInSpan, parseTimeSpan, type TimeSpan } from './time-interval.ts'

/** One node of the tree, with everything inherited. */
export interface Route {
  /** Position in the tree, such as `0/2`; unique. */
  id: string
  /** Matchers of each level in braces, joined by `/`. */
  key: string
  receiver: string
  matchers: readonly Matcher[]
  /** `undefined` groups by all labels. */
  groupBy: ReadonlySet<string> | undefined
  groupWaitMs: number
  groupIntervalMs: number
  repeatIntervalMs: number
  isContinued: boolean
  /** Escalation policy; `undefined` takes that of the receiver, empty is none. */
  escalationPolicy: string | undefined
  /** Labels for templates and webhooks, those of the routes above included. */
  labels: Labels
  /** Spans in which the route says nothing. */
  mutes: readonly TimeInterval[]
  /** Spans in which alone it speaks; always when empty. */
  actives: readonly TimeInterval[]
  children: readonly Route[]
}

/** A named span of the calendar. */
export interface TimeInterval {
  name: string
  spans: readonly TimeSpan[]
}

const defaults = { groupWaitMs: 30_000, groupIntervalMs: 300_000, repeatIntervalMs: 14_400_000 }

/** Builds the tree from the settings of its root; throws `ALERT_INTERVAL_UNKNOWN`. */
export function makeRouteTree(
  settings: RouteSettings,
  intervals: readonly IntervalSettings[] = [],
): Route {
  const byName = new Map<string, TimeInterval>()
  for (const { name, time_intervals } of intervals)
    byName.set(name, { name, spans: (time_intervals ?? []).map(parseTimeSpan) })
  return makeRoute(settings, byName)
}

function makeRoute(
  settings: RouteSettings,
  intervals: ReadonlyMap<string, TimeInterval>,
  place: { parent: Route | undefined; id: string } = { parent: undefined, id: '0' },
): Route {
  const { parent, id } = place
  const matchers = sortMatchers([
    ...Object.entries(settings.match ?? {}).map(([name, value]) => makeMatcher(name, '=', value)),
    ...Object.entries(settings.match_re ?? {}).map(([name, value]) =>
      makeMatcher(name, '=~', `^(?:${value})$`),
    ),
    ...(settings.matchers ?? []).flatMap(parseMatchers),
  ])
  const ownKey = `{${matchers.map(formatMatcher).join(',')}}`
  const route: Route = {
    id,
    key: parent === undefined ? ownKey : `${parent.key}/${ownKey}`,
    receiver: settings.receiver || (parent?.receiver ?? ''),
    matchers,
    groupBy: findGroupBy(settings, parent),
    groupWaitMs: settings.group_wait ?? parent?.groupWaitMs ?? defaults.groupWaitMs,
    groupIntervalMs: settings.group_interval ?? parent?.groupIntervalMs ?? defaults.groupIntervalMs,
    repeatIntervalMs:
      settings.repeat_interval ?? parent?.repeatIntervalMs ?? defaults.repeatIntervalMs,
    isContinued: settings.continue,
    escalationPolicy: settings.escalation_policy ?? parent?.escalationPolicy,
    labels: mergeLabels(parent?.labels ?? emptyLabels, settings.labels ?? {}),
    mutes: [],
    actives: [],
    children: [],
  }
  const find = (name: string): TimeInterval => {
    const interval = intervals.get(name)
    if (interval === undefined)
      throw alertErrors.INTERVAL_UNKNOWN({ interval: name, route: route.key })
    return interval
  }
  // Not inherited: a child of a route that is quiet at night may page.
  route.mutes = (settings.mute_time_intervals ?? []).map(find)
  route.actives = (settings.active_time_intervals ?? []).map(find)
  route.children = (settings.routes ?? []).map((child, index) =>
    makeRoute(child, intervals, { parent: route, id: `${id}/${index}` }),
  )
  return route
}

/** Names of the intervals because of which a route says nothing at a time; empty when it speaks. */
export function findPauses(route: Route, timeMs: number): string[] {
  const isIn = ({ spans }: TimeInterval): boolean => spans.some((span) => isInSpan(span, timeMs))
  if (route.actives.length > 0 && !route.actives.some(isIn))
    return route.actives.map(({ name }) => name)
  return route.mutes.filter(isIn).map(({ name }) => name)
}

function mergeLabels(above: Labels, own: Record<string, string>): Labels {
  return labelsFromPairs([...above.pairs, ...Object.entries(own).flat()])
}

function findGroupBy(
  settings: RouteSettings,
  parent: Route | undefined,
): ReadonlySet<string> | undefined {
  if (settings.group_by == null) return parent === undefined ? new Set() : parent.groupBy
  return settings.group_by.includes('...') ? undefined : new Set(settings.group_by)
}

const operators = ['=', '!=', '=~', '!~']

function sortMatchers(matchers: Matcher[]): Matcher[] {
  const rank = (matcher: Matcher): number => operators.indexOf(matcher.operator)
  return matchers.sort(
    (a, b) => compareText(a.name, b.name) || compareText(a.value, b.value) || rank(a) - rank(b),
  )
}

/** The nodes that an alert ends at, in order; never empty. */
export function findRoutes(route: Route, labels: Labels): Route[] {
  const found: Route[] = []
  for (const child of route.children) {
    if (!matchesAll(child.matchers, labels)) continue
    found.push(...findRoutes(child, labels))
    if (!child.isContinued) break
  }
  return found.length === 0 ? [route] : found
}

/** Every node, root first. */
export function listRoutes(route: Route): Route[] {
  return [route, ...route.children.flatMap(listRoutes)]
}

/** The labels by which an alert is grouped at a node. */
export function groupLabelsOf(route: Route, labels: Labels): Labels {
  const { groupBy } = route
  return groupBy === undefined ? labels : labels.filter((name) => groupBy.has(name))
}

/** `{}/{severity="critical"}:{alertname="X", cluster="A"}` */
export function formatGroupKey(route: Route, groupLabels: Labels): string {
  const inner: string[] = []
  const { pairs } = groupLabels
  for (let index = 0; index < pairs.length; index += 2)
    inner.push(`${pairs[index]}=${quote(pairs[index + 1]!)}`)
  return `${route.key}:{${inner.join(', ')}}`
}
