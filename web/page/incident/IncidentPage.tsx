/** One incident: what happened, why, who does what. Its sentence first; evidence one click away. */

import { Allowed } from '../Allowed.tsx'
import { useEffect, useState } from 'react'
import type { AlertView, IncidentView, NotificationView } from '../../../src/api/api.ts'
import type { Incident } from '../../../src/model/incident.ts'
import { currentTimeMs, useNowTimeMs } from '../../data/clock.ts'
import { useIncident, useIncidentActs } from '../../data/queries.ts'
import { offeredSpans, parseSpan } from '../../data/range.ts'
import { Button } from '../../kit/Button.tsx'
import { Card, Columns, PageHead } from '../../kit/Card.tsx'
import { CopyButton } from '../../kit/Copy.tsx'
import { ActFault, Empty, Shown } from '../../kit/Feedback.tsx'
import { TextArea, TextField } from '../../kit/Field.tsx'
import { Age, Moment, useFormat } from '../../kit/format.tsx'
import { DoneIcon, EditIcon } from '../../kit/icons.ts'
import { Labels } from '../../kit/Labels.tsx'
import { Markdown } from '../../kit/Markdown.tsx'
import { ConfirmButton } from '../../kit/Overlay.tsx'
import { StateBadge } from '../../kit/State.tsx'
import { type Column, Table } from '../../kit/Table.tsx'
import { Link, useAddress } from '../../route/router.tsx'
import { useRange } from '../../shell/RangePicker.tsx'
import { useWords } from '../../word/word.tsx'
import { AlertBadge, stateOf } from '../AlertBadge.tsx'
import { Decisions } from '../Decisions.tsx'
import { DeliveryLines } from '../DeliveryLines.tsx'
import { IncidentBadge } from '../IncidentBits.tsx'
import { usePageTitle } from '../page-title.ts'
import { StoryChart } from '../StoryChart.tsx'
import { CauseCard } from './CauseCard.tsx'
import { Timeline } from './Timeline.tsx'

/** The page. */
export default function IncidentPage() {
  const words = useWords()
  const { params } = useAddress()
  const reading = useIncident(params['id'] ?? '')
  const number = reading.data?.incident.number
  usePageTitle(
    number === undefined ? words.incident.incident : `#${number} ${reading.data?.incident.title}`,
  )
  return (
    <Shown reading={reading} what={words.incident.failed} rowCount={10}>
      {(view) => <IncidentStory view={view} />}
    </Shown>
  )
}

function IncidentStory(props: { view: IncidentView }) {
  const { view } = props
  const { incident } = view
  const words = useWords()
  const { range, setRange } = useRange()
  const nowTimeMs = useNowTimeMs()
  useOwnRange(incident)
  const marks = {
    deliveries: view.deployments.map((one) => ({
      timeMs: one.startTimeMs,
      label: `${one.service} ${one.version}`,
    })),
    spans: [
      {
        fromTimeMs: incident.onsetTimeMs ?? incident.openedTimeMs,
        toTimeMs: incident.resolvedTimeMs ?? nowTimeMs,
      },
    ],
  }
  return (
    <>
      <IncidentHead incident={incident} />
      <Columns
        side={
          <>
            <CauseCard causes={incident.causes} view={view} />
            <Card title={words.incident.timeline} count={view.timeline.length}>
              <Timeline entries={view.timeline} deployments={view.deployments} />
              <Allowed to="respond">
                <Comment id={incident.id} />
              </Allowed>
            </Card>
            {view.decisions.length > 0 ? (
              <Card title={words.delivery.decisions} count={view.decisions.length}>
                <Decisions decisions={view.decisions} />
              </Card>
            ) : null}
            {view.deployments.length > 0 ? (
              <Card title={words.place.deliveries} isFlush>
                <DeliveryLines deployments={view.deployments} />
              </Card>
            ) : null}
          </>
        }
      >
        {view.charts.map((chart) => (
          <StoryChart
            key={chart.title + chart.query}
            chart={chart}
            range={range}
            marks={marks}
            onZoom={setRange}
          />
        ))}
        <Alerts alerts={view.alerts} />
        <PostMortem incident={incident} />
        <Notifications notifications={view.notifications} id={incident.id} />
      </Columns>
    </>
  )
}

/** Without a range in the address the incident brings its own: from well before it to its end or now. */
function useOwnRange(incident: Incident): void {
  const address = useAddress()
  const hasOwn = address.search['from'] !== undefined
  const { onsetTimeMs, openedTimeMs, resolvedTimeMs } = incident
  useEffect(() => {
    if (hasOwn) return
    const begin = Math.min(onsetTimeMs ?? openedTimeMs, openedTimeMs)
    if (resolvedTimeMs === undefined) {
      const needMs = (currentTimeMs() - begin) * 1.3 + 120_000
      const span = offeredSpans.find((one) => (parseSpan(one) ?? 0) >= needMs)
      address.set({ from: span ?? '14d' })
    } else {
      const roomMs = Math.max(120_000, (resolvedTimeMs - begin) * 0.75)
      const to = Math.min(currentTimeMs(), resolvedTimeMs + roomMs)
      address.set({ from: String(Math.round(begin - roomMs)), to: String(Math.round(to)) })
    }
  }, [hasOwn, onsetTimeMs, openedTimeMs, resolvedTimeMs, address.set])
}

function IncidentHead(props: { incident: Incident }) {
  const { incident } = props
  const words = useWords()
  const format = useFormat()
  const nowTimeMs = useNowTimeMs()
  const acts = useIncidentActs(incident.id)
  const isOver = incident.state === 'resolved'
  const lasted = format.span((incident.resolvedTimeMs ?? nowTimeMs) - incident.openedTimeMs)
  const { acknowledge } = acts
  return (
    <PageHead
      trail={
        <>
          <Link to="/incidents">{words.place.incidents}</Link>
          <span aria-hidden>/</span>
          <span>#{incident.number}</span>
        </>
      }
      verdict={incident.title}
      proof={
        <>
          <IncidentBadge incident={incident} />
          {isOver ? null : <StateBadge health={incident.health} />}
          {incident.service === '' ? null : (
            <span>
              {incident.service}
              {incident.environment === '' ? '' : ` · ${incident.environment}`}
            </span>
          )}
          <span>
            {isOver
              ? words.incident.lastedFor({ span: lasted })
              : words.incident.openFor({ span: lasted })}
          </span>
          <span className="quiet">
            {words.incident.openedAt} <Moment timeMs={incident.openedTimeMs} isNear />
          </span>
          <span className="quiet">
            {incident.acknowledgedBy === ''
              ? isOver
                ? ''
                : words.incident.unowned
              : words.incident.ownedBy({ name: incident.acknowledgedBy })}
          </span>
          <ActFault error={acknowledge.error} />
        </>
      }
      actions={
        <>
          <CopyButton text={location.origin + location.pathname} label={words.incident.copyLink} />
          {isOver ? null : (
            <Allowed to="respond">
              {incident.acknowledgedBy === '' ? (
                <Button
                  weight="main"
                  icon={<DoneIcon size={15} />}
                  isRunning={acknowledge.isRunning}
                  onClick={() => acknowledge.run(undefined)}
                >
                  {words.incident.acknowledge}
                </Button>
              ) : null}
              <ConfirmButton
                button={{ children: words.incident.resolve }}
                title={words.incident.resolveTitle({ number: incident.number })}
                text={words.incident.resolveText({ title: incident.title })}
                confirm={words.incident.resolve}
                reason={{ label: words.incident.resolveReason }}
                act={acts.resolve}
              />
            </Allowed>
          )}
        </>
      }
    />
  )
}

function Comment(props: { id: string }) {
  const words = useWords()
  const { comment } = useIncidentActs(props.id)
  const [text, setText] = useState('')
  const send = (): void => {
    if (text.trim() !== '' && !comment.isRunning)
      comment.run(text.trim(), { onDone: () => setText('') })
  }
  return (
    <div className="comment">
      <TextField
        label={words.incident.comment}
        isLabelHidden
        placeholder={words.incident.comment}
        value={text}
        onChange={setText}
        onEnter={send}
      />
      <Button onClick={send} isRunning={comment.isRunning} isDisabled={text.trim() === ''}>
        {words.incident.send}
      </Button>
      <ActFault error={comment.error} />
    </div>
  )
}

function Alerts(props: { alerts: readonly AlertView[] }) {
  const words = useWords()
  const address = useAddress()
  const columns: Column<AlertView>[] = [
    {
      key: 'state',
      head: words.alert.state,
      width: '120px',
      cell: (row) => <AlertBadge alert={row} />,
    },
    {
      key: 'name',
      head: words.alert.alert,
      cell: (row) => (
        <div>
          <span className="strong">{row.name}</span>
          <div className="mid">{row.annotations['summary'] ?? ''}</div>
        </div>
      ),
    },
    {
      key: 'labels',
      head: words.alert.labels,
      isMinor: true,
      cell: (row) => <Labels labels={row.labels} hide={['alertname', 'severity']} />,
    },
    {
      key: 'since',
      head: words.alert.since,
      align: 'end',
      width: '110px',
      cell: (row) => <Age timeMs={row.firedTimeMs ?? row.activeTimeMs} />,
    },
  ]
  return (
    <Card title={words.place.alerts} count={props.alerts.length} isFlush>
      {props.alerts.length === 0 ? (
        <Empty title={words.incident.noAlerts} />
      ) : (
        <Table
          label={words.place.alerts}
          columns={columns}
          rows={props.alerts}
          rowKey={(row) => row.fingerprint}
          onOpen={(row) =>
            address.go('/alerts', {
              alert: row.fingerprint,
              state: stateOf(row),
            })
          }
        />
      )}
    </Card>
  )
}

function Notifications(props: { notifications: readonly NotificationView[]; id: string }) {
  const words = useWords()
  const columns: Column<NotificationView>[] = [
    {
      key: 'outcome',
      head: words.ledger.outcome,
      width: '130px',
      cell: (row) => (
        <StateBadge
          health={
            row.outcome === 'delivered' ? 'ok' : row.outcome === 'failed' ? 'critical' : 'warning'
          }
          word={words.ledger.outcomes[row.outcome]}
        />
      ),
    },
    {
      key: 'receiver',
      head: words.ledger.receiver,
      cell: (row) => `${row.receiver} · ${row.channel}`,
    },
    {
      key: 'what',
      head: words.ledger.what,
      isMinor: true,
      cell: (row) =>
        words.ledger.told({ status: words.alert.states[row.status], count: row.alertCount }),
    },
    {
      key: 'time',
      head: words.ledger.time,
      align: 'end',
      cell: (row) => <Moment timeMs={row.timeMs} isNear />,
    },
  ]
  return (
    <Card
      title={words.incident.notifications}
      count={props.notifications.length}
      isFlush
      actions={
        <Link to="/notifications" search={{ incident: props.id }}>
          {words.now.all}
        </Link>
      }
    >
      {props.notifications.length === 0 ? (
        <Empty title={words.incident.nobodyTold}>{words.incident.nobodyToldHint}</Empty>
      ) : (
        <Table
          label={words.incident.notifications}
          columns={columns}
          rows={props.notifications.slice(0, 20)}
          rowKey={(row) => row.id}
        />
      )}
    </Card>
  )
}

function PostMortem(props: { incident: Incident }) {
  const { incident } = props
  const words = useWords()
  const { savePostMortem } = useIncidentActs(incident.id)
  const [draft, setDraft] = useState<string | undefined>()
  return (
    <Card
      title={words.incident.postMortem}
      actions={
        draft === undefined ? (
          <>
            {incident.postMortem === '' ? null : <CopyButton text={incident.postMortem} />}
            <Allowed to="respond">
              <Button
                size="small"
                weight="quiet"
                icon={<EditIcon size={14} />}
                onClick={() => setDraft(incident.postMortem)}
              >
                {incident.postMortem === '' ? words.incident.write : words.incident.edit}
              </Button>
            </Allowed>
          </>
        ) : undefined
      }
    >
      {draft === undefined ? (
        incident.postMortem === '' ? (
          <Empty title={words.incident.noPostMortem}>{words.incident.noPostMortemHint}</Empty>
        ) : (
          <Markdown text={incident.postMortem} />
        )
      ) : (
        <div className="stack">
          <TextArea
            label={words.incident.postMortem}
            isLabelHidden
            value={draft}
            onChange={setDraft}
            rowCount={22}
            isMono
          />
          <ActFault error={savePostMortem.error} />
          <div className="dialog-foot">
            <Button onClick={() => setDraft(undefined)}>{words.kit.cancel}</Button>
            <Button
              weight="main"
              isRunning={savePostMortem.isRunning}
              onClick={() => savePostMortem.run(draft, { onDone: () => setDraft(undefined) })}
            >
              {words.incident.save}
            </Button>
          </div>
        </div>
      )}
    </Card>
  )
}
