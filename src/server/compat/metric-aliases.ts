/**
 * Our own figures once more under the names that Alertmanager's and Prometheus's dashboards and mixins
 * use, where they mean the same; so that rules such as PrometheusBadConfig do not go dead.
 * Source: alertmanager doc/alertmanager-mixin, prometheus documentation/prometheus-mixin (names).
 */

interface Alias {
  /** Our name; for a histogram without its suffix. */
  own: string
  name: string
  /** Labels that are called otherwise. */
  labels?: Readonly<Record<string, string>>
  /** Values of a label that are called otherwise. */
  values?: { label: string; names: Readonly<Record<string, string>> }
  /** Only rows with one of these values of a label. */
  only?: { label: string; values: readonly string[] }
}

const integration = { channel: 'integration' }
const reasons = {
  label: 'reason',
  names: {
    network: 'other',
    timeout: 'contextDeadlineExceeded',
    canceled: 'contextCanceled',
    'rate-limited': 'rateLimited',
    'server-error': 'serverError',
    'client-error': 'clientError',
    auth: 'authError',
  },
}
const failed = { label: 'outcome', values: ['failed', 'retrying'] }

const aliases: readonly Alias[] = [
  {
    own: 'shipwatch_notify_notifications_total',
    name: 'alertmanager_notifications_total',
    labels: integration,
  },
  {
    own: 'shipwatch_notify_notifications_failed_total',
    name: 'alertmanager_notifications_failed_total',
    labels: integration,
    values: reasons,
  },
  {
    own: 'shipwatch_notify_attempts_total',
    name: 'alertmanager_notification_requests_total',
    labels: integration,
  },
  {
    own: 'shipwatch_notify_attempts_total',
    name: 'alertmanager_notification_requests_failed_total',
    labels: integration,
    only: failed,
  },
  {
    own: 'shipwatch_notify_attempt_duration_seconds',
    name: 'alertmanager_notification_latency_seconds',
    labels: integration,
  },
  {
    own: 'shipwatch_alert_alerts',
    name: 'alertmanager_alerts',
    values: { label: 'state', names: { firing: 'active' } },
    only: { label: 'state', values: ['firing'] },
  },
  {
    own: 'shipwatch_alert_received_total',
    name: 'alertmanager_alerts_received_total',
    labels: { state: 'status' },
  },
  { own: 'shipwatch_alert_refused_total', name: 'alertmanager_alerts_invalid_total' },
  { own: 'shipwatch_alert_held_total', name: 'alertmanager_notifications_suppressed_total' },
  { own: 'shipwatch_alert_silences', name: 'alertmanager_silences' },
  { own: 'shipwatch_alert_groups', name: 'alertmanager_dispatcher_aggregation_groups' },
  {
    own: 'shipwatch_detect_evaluations_total',
    name: 'prometheus_rule_evaluations_total',
  },
  {
    own: 'shipwatch_detect_evaluation_failures_total',
    name: 'prometheus_rule_evaluation_failures_total',
  },
  {
    own: 'shipwatch_detect_iterations_missed_total',
    name: 'prometheus_rule_group_iterations_missed_total',
  },
  {
    own: 'shipwatch_store_appended_samples_total',
    name: 'prometheus_tsdb_head_samples_appended_total',
  },
  { own: 'shipwatch_store_head_series', name: 'prometheus_tsdb_head_series' },
]

/** How the last reading of the configuration went. */
export interface ReloadFacts {
  timeMs: number
  isSuccess: boolean
}

/** Metrics in the text format under others' names, to be added to ours. */
export function renderAliases(own: string, reload: ReloadFacts): string {
  const rows = new Map<string, string[]>()
  for (const line of own.split('\n')) {
    const match = /^(?:# TYPE )?(shipwatch_\w+?)(_bucket|_sum|_count)?(?=[ {])(.*)$/.exec(line)
    if (match === null) continue
    const name = match[1]!
    const list = rows.get(name)
    if (list === undefined) rows.set(name, [line])
    else list.push(line)
  }
  const lines: string[] = []
  for (const alias of aliases) {
    for (const line of rows.get(alias.own) ?? []) {
      if (line.startsWith('# ')) lines.push(line.replace(alias.own, alias.name))
      else if (isWanted(line, alias)) lines.push(rename(line, alias))
    }
  }
  const value = reload.isSuccess ? 1 : 0
  for (const product of ['alertmanager', 'prometheus']) {
    const name = `${product}_config_last_reload_successful`
    lines.push(`# TYPE ${name} gauge`, `${name} ${value}`)
    if (!reload.isSuccess) continue
    const time = `${product}_config_last_reload_success_timestamp_seconds`
    lines.push(`# TYPE ${time} gauge`, `${time} ${reload.timeMs / 1_000}`)
  }
  return `${lines.join('\n')}\n`
}

function isWanted(line: string, { only }: Alias): boolean {
  return (
    only === undefined || only.values.some((value) => line.includes(`${only.label}="${value}"`))
  )
}

function rename(line: string, alias: Alias): string {
  let renamed = line.replace(alias.own, alias.name)
  const { values, labels = {} } = alias
  for (const [from, to] of Object.entries(values?.names ?? {}))
    renamed = renamed.replace(`${values!.label}="${from}"`, `${values!.label}="${to}"`)
  for (const [from, to] of Object.entries(labels))
    renamed = renamed.replace(new RegExp(`([{,])${from}=`), `$1${to}=`)
  return renamed
}
