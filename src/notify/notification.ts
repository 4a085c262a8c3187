/** One message about a group of alerts to one receiver. */

import type { Alert } from '../model/alert.ts'
import type { AlertBackground } from '../model/flow.ts'
import type { Labels } from '../model/labels.ts'

/** What alerting hands over. */
export interface Notification {
  groupKey: string
  status: 'firing' | 'resolved'
  /** Alertmanager's words: "first notification", "new alerts added" and so on. */
  reason: string
  receiver: string
  groupLabels: Labels
  commonLabels: Labels
  commonAnnotations: Labels
  alerts: Alert[]
  background: AlertBackground | undefined
  externalUrl: string
}
