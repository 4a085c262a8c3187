/** A route of the tree and those below it; lit up where an alert goes through, with the reason where it does not. */

import type { RouteNode, RouteVerdictView } from '../../../src/api/rules.ts'
import type { Health } from '../../../src/model/health.ts'
import { useFormat } from '../../kit/format.tsx'
import { StateBadge, Tag } from '../../kit/State.tsx'
import { Link } from '../../route/router.tsx'
import { useWords } from '../../word/word.tsx'

const verdictHealth: Record<RouteVerdictView['verdict'], Health> = {
  told: 'ok',
  passed: 'info',
  refused: 'unknown',
  'not-asked': 'unknown',
}

/** The branch. Without verdicts nothing was asked yet. */
export function RouteBranch(props: {
  node: RouteNode
  /** The route above: what is as there is not said again. */
  above?: RouteNode
  verdicts: readonly RouteVerdictView[] | undefined
}) {
  const { node, verdicts } = props
  const words = useWords()
  const own = verdicts?.find(({ id }) => id === node.id)
  const way = verdicts === undefined ? undefined : (own?.verdict ?? 'not-reached')
  return (
    <li
      className="route-branch"
      data-way={way}
      aria-label={node.matchers.join(' ') || node.receiver}
    >
      <div className="route-node">
        <div className="line-wrap">
          {way === undefined ? null : (
            <StateBadge
              health={own ? verdictHealth[own.verdict] : 'unknown'}
              word={words.routes.verdicts[way]}
            />
          )}
          {node.matchers.length === 0 ? (
            <span className="mid">{words.routes.every}</span>
          ) : (
            node.matchers.map((matcher) => (
              <code key={matcher} className="route-matcher">
                {matcher}
              </code>
            ))
          )}
          <span aria-hidden>→</span>
          <Link to="/notifications" search={{ receiver: node.receiver }} className="strong">
            {node.receiver}
          </Link>
          {node.isContinued ? <span className="quiet">{words.routes.continued}</span> : null}
          {node.pausedBy.length > 0 ? (
            <StateBadge health="warning" isHeld word={words.routes.pausedNow} />
          ) : null}
        </div>
        <Reason way={way} own={own} />
        <Timing node={node} above={props.above} />
      </div>
      {node.children.length > 0 ? (
        <ul className="route-tree">
          {node.children.map((child) => (
            <RouteBranch key={child.id} node={child} above={node} verdicts={verdicts} />
          ))}
        </ul>
      ) : null}
    </li>
  )
}

function Reason(props: {
  way: RouteVerdictView['verdict'] | 'not-reached' | undefined
  own: RouteVerdictView | undefined
}) {
  const words = useWords()
  if (props.way === 'not-asked') return <p className="mid">{words.routes.notAskedWhy}</p>
  if (props.way === 'not-reached') return <p className="mid">{words.routes.notReachedWhy}</p>
  return props.own?.refusedBy.map((refusal) => (
    <p key={refusal.matcher} className="mid">
      {words.routes.because(refusal)}
    </p>
  ))
}

function Timing(props: { node: RouteNode; above: RouteNode | undefined }) {
  const { node, above } = props
  const words = useWords()
  const format = useFormat()
  const { groupBy, escalationPolicy } = node
  const grouped =
    groupBy === undefined
      ? words.routes.allLabels
      : groupBy.length === 0
        ? words.routes.noLabels
        : groupBy.join(', ')
  const notes = [
    ...(node.muteIntervals.length > 0
      ? [words.routes.quietIn({ names: format.list(node.muteIntervals) })]
      : []),
    ...(node.activeIntervals.length > 0
      ? [words.routes.speaksIn({ names: format.list(node.activeIntervals) })]
      : []),
    ...(escalationPolicy && escalationPolicy !== above?.escalationPolicy
      ? [words.routes.policy({ name: escalationPolicy })]
      : []),
  ]
  const hasOwnTimes =
    above === undefined ||
    node.groupWaitMs !== above.groupWaitMs ||
    node.groupIntervalMs !== above.groupIntervalMs ||
    node.repeatIntervalMs !== above.repeatIntervalMs
  const isGroupedAlike =
    above !== undefined && JSON.stringify(node.groupBy) === JSON.stringify(above.groupBy)
  if (!hasOwnTimes && isGroupedAlike && notes.length === 0) return null
  return (
    <div className="route-times quiet">
      {hasOwnTimes ? (
        <span>
          {words.routes.times({
            wait: format.span(node.groupWaitMs),
            interval: format.span(node.groupIntervalMs),
            repeat: format.span(node.repeatIntervalMs),
          })}
        </span>
      ) : null}
      {isGroupedAlike ? null : (
        <span>
          {words.routes.grouped}: {grouped}
        </span>
      )}
      {notes.map((note) => (
        <Tag key={note}>{note}</Tag>
      ))}
    </div>
  )
}
