/** The draft of a post-mortem, reviewed as prose. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AlertView } from '../api/api.ts'
import type { Incident, TimelineEntry } from '../model/incident.ts'
import { writePostMortem } from './post-mortem.ts'

const startTimeMs = Date.UTC(2026, 10, 20, 10, 2, 11)

function entry(afterMs: number, code: string, message: string, actor = ''): TimelineEntry {
  return {
    id: `${afterMs}`,
    timeMs: startTimeMs + afterMs,
    kind: 'comment',
    code,
    message,
    facts: {},
    actor,
  }
}

const incident: Incident = {
  id: 'i',
  number: 7,
  title: 'checkout fails 8.1% of its requests',
  service: 'checkout',
  environment: 'production',
  state: 'resolved',
  health: 'critical',
  openedTimeMs: startTimeMs + 4_000,
  onsetTimeMs: startTimeMs,
  resolvedTimeMs: startTimeMs + 42_000,
  acknowledgedBy: '',
  causes: [
    {
      kind: 'deployment',
      title: 'deployment checkout v1 → v2',
      deploymentId: 'd',
      service: 'checkout',
      confidence: 0.987,
      evidence: [
        {
          kind: 'errors-by-version',
          message:
            'v2 fails 8.1 % of its requests (16 of 197); v1 failed 0.0 % of its requests (0 of 2,900).',
          query: 'sum by (version) (rate(a[1m])) / sum by (version) (rate(b[1m]))',
          weight: 0.85,
          facts: { newRatio: 0.081, oldRatio: 0 },
        },
        {
          kind: 'new-log-line',
          message:
            'New in the log of checkout: "payment token rejected", 16 times since the deployment, never in the 30 min before.',
          query: '',
          weight: 0.5,
          facts: { pattern: 'payment token rejected' },
        },
      ],
    },
  ],
  alerts: ['f'],
  postMortem: '',
}

test('the draft tells what was recorded and measured, in the order in which people read it', () => {
  const text = writePostMortem({
    incident,
    alerts: [{ name: 'RequestsFail' } as AlertView],
    timeline: [
      entry(-1_000, 'deployment', 'ci deployed checkout v1 → v2.', 'ci'),
      entry(0, 'onset-found', 'The trouble began, as the data shows.'),
      entry(4_000, 'opened', 'Incident 7 opened: checkout | fails'),
      entry(5_000, 'notified', 'Told shop-team by email: first notification.'),
      entry(7_000, 'rollback-finished', 'The rollback command ended well after 1 s.', 'shipwatch'),
      entry(42_000, 'verify-passed', 'Recovery verified.'),
    ],
    impact: {
      startTimeMs,
      endTimeMs: startTimeMs + 42_000,
      requestCount: 2_000,
      failedCount: 31,
      peaks: [
        { name: 'error ratio', value: 0.083, unit: 'ratio' },
        { name: 'p95 latency', value: 0.29, unit: 'seconds' },
      ],
    },
  })
  assert.equal(text, golden)
})

test('an incident that nobody explained says so', () => {
  const text = writePostMortem({
    incident: { ...incident, service: '', causes: [] },
    alerts: [],
    timeline: [],
    impact: {
      startTimeMs,
      endTimeMs: startTimeMs + 7_200_000,
      requestCount: undefined,
      failedCount: undefined,
      peaks: [],
    },
  })
  assert.match(text, /was in trouble for 2 h, .* No change was found that explains it\./)
  assert.match(text, /Failed requests: unknown/)
  assert.match(text, /- Nobody was told\./)
  assert.match(text, /- The cause is not known\./)
})

const golden = `# Post-mortem of incident 7: checkout fails 8.1% of its requests

## Summary

checkout (production) was in trouble for 42 s, from 2026-11-20 10:02:11 UTC to 2026-11-20 10:02:53 UTC. The likely cause is deployment checkout v1 → v2 (confidence 0.99). The deployment was rolled back. The recovery was verified with the signals that had shown the trouble.

## Impact

- Duration: 42 s, from the onset in the data to the end.
- Failed requests: 31 of 2,000 (1.6 %).
- Worst error ratio: 8.3 %.
- Worst p95 latency: 290 ms.
- Alerts: RequestsFail.

## Timeline

| Time (UTC) | What happened |
| --- | --- |
| 10:02:10 | ci deployed checkout v1 → v2. (ci) |
| 10:02:11 | The trouble began, as the data shows. |
| 10:02:15 | Incident 7 opened: checkout \\| fails |
| 10:02:16 | Told shop-team by email: first notification. |
| 10:02:18 | The rollback command ended well after 1 s. (shipwatch) |
| 10:02:53 | Recovery verified. |

## Cause

Deployment checkout v1 → v2, with confidence 0.99. The evidence:

- v2 fails 8.1 % of its requests (16 of 197); v1 failed 0.0 % of its requests (0 of 2,900).
  \`\`\`
  sum by (version) (rate(a[1m])) / sum by (version) (rate(b[1m]))
  \`\`\`
- New in the log of checkout: "payment token rejected", 16 times since the deployment, never in the 30 min before.

## What went well

- It was noticed 4 s after it began.
- People were told 1 s after it was noticed.
- The cause was found without a person.
- The rollback was done 7 s after the onset.
- The recovery was proved with data.

## What to improve

- Deployment checkout v1 → v2 reached users before the trouble was seen.

## Follow-ups

- [ ] Find out why deployment checkout v1 → v2 passed its tests, and add one that fails.
- [ ] Explain the new log line "payment token rejected".
- [ ] Consider this rule, which looks at each version by itself:

\`\`\`yaml
- alert: CheckoutVersionFails
  expr: sum by (version) (rate(a[1m])) / sum by (version) (rate(b[1m])) > 0.041
  for: 1m
  labels:
    severity: critical
    service: checkout
  annotations:
    summary: A version of checkout fails {{ $value | humanizePercentage }} of its requests
\`\`\`
`
