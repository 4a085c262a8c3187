/**
 * Alertmanager's part of our configuration, as amtool reads it from the status: routes, the names of
 * receivers, inhibition, time intervals. Channels are left out: they hold secrets, and amtool knows only
 * those of its own version.
 */

import { formatYaml, parseYaml } from '../../config/config.ts'

const kept = ['inhibit_rules', 'mute_time_intervals', 'time_intervals'] as const

/** From the text of shipwatch.yml. Without a route it shows the one that is in force then. */
export function makeAlertmanagerConfig(yaml: string): string {
  const all = asMapping(parseYaml(yaml, 'shipwatch.yml').value)
  const receivers = Array.isArray(all['receivers']) ? (all['receivers'] as unknown[]) : []
  const names = receivers.map((receiver) => ({ name: asMapping(receiver)['name'] }))
  const resolveTimeout = asMapping(all['global'])['resolve_timeout']
  const shown: Record<string, unknown> = {
    ...(resolveTimeout === undefined ? {} : { global: { resolve_timeout: resolveTimeout } }),
    route: withoutOurs(all['route']) ?? { receiver: 'default', group_by: ['alertname', 'service'] },
    receivers: names.length === 0 ? [{ name: 'default' }] : names,
  }
  for (const key of kept) if (all[key] !== undefined) shown[key] = all[key]
  return `# Alertmanager's part of the configuration; channels are left out.\n${formatYaml(shown)}`
}

/** A route without what amtool, which refuses unknown keys, does not know. */
function withoutOurs(route: unknown): unknown {
  if (typeof route !== 'object' || route === null) return undefined
  const { escalation_policy: _, routes, ...rest } = route as Record<string, unknown>
  if (!Array.isArray(routes)) return rest
  return { ...rest, routes: routes.map((child: unknown) => withoutOurs(child) ?? {}) }
}

function asMapping(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
}
