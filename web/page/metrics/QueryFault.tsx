/** A mistake in a query, at its place: the line with a mark under the character that the server named. */

import { errorPlace } from '../../data/prometheus.ts'
import { Fault } from '../../kit/Feedback.tsx'
import { useWords } from '../../word/word.tsx'

/** The failure of a query. */
export function QueryFault(props: { query: string; error: unknown }) {
  const words = useWords()
  const place = props.error instanceof Error ? errorPlace(props.query, props.error) : undefined
  if (!place) return <Fault what={words.metrics.refused} error={props.error} />
  const lineStart = props.query.lastIndexOf('\n', place.offset - 1) + 1
  const line = props.query.slice(lineStart).split('\n')[0] ?? ''
  const at = place.offset - lineStart
  const from = Math.max(0, at - 40)
  return (
    <div role="alert">
      <pre className="field-fault">
        {`${line.slice(from, from + 90)}\n${' '.repeat(at - from)}^ `}
        {place.message}
      </pre>
    </div>
  )
}
