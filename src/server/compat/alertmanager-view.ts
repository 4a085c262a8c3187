/** Alerts and silences as Alertmanager's API v2 shows them. Lists are never null. */

import type { AlertHolders } from '../../alert/alert.ts'
import type { Alert } from '../../model/alert.ts'
import { type Silence, silenceStateOf } from '../../model/silence.ts'

/** `gettableAlert` */
export function viewAlert(alert: Alert, holders: AlertHolders): object {
  const { silencedBy, inhibitedBy, pausedBy } = holders
  const isHeld = silencedBy.length + inhibitedBy.length + pausedBy.length > 0
  return {
    annotations: alert.annotations,
    endsAt: formatTime(alert.endTimeMs),
    fingerprint: alert.fingerprint,
    receivers: alert.receivers.map((name) => ({ name })),
    startsAt: formatTime(alert.firedTimeMs),
    status: {
      inhibitedBy,
      mutedBy: pausedBy,
      silencedBy,
      state: isHeld ? 'suppressed' : 'active',
    },
    updatedAt: formatTime(alert.updatedTimeMs),
    ...(alert.generatorUrl === '' ? {} : { generatorURL: alert.generatorUrl }),
    labels: alert.labels,
  }
}

/** `gettableSilence` */
export function viewSilence(silence: Silence, nowTimeMs: number): object {
  return {
    id: silence.id,
    status: { state: silenceStateOf(silence, nowTimeMs) },
    updatedAt: formatTime(silence.updatedTimeMs),
    annotations: makeMapping(silence.annotations),
    comment: silence.comment,
    createdBy: silence.createdBy,
    endsAt: formatTime(silence.endTimeMs),
    matchers: silence.matchers.map(({ name, operator, value }) => ({
      isEqual: !operator.startsWith('!'),
      isRegex: operator.endsWith('~'),
      name,
      value,
    })),
    startsAt: formatTime(silence.startTimeMs),
  }
}

function makeMapping(pairs: readonly [string, string][]): Record<string, string> {
  const mapping = Object.create(null) as Record<string, string>
  for (const [name, value] of pairs) mapping[name] = value
  return mapping
}

/** As Go's strfmt writes it; times beyond what a date can hold are cut. */
function formatTime(timeMs: number): string {
  return new Date(Math.min(Math.max(timeMs, -8.64e15), 8.64e15)).toISOString()
}
