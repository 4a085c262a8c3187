/** The message of a test: it looks like a real one and says that it is none. */

import { makeLabels } from '../model/labels.ts'
import type { Notification } from './notification.ts'

/** A test for a receiver. */
export function makeTestNotification(
  receiver: string,
  nowTimeMs: number,
  externalUrl: string,
): Notification {
  const labels = makeLabels({ alertname: 'ShipwatchTest', receiver, severity: 'info' })
  const annotations = makeLabels({
    summary: 'This is a test of Shipwatch; nothing is wrong.',
    description: `Somebody asked whether the receiver "${receiver}" can be reached. It can.`,
  })
  return {
    groupKey: `test:${receiver}`,
    status: 'firing',
    reason: 'test',
    receiver,
    groupLabels: makeLabels({ alertname: 'ShipwatchTest' }),
    commonLabels: labels,
    commonAnnotations: annotations,
    alerts: [
      {
        labels,
        annotations,
        state: 'firing',
        firedTimeMs: nowTimeMs,
        activeTimeMs: nowTimeMs,
        endTimeMs: nowTimeMs,
        value: 1,
        generatorUrl: '',
        rule: undefined,
        fingerprint: labels.fingerprint(),
        updatedTimeMs: nowTimeMs,
        held: undefined,
        receivers: [receiver],
      },
    ],
    background: undefined,
    externalUrl,
  }
}
