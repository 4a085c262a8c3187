/** An incident in a list, and its state as a badge: the same on every page. */

import type { IncidentSummary } from '../../src/api/api.ts'
import { Age, useFormat } from '../kit/format.tsx'
import { StateBadge, StateMark } from '../kit/State.tsx'
import { Link } from '../route/router.tsx'
import { useWords } from '../word/word.tsx'
import { causeTitle } from './cause-title.ts'

/** The state as a badge: shape and colour of its health, word of its state. */
export function IncidentBadge(props: { incident: Pick<IncidentSummary, 'state' | 'health'> }) {
  const words = useWords()
  const { state, health } = props.incident
  const shown = state === 'resolved' ? 'ok' : state === 'recovering' ? 'info' : health
  return <StateBadge health={shown} word={words.incident.states[state]} />
}

/** What is taken for the cause, with how sure that is. */
export function CauseText(props: { cause: IncidentSummary['cause'] }) {
  const words = useWords()
  const format = useFormat()
  if (!props.cause) return <span className="quiet">{words.incident.noCauseYet}</span>
  const { confidence } = props.cause
  return (
    <span>
      {causeTitle(props.cause, words)}{' '}
      {confidence > 0 ? (
        <span className="quiet no-wrap">
          {words.incident.sure({ part: format.value(confidence, 'ratio') })}
        </span>
      ) : null}
    </span>
  )
}

/** Incidents as a list of links, the one that needs somebody first. */
export function IncidentLines(props: { incidents: readonly IncidentSummary[] }) {
  const words = useWords()
  return (
    <ul className="lines">
      {props.incidents.map((incident) => (
        <li key={incident.id}>
          <Link to={`/incidents/${incident.id}`} className="line-link">
            <StateMark
              health={incident.state === 'resolved' ? 'ok' : incident.health}
              size={14}
              label={words.health[incident.health]}
            />
            <span className="grow">
              <span className="line-title">
                <span className="quiet">#{incident.number}</span> {incident.title}
              </span>
              <span className="line-text">
                {incident.service === '' ? null : <>{incident.service} · </>}
                <CauseText cause={incident.cause} />
              </span>
            </span>
            <span className="line-side">
              <span className={incident.acknowledgedBy === '' ? 'strong' : 'quiet'}>
                {incident.state !== 'open'
                  ? words.incident.states[incident.state]
                  : incident.acknowledgedBy === ''
                    ? words.incident.unowned
                    : words.incident.ownedBy({ name: incident.acknowledgedBy })}
              </span>
              <span className="quiet">
                <Age timeMs={incident.openedTimeMs} />
              </span>
            </span>
          </Link>
        </li>
      ))}
    </ul>
  )
}
