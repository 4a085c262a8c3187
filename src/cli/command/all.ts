/** Every command, in the order of the help. */

import { backtestRulesCommand } from './backtest-rules.ts'
import { backupCommand } from './backup.ts'
import { alertAckCommand, alertListCommand } from './alert.ts'
import { checkConfigCommand } from './check-config.ts'
import { checkMetricsCommand } from './check-metrics.ts'
import { checkRulesCommand } from './check-rules.ts'
import { checkSloCommand } from './check-slo.ts'
import type { Command } from './command.ts'
import { deploymentRecordCommand } from './deployment-record.ts'
import { deleteLogsCommand } from './delete-logs.ts'
import { deleteSeriesCommand } from './delete-series.ts'
import { importOpenmetricsCommand } from './import-openmetrics.ts'
import { incidentListCommand } from './incident-list.ts'
import {
  maintenanceAddCommand,
  maintenanceEndCommand,
  maintenanceListCommand,
} from './maintenance.ts'
import { measureCommand } from './measure.ts'
import { oncallCommand, oncallOverrideCommand } from './oncall.ts'
import {
  notificationsDismissCommand,
  notificationsListCommand,
  notificationsResendCommand,
} from './notifications.ts'
import { queriesListCommand, queriesStopCommand } from './queries.ts'
import { queryCommand } from './query.ts'
import { queryExplainCommand, queryLabelsCommand, querySeriesCommand } from './query-details.ts'
import { receiversListCommand, receiversTestCommand } from './receivers.ts'
import { restoreCommand } from './restore.ts'
import { routesTestCommand } from './routes-test.ts'
import { serveCommand } from './serve.ts'
import { sloListCommand } from './slo-list.ts'
import { testRulesCommand } from './test-rules.ts'
import { versionCommand } from './version.ts'

/** The list. */
export const commands: readonly Command[] = [
  serveCommand,
  checkConfigCommand,
  checkRulesCommand,
  checkSloCommand,
  checkMetricsCommand,
  testRulesCommand,
  backtestRulesCommand,
  routesTestCommand,
  sloListCommand,
  queryCommand,
  queryExplainCommand,
  querySeriesCommand,
  queryLabelsCommand,
  queriesListCommand,
  queriesStopCommand,
  deploymentRecordCommand,
  incidentListCommand,
  alertListCommand,
  alertAckCommand,
  oncallCommand,
  oncallOverrideCommand,
  maintenanceListCommand,
  maintenanceAddCommand,
  maintenanceEndCommand,
  notificationsListCommand,
  notificationsResendCommand,
  notificationsDismissCommand,
  receiversListCommand,
  receiversTestCommand,
  importOpenmetricsCommand,
  deleteSeriesCommand,
  deleteLogsCommand,
  backupCommand,
  restoreCommand,
  measureCommand,
  versionCommand,
]
