/** What a receiver hears when a maintenance window closes, and meanwhile if it is wanted: the alerts that were held. */

import type { Clock } from '../../base/clock.ts'
import type { Log } from '../../base/log.ts'
import type { Alert } from '../../model/alert.ts'
import { makeLabels } from '../../model/labels.ts'
import type { MaintenanceWindow } from '../../model/maintenance.ts'
import type { Notification, Notifier } from '../../notify/notify.ts'
import { findCommon } from '../../model/common-labels.ts'
import type { Occurrence } from './occurrence.ts'

/** How long the summary is tried. */
const sendMsMax = 5 * 60_000

/** Sends the summary of one opening. A receiver that cannot be told is a row in the ledger, no more. */
export async function sendSummary(
  told: {
    window: MaintenanceWindow
    occurrence: Occurrence
    held: readonly Alert[]
    isFiring: (alert: Alert) => boolean
    /** Whether the opening is over; otherwise it goes on. */
    isOver: boolean
  },
  parts: { notifier: Notifier; clock: Clock; log: Log; externalUrl: string },
): Promise<void> {
  const { window, held } = told
  const alerts = held.map((alert): Alert => {
    const isFiring = told.isFiring(alert)
    return { ...alert, held: undefined, state: isFiring ? 'firing' : 'resolved' }
  })
  const notification: Notification = {
    groupKey: `maintenance:${window.id}`,
    status: alerts.some(({ state }) => state === 'firing') ? 'firing' : 'resolved',
    reason: `maintenance "${window.name}" ${told.isOver ? 'ended' : 'goes on'}`,
    receiver: window.summaryReceiver,
    groupLabels: makeLabels({ maintenance: window.name }),
    commonLabels: findCommon(alerts.map(({ labels }) => labels)),
    commonAnnotations: findCommon(alerts.map(({ annotations }) => annotations)),
    alerts,
    background: undefined,
    externalUrl: parts.externalUrl,
  }
  const abort = new AbortController()
  const limit = parts.clock.after(sendMsMax, () => abort.abort())
  const sends = parts.notifier
    .channels(window.summaryReceiver)
    .map(({ key }) => parts.notifier.sendTo(key, notification, abort.signal))
  void Promise.allSettled(sends).finally(() => limit.cancel())
  parts.log.info(
    { maintenance: window.id, from: told.occurrence.startTimeMs, alertCount: alerts.length },
    told.isOver ? 'a maintenance window closed' : 'what a maintenance window held was told',
  )
}
