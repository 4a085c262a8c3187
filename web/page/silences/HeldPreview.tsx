/** What conditions would hold now: the count, and the first few by name. */

import type { SilencePreview } from '../../../src/api/api.ts'
import type { Reading } from '../../data/queries.ts'
import { ActFault } from '../../kit/Feedback.tsx'
import { Labels } from '../../kit/Labels.tsx'
import { useWords } from '../../word/word.tsx'

/** Alerts that are named below the count. */
const namedCountMax = 5

/** The preview. */
export function HeldPreview(props: { reading: Reading<SilencePreview> }) {
  const { reading } = props
  const words = useWords()
  if (reading.error) return <ActFault error={reading.error} />
  const { count = 0, alerts = [] } = reading.data ?? {}
  return (
    <div className="stack" aria-live="polite" data-preview={reading.data ? count : undefined}>
      <p className="strong">{reading.data ? words.silence.holds({ count }) : words.kit.loading}</p>
      {alerts.slice(0, namedCountMax).map((alert) => (
        <div key={alert.fingerprint} className="line-wrap">
          <span>{alert.name}</span>
          <Labels labels={alert.labels} hide={['alertname']} />
        </div>
      ))}
      {count > namedCountMax ? (
        <p className="quiet">{words.silence.more({ count: count - namedCountMax })}</p>
      ) : null}
    </div>
  )
}
