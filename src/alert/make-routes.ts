/** The tree of routes that settings mean, with every name in it and beside it looked up. */

import type { Notifier } from '../notify/notify.ts'
import type { OnCallSettings } from '../oncall/oncall.ts'
import { checkPaging } from './check-paging.ts'
import { alertErrors } from './errors.ts'
import { listRoutes, makeRouteTree, type Route } from './route.ts'
import type { AlertSettings } from './settings.ts'

/**
 * Makes the tree; `undefined` when nobody is to be told. Throws `ALERT_RECEIVER_UNKNOWN`,
 * `ALERT_POLICY_UNKNOWN` and the like when a name is wrong.
 */
export function makeRoutes(
  settings: AlertSettings & OnCallSettings,
  notifier: Notifier,
): Route | undefined {
  checkPaging(settings, notifier)
  if (settings.route === undefined) {
    if (!notifier.has('default')) return undefined
    return makeRouteTree({
      receiver: 'default',
      group_by: ['alertname', 'service'],
      continue: false,
    })
  }
  const intervals = [...settings.mute_time_intervals, ...settings.time_intervals]
  const tree = makeRouteTree(settings.route, intervals)
  for (const route of listRoutes(tree)) {
    if (!notifier.has(route.receiver))
      throw alertErrors.RECEIVER_UNKNOWN({ receiver: route.receiver, route: route.key })
    const policy = route.escalationPolicy
    if (policy && !settings.escalation_policies.some(({ name }) => name === policy))
      throw alertErrors.POLICY_UNKNOWN({ policy, place: `route ${route.key}` })
  }
  return tree
}
