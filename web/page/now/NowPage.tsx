/** Now: is anything wrong, and am I needed? The sentence first, then incidents, services, the machine. */

import type { NowView, ServiceView } from '../../../src/api/api.ts'
import { Sparkline } from '../../chart/Sparkline.tsx'
import '../../chart/chart.css'
import { useNowTimeMs } from '../../data/clock.ts'
import { type Lanes, useLanes } from '../../data/lanes.ts'
import { useOnCall } from '../../data/on-call.ts'
import { useDeployments, useNow, useRangeQueries } from '../../data/queries.ts'
import type { TimeRange } from '../../data/range.ts'
import { Card, Columns, Facts, PageHead } from '../../kit/Card.tsx'
import { CopyBlock } from '../../kit/Copy.tsx'
import { Empty, Fault, Shown } from '../../kit/Feedback.tsx'
import { Age, Moment, useFormat, Value } from '../../kit/format.tsx'
import { Lane } from '../../kit/Lane.tsx'
import { StateBadge } from '../../kit/State.tsx'
import { type Column, Table } from '../../kit/Table.tsx'
import { Link, useAddress } from '../../route/router.tsx'
import { useRange } from '../../shell/RangePicker.tsx'
import type { Unit } from '../../word/format.ts'
import { useWords } from '../../word/word.tsx'
import { IncidentLines } from '../IncidentBits.tsx'
import { usePageTitle } from '../page-title.ts'
import { DeliveryLines } from '../DeliveryLines.tsx'

/** The page. */
export default function NowPage() {
  const words = useWords()
  usePageTitle(words.place.now)
  const now = useNow()
  return (
    <Shown reading={now} what={words.now.failed} rowCount={8}>
      {(data) => <Now now={data} />}
    </Shown>
  )
}

function Now(props: { now: NowView }) {
  const { now } = props
  const words = useWords()
  const open = now.incidents.filter((incident) => incident.state !== 'resolved')
  return (
    <>
      <NowHead now={now} />
      {now.storeRefusal === undefined ? null : (
        <Fault what={words.now.storeRefuses} error={new Error(now.storeRefusal)} />
      )}
      <Columns
        side={
          <>
            <OnCallCard />
            <Deliveries now={now} />
            <SourceCard now={now} />
          </>
        }
      >
        {open.length > 0 ? (
          <Card title={words.now.incidents} count={open.length} isFlush>
            <IncidentLines incidents={open} />
          </Card>
        ) : null}
        <Services services={now.services} />
        <Host now={now} />
      </Columns>
    </>
  )
}

function NowHead(props: { now: NowView }) {
  const { now } = props
  const words = useWords()
  const format = useFormat()
  const nowTimeMs = useNowTimeMs()
  const open = now.incidents.filter((incident) => incident.state !== 'resolved')
  const needing = open.filter((one) => one.acknowledgedBy === '' && one.state === 'open').length
  const well = now.services.filter((service) => service.health === 'ok').length
  const { firing, pending, held } = now.alertCounts
  const isCalm = open.length === 0 && firing === 0
  const ago = (timeMs: number): string => format.span(Math.max(0, nowTimeMs - timeMs))
  return (
    <PageHead
      health={now.health}
      healthWord={words.health[now.health]}
      verdict={words.now.verdict({
        incidents: open.length,
        needing,
        firing,
        well,
        services: now.services.length,
        down: now.sources.down,
        up: now.sources.up,
      })}
      proof={
        <>
          {isCalm ? (
            <span>
              {now.lastAlertTimeMs === undefined
                ? words.now.neverAlert
                : words.now.noAlertFor({ span: ago(now.lastAlertTimeMs) })}
            </span>
          ) : (
            <Link to="/alerts">{words.now.alertCounts({ firing, pending, held })}</Link>
          )}
          <span className="quiet">
            {now.lastEvaluationTimeMs === undefined
              ? words.now.rulesWaiting({ count: now.ruleCount })
              : words.now.rulesChecked({
                  count: now.ruleCount,
                  span: ago(now.lastEvaluationTimeMs),
                })}
          </span>
        </>
      }
    />
  )
}

function Services(props: { services: readonly ServiceView[] }) {
  const words = useWords()
  const address = useAddress()
  const lanes = useLanes()
  const deployments = useDeployments({ limit: 100 }).data?.deployments
  const columns: Column<ServiceView>[] = [
    {
      key: 'name',
      head: words.now.service,
      width: '20%',
      sortBy: (row) => row.name,
      cell: (row) => <span className="strong">{row.name}</span>,
    },
    {
      key: 'state',
      head: words.now.state,
      width: '110px',
      sortBy: (row) => ['critical', 'warning', 'unknown', 'info', 'ok'].indexOf(row.health),
      cell: (row) => <StateBadge health={row.health} />,
    },
    {
      key: 'lane',
      head: words.now.lane,
      cell: (row) => (
        <ServiceLane
          service={row}
          lanes={lanes}
          marks={deployments
            ?.filter((one) => one.service === row.name && one.environment === row.environment)
            .map((one) => one.startTimeMs)}
        />
      ),
    },
    {
      key: 'version',
      head: words.now.version,
      width: '14%',
      cell: (row) => (
        <span className="no-wrap">
          {row.version === '' ? <span className="quiet">–</span> : row.version}
        </span>
      ),
    },
    {
      key: 'environment',
      head: words.now.environment,
      isMinor: true,
      sortBy: (row) => row.environment,
      cell: (row) => <span className="mid">{row.environment}</span>,
    },
    {
      key: 'deployed',
      head: words.now.deployed,
      align: 'end',
      isMinor: true,
      sortBy: (row) => -(row.lastDeploymentTimeMs ?? 0),
      cell: (row) => <Age timeMs={row.lastDeploymentTimeMs} />,
    },
    {
      key: 'alerts',
      head: words.now.alerts,
      align: 'end',
      sortBy: (row) => row.firingAlertCount,
      cell: (row) => row.firingAlertCount,
    },
  ]
  return (
    <Card title={words.now.services} count={props.services.length || undefined} isFlush>
      {props.services.length === 0 ? (
        <Empty title={words.now.noServices}>
          <div className="stack">
            <p>{words.now.noServicesHint}</p>
            <CopyBlock
              label={words.delivery.recordCommand}
              text="shipwatch deployment record --service checkout --version v1"
            />
          </div>
        </Empty>
      ) : (
        <Table
          label={words.now.services}
          columns={columns}
          rows={props.services}
          rowKey={(row) => `${row.name}/${row.environment}`}
          initialSort={{ key: 'state', isDescending: false }}
          onOpen={(row) => address.go('/deliveries', { service: row.name })}
        />
      )}
    </Card>
  )
}

function ServiceLane(props: {
  service: ServiceView
  lanes: Lanes | undefined
  marks: readonly number[] | undefined
}) {
  const words = useWords()
  const format = useFormat()
  const { lanes, service } = props
  if (!lanes) return <span className="lane-cell" />
  const pieces = lanes.of(service.name, service.environment)
  const troubleMs = pieces
    .filter((piece) => piece.health === 'critical' || piece.health === 'warning')
    .reduce((sum, piece) => sum + piece.toTimeMs - piece.fromTimeMs, 0)
  return (
    <span className="lane-cell">
      <Lane
        pieces={pieces}
        fromTimeMs={lanes.fromTimeMs}
        toTimeMs={lanes.toTimeMs}
        marks={props.marks ?? []}
        label={
          troubleMs === 0
            ? words.now.laneCalm({ name: service.name })
            : words.now.laneTrouble({ name: service.name, span: format.span(troubleMs) })
        }
      />
    </span>
  )
}

interface HostFigure {
  key: 'cpu' | 'memory' | 'disk' | 'load'
  unit: Unit
  value: number | undefined
  query: string
  max: number | undefined
}

function hostFigures(now: NowView): HostFigure[] {
  const { host } = now
  if (!host) return []
  const on = `job="node",instance=${JSON.stringify(host.name)}`
  return [
    {
      key: 'cpu',
      unit: 'ratio',
      value: host.cpuRatio,
      query: `1 - avg(rate(node_cpu_seconds_total{${on},mode="idle"}[1m]))`,
      max: 1,
    },
    {
      key: 'memory',
      unit: 'ratio',
      value: host.memoryRatio,
      query: `1 - node_memory_MemAvailable_bytes{${on}} / node_memory_MemTotal_bytes{${on}}`,
      max: 1,
    },
    {
      key: 'disk',
      unit: 'ratio',
      value: host.diskRatio,
      query: `1 - node_filesystem_avail_bytes{${on},mountpoint="/"} / node_filesystem_size_bytes{${on},mountpoint="/"}`,
      max: 1,
    },
    { key: 'load', unit: 'count', value: host.load1, query: `node_load1{${on}}`, max: undefined },
  ]
}

function Host(props: { now: NowView }) {
  const { host } = props.now
  const words = useWords()
  const { range } = useRange()
  const figures = hostFigures(props.now)
  const readings = useRangeQueries(
    figures.map((figure) => figure.query),
    range,
  )
  return (
    <Card
      title={host ? words.now.host({ name: host.name }) : words.now.hostTitle}
      actions={
        host ? (
          <span className="quiet">{words.now.cpuCount({ count: host.cpuCount })}</span>
        ) : undefined
      }
    >
      {host ? (
        <div className="figure-row">
          {figures.map((figure, index) => (
            <Figure
              key={figure.key}
              figure={figure}
              values={readings[index]?.data?.series[0]?.values}
              range={range}
            />
          ))}
        </div>
      ) : (
        <Empty title={words.now.noHost}>{words.now.noHostHint}</Empty>
      )}
    </Card>
  )
}

function Figure(props: {
  figure: HostFigure
  values: readonly (number | null)[] | undefined
  range: TimeRange
}) {
  const { figure, values } = props
  const words = useWords()
  const name = words.now.figures[figure.key]
  return (
    <div>
      <div className="figure-label">
        <Link to="/metrics" search={{ q: figure.query }} title={words.now.openQuery}>
          {name}
        </Link>
      </div>
      <p className="figure-value">
        <Value value={figure.value} unit={figure.unit} />
      </p>
      <Sparkline values={values ?? []} max={figure.max} label={words.now.sparkline({ name })} />
    </div>
  )
}

/** Who is on call and until when; nothing where no schedule is set up. */
function OnCallCard() {
  const words = useWords()
  const schedules = useOnCall().data?.schedules ?? []
  if (schedules.length === 0) return null
  return (
    <Card title={words.place.onCall} isFlush actions={<Link to="/on-call">{words.now.all}</Link>}>
      <ul className="lines">
        {schedules.map(({ name, current }) => (
          <li key={name} className="line-item">
            <span className="grow">
              {current === undefined ? (
                <StateBadge health="warning" word={words.onCall.nobody} />
              ) : (
                <span className="strong">{words.onCall.people({ names: current.people })}</span>
              )}
              <span className="line-text">{name}</span>
            </span>
            {current === undefined ? null : (
              <span className="quiet">
                {words.onCall.until} <Moment timeMs={current.endTimeMs} isNear isShort />
              </span>
            )}
          </li>
        ))}
      </ul>
    </Card>
  )
}

function Deliveries(props: { now: NowView }) {
  const words = useWords()
  const { deployments } = props.now
  return (
    <Card
      title={words.now.deliveries}
      isFlush
      actions={<Link to="/deliveries">{words.now.all}</Link>}
    >
      {deployments.length === 0 ? (
        <Empty title={words.delivery.none}>{words.delivery.noneHint}</Empty>
      ) : (
        <DeliveryLines deployments={deployments.slice(0, 8)} />
      )}
    </Card>
  )
}

function SourceCard(props: { now: NowView }) {
  const words = useWords()
  const { up, down, unknown } = props.now.sources
  return (
    <Card title={words.place.sources} actions={<Link to="/sources">{words.now.all}</Link>}>
      {up + down + unknown === 0 ? (
        <Empty title={words.sources.none}>{words.sources.noneHint}</Empty>
      ) : (
        <Facts
          items={[
            [<StateBadge key="up" health="ok" word={words.sources.up} />, up],
            ...(down > 0
              ? [
                  [<StateBadge key="down" health="critical" word={words.sources.down} />, down] as [
                    React.ReactNode,
                    React.ReactNode,
                  ],
                ]
              : []),
            ...(unknown > 0
              ? [
                  [
                    <StateBadge key="unknown" health="unknown" word={words.sources.waiting} />,
                    unknown,
                  ] as [React.ReactNode, React.ReactNode],
                ]
              : []),
          ]}
        />
      )}
    </Card>
  )
}
