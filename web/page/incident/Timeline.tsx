/** The story of an incident, moment by moment, latest first. */

import type { Deployment } from '../../../src/model/deployment.ts'
import type { TimelineEntry } from '../../../src/model/incident.ts'
import { Moment, useFormat } from '../../kit/format.tsx'
import { useWords } from '../../word/word.tsx'
import { entryText } from './story-words.ts'

const tones: Partial<Record<TimelineEntry['kind'], 'bad' | 'good' | 'act'>> = {
  opened: 'bad',
  onset: 'bad',
  'alert-firing': 'bad',
  'alert-resolved': 'good',
  resolved: 'good',
  rollback: 'act',
  verify: 'act',
  deployment: 'act',
}

/** The timeline. */
export function Timeline(props: {
  entries: readonly TimelineEntry[]
  deployments: readonly Deployment[]
}) {
  const words = useWords()
  const format = useFormat()
  const ordered = [...props.entries].sort((a, b) => b.timeMs - a.timeMs)
  return (
    <ol className="timeline">
      {ordered.map((entry) => (
        <li key={entry.id}>
          <span className="timeline-dot" data-tone={tones[entry.kind]} aria-hidden />
          <div>
            <div className="timeline-meta">
              <Moment timeMs={entry.timeMs} isNear /> · {words.incident.kinds[entry.kind]}
              {entry.actor === '' || entry.actor === 'shipwatch' ? '' : ` · ${entry.actor}`}
            </div>
            <p className="timeline-text">
              {entryText(entry, { words, format, deployments: props.deployments })}
            </p>
          </div>
        </li>
      ))}
    </ol>
  )
}
