/** Attempts to tell somebody: the table, and one attempt with what was said and what was answered. */

import type { NotificationView } from '../../../src/api/api.ts'
import { Facts } from '../../kit/Card.tsx'
import { CopyBlock } from '../../kit/Copy.tsx'
import { Moment, Value } from '../../kit/format.tsx'
import { Labels } from '../../kit/Labels.tsx'
import { Drawer } from '../../kit/Overlay.tsx'
import { StateBadge } from '../../kit/State.tsx'
import { type Column, Table } from '../../kit/Table.tsx'
import { Link } from '../../route/router.tsx'
import { useWords } from '../../word/word.tsx'
import type { Words } from '../../word/words.ts'
import { alertNamesOf } from './fold-attempts.ts'

/** Alerts that a row names. */
const namedCountMax = 3

const outcomeHealth = {
  delivered: 'ok',
  retrying: 'warning',
  failed: 'critical',
  held: 'info',
} as const

function OutcomeBadge(props: { outcome: NotificationView['outcome'] }) {
  const words = useWords()
  return (
    <StateBadge health={outcomeHealth[props.outcome]} word={words.ledger.outcomes[props.outcome]} />
  )
}

/** What was told of: the alerts by name, and why now. */
export function ToldOf(props: {
  labels: string | undefined
  status: 'firing' | 'resolved'
  alertCount: number
  reason?: string
}) {
  const words = useWords()
  const names = alertNamesOf(props.labels)
  const shown = names.slice(0, namedCountMax)
  const said = words.ledger.told({
    status: words.alert.states[props.status],
    count: props.alertCount,
  })
  return (
    <div>
      {shown.length === 0 ? null : (
        <span className="strong">
          {words.ledger.names({ names: shown, more: names.length - shown.length })}
        </span>
      )}
      <div className="quiet">
        {props.reason === undefined ? said : `${said} · ${reasonWord(props.reason, words)}`}
      </div>
    </div>
  )
}

function reasonWord(reason: string, words: Words): string {
  const known: Readonly<Record<string, string>> = words.ledger.reasons
  const step = /^page: (.*), step (\d+)(?:, round (\d+))?$/.exec(reason)
  if (step) return words.ledger.pageStep({ policy: step[1]!, step: step[2]!, round: step[3] ?? '' })
  return Object.hasOwn(known, reason) ? known[reason]! : reason
}

/** Attempts, newest first. */
export function AttemptTable(props: {
  rows: readonly NotificationView[]
  selected: string | undefined
  onOpen: (id: string) => void
}) {
  const words = useWords()
  const columns: Column<NotificationView>[] = [
    {
      key: 'outcome',
      head: words.ledger.outcome,
      width: '130px',
      sortBy: (row) => row.outcome,
      cell: (row) => <OutcomeBadge outcome={row.outcome} />,
    },
    {
      key: 'receiver',
      head: words.ledger.receiver,
      width: '18%',
      sortBy: (row) => row.receiver,
      cell: (row) => (
        <span>
          <span className="strong">{row.person || row.receiver}</span>{' '}
          <span className="quiet">{row.channelKey ?? row.channel}</span>
        </span>
      ),
    },
    {
      key: 'what',
      head: words.ledger.what,
      isMain: true,
      cell: (row) => <ToldOf {...row} labels={row.labels} />,
    },
    {
      key: 'answer',
      head: words.ledger.answer,
      isMinor: true,
      width: '30%',
      cell: (row) => (
        <span className={row.outcome === 'delivered' ? 'mid clamp' : 'field-fault clamp'}>
          {row.answer}
        </span>
      ),
    },
    {
      key: 'attempt',
      head: words.ledger.attempt,
      align: 'end',
      isMinor: true,
      cell: (row) => row.attempt,
    },
    {
      key: 'took',
      head: words.ledger.took,
      align: 'end',
      isMinor: true,
      sortBy: (row) => row.latencyMs,
      cell: (row) => <Value value={row.latencyMs / 1000} unit="seconds" />,
    },
    {
      key: 'time',
      head: words.ledger.time,
      align: 'end',
      sortBy: (row) => -row.timeMs,
      cell: (row) => <Moment timeMs={row.timeMs} isNear />,
    },
  ]
  return (
    <Table
      label={words.ledger.views.attempts}
      columns={columns}
      rows={props.rows}
      rowKey={(row) => row.id}
      selectedKey={props.selected}
      onOpen={(row) => props.onOpen(row.id)}
    />
  )
}

/** One attempt, at the right. */
export function AttemptDrawer(props: {
  attempt: NotificationView | undefined
  /** Tries of the same message before it, newest first. */
  earlier: readonly NotificationView[]
  onClose: () => void
}) {
  const { attempt } = props
  return (
    <Drawer
      isOpen={attempt !== undefined}
      onClose={props.onClose}
      title={attempt ? `${attempt.receiver} · ${attempt.channelKey ?? attempt.channel}` : ''}
    >
      {attempt ? <Attempt attempt={attempt} earlier={props.earlier} /> : null}
    </Drawer>
  )
}

function Attempt(props: { attempt: NotificationView; earlier: readonly NotificationView[] }) {
  const { attempt } = props
  const words = useWords()
  const [name] = alertNamesOf(attempt.labels)
  const text = (name: string, value: string | undefined): [React.ReactNode, React.ReactNode][] =>
    value ? [[name, value]] : []
  return (
    <div className="stack-wide">
      <div className="line-wrap">
        <OutcomeBadge outcome={attempt.outcome} />
        <span className="quiet">
          <Moment timeMs={attempt.timeMs} />
        </span>
      </div>
      <Facts
        items={[
          [
            words.ledger.what,
            words.ledger.told({
              status: words.alert.states[attempt.status],
              count: attempt.alertCount,
            }),
          ],
          [words.ledger.reason, reasonWord(attempt.reason, words)],
          [words.ledger.answer, attempt.answer || '–'],
          [words.ledger.took, <Value key="t" value={attempt.latencyMs / 1000} unit="seconds" />],
          [words.ledger.attempt, attempt.attempt],
          ...text(words.ledger.person, attempt.person),
          ...text(words.ledger.fallbackOf, attempt.fallbackOf),
          [words.ledger.group, <code key="g">{attempt.groupKey}</code>],
          ...(attempt.labels
            ? [
                [words.alert.labels, <Labels key="l" labels={readLabels(attempt.labels)} />] as [
                  React.ReactNode,
                  React.ReactNode,
                ],
              ]
            : []),
        ]}
      />
      {attempt.request ? (
        <div className="stack">
          <h3 className="field-label">{words.ledger.request}</h3>
          <CopyBlock label={words.ledger.request} text={attempt.request} isWrapped />
        </div>
      ) : null}
      <Earlier attempts={props.earlier} />
      <div className="line-wrap">
        {name === undefined ? null : (
          <Link
            to="/alerts"
            search={{ filter: `alertname=${JSON.stringify(name)}` }}
            className="link-button"
          >
            {words.ledger.openAlerts}
          </Link>
        )}
        {attempt.incidentId ? (
          <Link to={`/incidents/${attempt.incidentId}`} className="link-button">
            {words.alert.openIncident}
          </Link>
        ) : null}
        <Link to="/notifications" search={{ receiver: attempt.receiver }} className="link-button">
          {words.ledger.allOfReceiver}
        </Link>
      </div>
    </div>
  )
}

function Earlier(props: { attempts: readonly NotificationView[] }) {
  const words = useWords()
  if (props.attempts.length === 0) return null
  return (
    <div className="stack">
      <h3 className="field-label">{words.ledger.earlier}</h3>
      <ol className="plain-list lines" reversed start={props.attempts[0]!.attempt}>
        {props.attempts.map((one) => (
          <li key={one.id} className="earlier">
            <Moment timeMs={one.timeMs} isNear /> <span className="mid">{one.answer}</span>
          </li>
        ))}
      </ol>
    </div>
  )
}

/** Lines `name=value` of all alerts; a name with several values has them all. */
function readLabels(text: string): Record<string, string> {
  const values = new Map<string, Set<string>>()
  for (const line of text.split('\n')) {
    const at = line.indexOf('=')
    if (at < 1) continue
    const name = line.slice(0, at)
    const held = values.get(name) ?? new Set()
    values.set(name, held.add(line.slice(at + 1)))
  }
  return Object.fromEntries([...values].map(([name, all]) => [name, [...all].join(', ')]))
}
