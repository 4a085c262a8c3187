/** The likely cause: who is suspected, how sure that is, and each piece of evidence with its query. */

import type { IncidentView } from '../../../src/api/api.ts'
import type { Cause, Evidence } from '../../../src/model/incident.ts'
import { Card } from '../../kit/Card.tsx'
import { Empty } from '../../kit/Feedback.tsx'
import { Moment, useFormat } from '../../kit/format.tsx'
import { Link } from '../../route/router.tsx'
import { useWords } from '../../word/word.tsx'
import { causeTitle } from '../cause-title.ts'
import { evidenceText } from './story-words.ts'

/** The card. */
export function CauseCard(props: { causes: readonly Cause[]; view: IncidentView }) {
  const words = useWords()
  const [first, ...others] = props.causes
  if (!first) {
    return (
      <Card title={words.incident.cause}>
        <Empty title={words.incident.noCauseYet}>{words.incident.noCauseHint}</Empty>
      </Card>
    )
  }
  return (
    <Card title={words.incident.likelyCause}>
      <div className="stack">
        <CauseHead cause={first} />
        <CauseSteps cause={first} view={props.view} />
        {others.length > 0 ? (
          <details>
            <summary className="mid">
              {words.incident.otherCauses({ count: others.length })}
            </summary>
            <div className="stack other-causes">
              {others.map((cause) => (
                <div key={cause.title} className="stack">
                  <CauseHead cause={cause} />
                  {cause.evidence.map((evidence) => (
                    <EvidenceText key={evidence.kind + evidence.message} evidence={evidence} />
                  ))}
                </div>
              ))}
            </div>
          </details>
        ) : null}
      </div>
    </Card>
  )
}

function CauseHead(props: { cause: Cause }) {
  const words = useWords()
  const format = useFormat()
  const { cause } = props
  const part = format.value(cause.confidence, 'ratio')
  return (
    <div className="stack-small">
      <p className="strong">
        {cause.deploymentId ? (
          <Link to={`/deliveries/${cause.deploymentId}`}>{causeTitle(cause, words)}</Link>
        ) : (
          causeTitle(cause, words)
        )}
      </p>
      {cause.kind === 'unknown' ? null : (
        <div className="sure">
          <span className="mid no-wrap">{words.incident.sure({ part })}</span>
          <span className="sure-bar" aria-hidden>
            <span style={{ width: `${Math.round(cause.confidence * 100)}%` }} />
          </span>
        </div>
      )}
    </div>
  )
}

/** Timed steps: the change, the onset, the alert; then the evidence. */
function CauseSteps(props: { cause: Cause; view: IncidentView }) {
  const { cause, view } = props
  const words = useWords()
  const deployment = view.deployments.find((one) => one.id === cause.deploymentId)
  const { incident } = view
  const moments = [
    ...(deployment
      ? [
          {
            timeMs: deployment.startTimeMs,
            text: words.incident.stepDeployed({
              service: deployment.service,
              version: deployment.version,
            }),
          },
        ]
      : []),
    ...(incident.onsetTimeMs === undefined
      ? []
      : [{ timeMs: incident.onsetTimeMs, text: words.incident.stepOnset }]),
    { timeMs: incident.openedTimeMs, text: words.incident.stepOpened },
  ].sort((a, b) => a.timeMs - b.timeMs)
  return (
    <>
      <ol className="steps">
        {moments.map((moment, index) => (
          <li key={moment.text} className="step">
            <span className="step-number" aria-hidden>
              {index + 1}
            </span>
            <div>
              <span className="timeline-meta">
                <Moment timeMs={moment.timeMs} isNear />
              </span>
              <p>{moment.text}</p>
            </div>
          </li>
        ))}
      </ol>
      {cause.evidence.length > 0 ? (
        <div className="stack">
          <h3 className="field-label">{words.incident.evidence}</h3>
          {cause.evidence.map((evidence) => (
            <EvidenceText key={evidence.kind + evidence.message} evidence={evidence} />
          ))}
        </div>
      ) : null}
    </>
  )
}

function EvidenceText(props: { evidence: Evidence }) {
  const { evidence } = props
  const words = useWords()
  const format = useFormat()
  const isLogs = evidence.kind === 'new-log-line' || /^\s*\{.*\}\s*(\||$)/.test(evidence.query)
  return (
    <div className="evidence">
      <p>{evidenceText(evidence, words, format)}</p>
      <p className="timeline-meta">
        {words.incident.evidenceKinds[evidence.kind]}
        {evidence.query === '' ? null : (
          <>
            {' · '}
            <Link
              to={isLogs ? '/logs' : '/metrics'}
              search={isLogs ? { query: evidence.query } : { q: evidence.query }}
            >
              {isLogs ? words.incident.openLogs : words.incident.openQuery}
            </Link>
          </>
        )}
      </p>
    </div>
  )
}
