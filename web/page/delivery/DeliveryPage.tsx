/** One delivery: is the release good? Its checks before and after, what was decided, and why. */

import { Allowed } from '../Allowed.tsx'
import { useEffect } from 'react'
import type { DeploymentCheck, DeploymentView } from '../../../src/api/api.ts'
import type { Deployment } from '../../../src/model/deployment.ts'
import { currentTimeMs } from '../../data/clock.ts'
import { useDeployment, useDeploymentActs } from '../../data/queries.ts'
import { offeredSpans, parseSpan } from '../../data/range.ts'
import { Card, Columns, Facts, PageHead } from '../../kit/Card.tsx'
import { Empty, Shown } from '../../kit/Feedback.tsx'
import { Age, Moment, Value } from '../../kit/format.tsx'
import { HoldIcon, RollBackIcon } from '../../kit/icons.ts'
import { ConfirmButton } from '../../kit/Overlay.tsx'
import { StateBadge } from '../../kit/State.tsx'
import { type Column, Table } from '../../kit/Table.tsx'
import { isSafeAddress } from '../../kit/markdown.ts'
import { Link, useAddress } from '../../route/router.tsx'
import { useRange } from '../../shell/RangePicker.tsx'
import { useWords } from '../../word/word.tsx'
import { Decisions } from '../Decisions.tsx'
import { deliveryHealth } from '../delivery-health.ts'
import { IncidentLines } from '../IncidentBits.tsx'
import { usePageTitle } from '../page-title.ts'
import { signalName } from '../signal-name.ts'
import { StoryChart } from '../StoryChart.tsx'
import { VersionStep } from '../VersionStep.tsx'

/** The page. */
export default function DeliveryPage() {
  const words = useWords()
  const { params } = useAddress()
  const reading = useDeployment(params['id'] ?? '')
  const one = reading.data?.deployment
  usePageTitle(one ? `${one.service} ${one.version}` : words.place.deliveries)
  return (
    <Shown reading={reading} what={words.delivery.failed} rowCount={8}>
      {(view) => <Delivery view={view} />}
    </Shown>
  )
}

function Delivery(props: { view: DeploymentView }) {
  const { view } = props
  const { deployment } = view
  const words = useWords()
  const { range, setRange } = useRange()
  useOwnRange(deployment)
  const marks = {
    deliveries: [
      { timeMs: deployment.startTimeMs, label: `${deployment.service} ${deployment.version}` },
    ],
    spans: view.incidents.map((one) => ({
      fromTimeMs: one.openedTimeMs,
      toTimeMs: one.resolvedTimeMs ?? currentTimeMs(),
    })),
  }
  return (
    <>
      <DeliveryHead view={view} />
      <Columns
        side={
          <>
            <Card title={words.delivery.decisions} count={view.decisions.length}>
              {view.decisions.length === 0 ? (
                <Empty title={words.delivery.noDecisions}>{words.delivery.noDecisionsHint}</Empty>
              ) : (
                <Decisions decisions={view.decisions} />
              )}
            </Card>
            <About view={view} />
          </>
        }
      >
        <Card title={words.delivery.checks} count={view.checks.length || undefined} isFlush>
          {view.checks.length === 0 ? (
            <Empty title={words.delivery.noChecks}>{words.delivery.noChecksHint}</Empty>
          ) : (
            <Checks checks={view.checks} />
          )}
        </Card>
        {view.incidents.length > 0 ? (
          <Card title={words.place.incidents} count={view.incidents.length} isFlush>
            <IncidentLines incidents={view.incidents} />
          </Card>
        ) : null}
        {view.charts.map((chart) => (
          <StoryChart
            key={chart.title + chart.query}
            chart={chart}
            range={range}
            marks={marks}
            onZoom={setRange}
          />
        ))}
      </Columns>
    </>
  )
}

/** Without a range in the address the delivery brings its own: half an hour around its start, or until now. */
function useOwnRange(deployment: Deployment): void {
  const address = useAddress()
  const hasOwn = address.search['from'] !== undefined
  const { startTimeMs } = deployment
  useEffect(() => {
    if (hasOwn) return
    const ageMs = currentTimeMs() - startTimeMs
    if (ageMs < 3 * 3_600_000) {
      const span = offeredSpans.find((one) => (parseSpan(one) ?? 0) >= ageMs * 1.5 + 300_000)
      address.set({ from: span ?? '6h' })
    } else {
      address.set({ from: String(startTimeMs - 1_800_000), to: String(startTimeMs + 3_600_000) })
    }
  }, [hasOwn, startTimeMs, address.set])
}

function DeliveryHead(props: { view: DeploymentView }) {
  const { view } = props
  const { deployment } = view
  const words = useWords()
  const acts = useDeploymentActs(deployment.id)
  const failing = view.checks.filter(
    (check) => check.health === 'critical' || check.health === 'warning',
  ).length
  const health = deliveryHealth[deployment.state]
  const { service, version, previousVersion, environment } = deployment
  const canRollBack =
    previousVersion !== '' && !['rolled-back', 'rolling-back'].includes(deployment.state)
  const isHeld = view.decisions.some(
    (one) => one.reason === 'touched-by-person' || one.question === 'hold',
  )
  return (
    <PageHead
      health={health}
      healthWord={words.delivery.states[deployment.state]}
      trail={
        <>
          <Link to="/deliveries">{words.place.deliveries}</Link>
          <span aria-hidden>/</span>
          <span>{service}</span>
        </>
      }
      verdict={words.delivery.verdict({
        service,
        version,
        state: deployment.state,
        failing,
        checks: view.checks.length,
      })}
      proof={
        <>
          <StateBadge health={health} word={words.delivery.states[deployment.state]} />
          <VersionStep deployment={deployment} />
          <span>{environment}</span>
          <span className="quiet">
            <Age timeMs={deployment.startTimeMs} />
          </span>
        </>
      }
      actions={
        <Allowed to="administer">
          {isHeld || deployment.rollbackOf ? null : (
            <ConfirmButton
              button={{ children: words.delivery.hold, icon: <HoldIcon size={15} stroke={1.6} /> }}
              title={words.delivery.holdTitle({ service, version })}
              text={words.delivery.holdText({ service, version })}
              confirm={words.delivery.hold}
              reason={{ label: words.delivery.reason }}
              act={acts.hold}
            />
          )}
          {canRollBack ? (
            <ConfirmButton
              button={{
                children: words.delivery.rollBack,
                weight: 'danger',
                icon: <RollBackIcon size={15} stroke={1.6} />,
              }}
              title={words.delivery.rollBackTitle({ service, version, previousVersion })}
              text={words.delivery.rollBackText({
                service,
                environment,
                previousVersion,
                kind: view.rollback.kind,
              })}
              confirm={words.delivery.rollBackConfirm({ previousVersion })}
              reason={{ label: words.delivery.reason, isNeeded: true }}
              act={acts.rollBack}
            />
          ) : null}
        </Allowed>
      }
    />
  )
}

function Checks(props: { checks: readonly DeploymentCheck[] }) {
  const words = useWords()
  const columns: Column<DeploymentCheck>[] = [
    {
      key: 'state',
      head: words.delivery.state,
      width: '120px',
      cell: (row) => <StateBadge health={row.health} />,
    },
    {
      key: 'name',
      head: words.delivery.signal,
      cell: (row) => (
        <div>
          <Link
            to="/metrics"
            search={{ q: row.query }}
            className="strong"
            title={words.chart.openQuery}
          >
            {signalName(row.name, words)}
          </Link>
          <div className="mid">{row.message}</div>
        </div>
      ),
    },
    {
      key: 'before',
      head: words.delivery.before,
      align: 'end',
      width: '100px',
      cell: (row) => <Value value={row.before} unit={row.unit} />,
    },
    {
      key: 'after',
      head: words.delivery.after,
      align: 'end',
      width: '100px',
      cell: (row) => (
        <span className="strong">
          <Value value={row.after} unit={row.unit} />
        </span>
      ),
    },
    {
      key: 'limit',
      head: words.delivery.limit,
      align: 'end',
      width: '100px',
      cell: (row) => <Value value={row.limit} unit={row.unit} />,
    },
  ]
  return (
    <Table
      label={words.delivery.checks}
      columns={columns}
      rows={props.checks}
      rowKey={(row) => row.name + row.query}
    />
  )
}

function About(props: { view: DeploymentView }) {
  const { deployment, rollback } = props.view
  const words = useWords()
  const items: [React.ReactNode, React.ReactNode][] = [
    [words.delivery.service, deployment.service],
    [words.delivery.version, <VersionStep key="v" deployment={deployment} />],
    [words.delivery.environment, deployment.environment],
    [words.delivery.started, <Moment key="s" timeMs={deployment.startTimeMs} />],
    [words.delivery.ended, <Moment key="e" timeMs={deployment.endTimeMs} />],
    [words.delivery.actor, deployment.actor === '' ? '–' : deployment.actor],
  ]
  if (deployment.note !== '') items.push([words.delivery.note, deployment.note])
  if (deployment.url !== '') {
    items.push([
      words.delivery.link,
      isSafeAddress(deployment.url) ? (
        <a key="u" href={deployment.url} target="_blank" rel="noreferrer noopener">
          {deployment.url}
        </a>
      ) : (
        deployment.url
      ),
    ])
  }
  if (deployment.rollbackOf) {
    items.push([
      words.delivery.takesBack,
      <Link key="r" to={`/deliveries/${deployment.rollbackOf}`}>
        {words.delivery.openDelivery}
      </Link>,
    ])
  }
  items.push([
    words.delivery.automatic,
    rollback.isAllowed
      ? words.delivery.allowed({ kind: rollback.kind })
      : (words.delivery.refusals[rollback.reason] ?? words.delivery.refusals['not-allowed']),
  ])
  return (
    <Card title={words.delivery.about}>
      <Facts items={items} />
    </Card>
  )
}
