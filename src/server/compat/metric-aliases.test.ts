import assert from 'node:assert/strict'
import { test } from 'node:test'
import { renderAliases } from './metric-aliases.ts'

const own = `# HELP shipwatch_notify_notifications_failed_total x
# TYPE shipwatch_notify_notifications_failed_total counter
shipwatch_notify_notifications_failed_total{channel="slack",reason="rate-limited"} 3
# TYPE shipwatch_notify_attempts_total counter
shipwatch_notify_attempts_total{channel="slack",outcome="delivered"} 5
shipwatch_notify_attempts_total{channel="slack",outcome="failed"} 2
# TYPE shipwatch_notify_attempt_duration_seconds histogram
shipwatch_notify_attempt_duration_seconds_bucket{le="1",channel="slack"} 7
shipwatch_notify_attempt_duration_seconds_count{channel="slack"} 7
# TYPE shipwatch_detect_iterations_missed_total counter
shipwatch_detect_iterations_missed_total 0
# TYPE shipwatch_notify_open_dead_letters gauge
shipwatch_notify_open_dead_letters 1
`

test('figures that mean the same are told under the names that mixins use', () => {
  assert.equal(
    renderAliases(own, { timeMs: 5_000, isSuccess: true }),
    `# TYPE alertmanager_notifications_failed_total counter
alertmanager_notifications_failed_total{integration="slack",reason="rateLimited"} 3
# TYPE alertmanager_notification_requests_total counter
alertmanager_notification_requests_total{integration="slack",outcome="delivered"} 5
alertmanager_notification_requests_total{integration="slack",outcome="failed"} 2
# TYPE alertmanager_notification_requests_failed_total counter
alertmanager_notification_requests_failed_total{integration="slack",outcome="failed"} 2
# TYPE alertmanager_notification_latency_seconds histogram
alertmanager_notification_latency_seconds_bucket{le="1",integration="slack"} 7
alertmanager_notification_latency_seconds_count{integration="slack"} 7
# TYPE prometheus_rule_group_iterations_missed_total counter
prometheus_rule_group_iterations_missed_total 0
# TYPE alertmanager_config_last_reload_successful gauge
alertmanager_config_last_reload_successful 1
# TYPE alertmanager_config_last_reload_success_timestamp_seconds gauge
alertmanager_config_last_reload_success_timestamp_seconds 5
# TYPE prometheus_config_last_reload_successful gauge
prometheus_config_last_reload_successful 1
# TYPE prometheus_config_last_reload_success_timestamp_seconds gauge
prometheus_config_last_reload_success_timestamp_seconds 5
`,
  )
})

test('a configuration that was refused is told as such', () => {
  const text = renderAliases('', { timeMs: 5_000, isSuccess: false })
  assert.match(text, /^prometheus_config_last_reload_successful 0$/m)
  assert.doesNotMatch(text, /timestamp/)
})
