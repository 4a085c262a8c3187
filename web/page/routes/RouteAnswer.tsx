/** Who would be told of an alert, when, and what would hold it back now. */

import type { RouteMatchView, RoutePreview } from '../../../src/api/rules.ts'
import { usePolicies } from '../../data/on-call.ts'
import { Card, Facts } from '../../kit/Card.tsx'
import { ActFault } from '../../kit/Feedback.tsx'
import { useFormat } from '../../kit/format.tsx'
import { StateBadge, StateMark } from '../../kit/State.tsx'
import { Link } from '../../route/router.tsx'
import { useWords } from '../../word/word.tsx'
import { StepLine } from '../StepLine.tsx'

/** The cards; without a preview they say how to ask. */
export function RouteAnswer(props: { preview: RoutePreview | undefined; error: unknown }) {
  const { preview } = props
  const words = useWords()
  if (preview === undefined)
    return (
      <Card title={words.routes.preview}>
        <p className="mid">{words.routes.previewHint}</p>
        <ActFault error={props.error} />
      </Card>
    )
  return (
    <>
      <Card title={words.routes.preview}>
        <div role="status" className="stack-wide">
          {preview.routes.map((route) => (
            <Told key={route.id} route={route} />
          ))}
        </div>
      </Card>
      <Card title={words.routes.holds}>
        <Holds preview={preview} />
      </Card>
    </>
  )
}

function Told(props: { route: RouteMatchView }) {
  const { route } = props
  const words = useWords()
  const format = useFormat()
  const { groupBy } = route
  return (
    <div className="stack">
      <div className="line-wrap">
        <Link to="/notifications" search={{ receiver: route.receiver }} className="strong">
          {route.receiver}
        </Link>
        {route.pausedBy.length > 0 ? (
          <StateBadge health="warning" isHeld word={words.routes.pausedNow} />
        ) : null}
      </div>
      <Facts
        items={[
          [words.routes.first, words.routes.firstAfter({ span: format.span(route.groupWaitMs) })],
          [
            words.routes.again,
            words.routes.againAfter({ span: format.span(route.groupIntervalMs) }),
          ],
          [
            words.routes.repeat,
            words.routes.repeatAfter({ span: format.span(route.repeatIntervalMs) }),
          ],
          [
            words.routes.grouped,
            groupBy === undefined
              ? words.routes.allLabels
              : groupBy.length === 0
                ? words.routes.noLabels
                : groupBy.join(', '),
          ],
        ]}
      />
      <Escalation policy={route.escalationPolicy} />
      <details>
        <summary className="quiet">{words.routes.groupKey}</summary>
        <div className="code-text">{route.groupKey}</div>
      </details>
    </div>
  )
}

/** Who is paged after whom, and when, as duty stands now. */
function Escalation(props: { policy: string }) {
  const words = useWords()
  const format = useFormat()
  const policies = usePolicies().data?.policies
  const policy = policies?.find(({ name }) => name === props.policy)
  if (policy === undefined) return null
  let afterMs = 0
  return (
    <div className="stack-small">
      <h3 className="field-label">{words.routes.paged({ policy: policy.name })}</h3>
      <ol className="route-steps">
        {policy.steps.map((step, index) => {
          const fromMs = afterMs
          afterMs += step.delayMs
          return (
            // biome-ignore lint/suspicious/noArrayIndexKey: steps have no name but their place
            <li key={index}>
              <StepLine step={step} />{' '}
              <span className="quiet no-wrap">
                {fromMs === 0
                  ? words.routes.atOnce
                  : words.routes.unanswered({ span: format.span(fromMs) })}
              </span>
            </li>
          )
        })}
      </ol>
    </div>
  )
}

function Holds(props: { preview: RoutePreview }) {
  const { silencedBy, inhibitedBy, pausedBy } = props.preview
  const words = useWords()
  const format = useFormat()
  const lines = [
    ...(silencedBy.length > 0
      ? [
          <Link key="s" to="/silences">
            {words.routes.silenced({ count: silencedBy.length })}
          </Link>,
        ]
      : []),
    ...(inhibitedBy.length > 0
      ? [
          <Link key="i" to="/alerts" search={{ state: 'firing', alert: inhibitedBy[0]! }}>
            {words.routes.inhibited({ count: inhibitedBy.length })}
          </Link>,
        ]
      : []),
    ...(pausedBy.length > 0
      ? [<span key="p">{words.routes.paused({ names: format.list(pausedBy) })}</span>]
      : []),
  ]
  return (
    <ul className="plain-list">
      {lines.length === 0 ? (
        <li className="line">
          <StateMark health="ok" label={words.health.ok} />
          {words.routes.notHeld}
        </li>
      ) : (
        lines.map((line) => (
          <li key={line.key} className="line">
            <StateMark health="warning" isHeld label={words.health.warning} />
            {line}
          </li>
        ))
      )}
    </ul>
  )
}
