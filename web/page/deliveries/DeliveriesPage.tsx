/** Deliveries: what was released where, and was it good? */

import type { Deployment } from '../../../src/model/deployment.ts'
import { useDeployments } from '../../data/queries.ts'
import { Button } from '../../kit/Button.tsx'
import { Card, PageHead } from '../../kit/Card.tsx'
import { CopyBlock } from '../../kit/Copy.tsx'
import { Empty, Shown } from '../../kit/Feedback.tsx'
import { TextField } from '../../kit/Field.tsx'
import { Age } from '../../kit/format.tsx'
import { SearchIcon } from '../../kit/icons.ts'
import { StateBadge, Tag } from '../../kit/State.tsx'
import { type Column, Table } from '../../kit/Table.tsx'
import { Link, useAddress } from '../../route/router.tsx'
import { useWords } from '../../word/word.tsx'
import { deliveryHealth } from '../delivery-health.ts'
import { usePageTitle } from '../page-title.ts'
import { VersionStep } from '../VersionStep.tsx'

/** The page. */
export default function DeliveriesPage() {
  const words = useWords()
  usePageTitle(words.place.deliveries)
  const address = useAddress()
  const service = address.search['service']
  const reading = useDeployments({ service, limit: 200 })
  const all = reading.data?.deployments ?? []
  const filter = (address.search['filter'] ?? '').toLowerCase()
  const rows = all.filter((one) =>
    `${one.service} ${one.version} ${one.environment} ${one.actor} ${one.note}`
      .toLowerCase()
      .includes(filter),
  )
  const inTrouble = all.filter((one) =>
    ['suspect', 'rolling-back', 'rollback-failed'].includes(one.state),
  ).length
  const watched = all.filter((one) => one.state === 'watching').length
  return (
    <>
      <PageHead
        health={
          reading.data ? (inTrouble > 0 ? 'warning' : watched > 0 ? 'info' : 'ok') : undefined
        }
        verdict={
          reading.data
            ? words.delivery.listVerdict({ count: all.length, inTrouble, watched })
            : words.place.deliveries
        }
      />
      <div className="filter-bar">
        <TextField
          label={words.delivery.filter}
          isLabelHidden
          type="search"
          icon={<SearchIcon size={15} />}
          placeholder={words.delivery.filter}
          value={address.search['filter'] ?? ''}
          onChange={(value) => address.set({ filter: value })}
        />
        {service ? (
          <Button onClick={() => address.set({ service: undefined })}>
            {words.delivery.onlyService({ service })}
          </Button>
        ) : null}
      </div>
      <Shown reading={reading} what={words.delivery.listFailed} rowCount={6}>
        {() => (
          <Card isFlush label={words.place.deliveries}>
            {rows.length > 0 ? (
              <List rows={rows} onOpen={(row) => address.go(`/deliveries/${row.id}`)} />
            ) : filter !== '' || service ? (
              <Empty
                title={words.delivery.noMatch}
                action={
                  <Button onClick={() => address.set({ filter: undefined, service: undefined })}>
                    {words.kit.clearFilter}
                  </Button>
                }
              />
            ) : (
              <NoDeliveries />
            )}
          </Card>
        )}
      </Shown>
    </>
  )
}

function NoDeliveries() {
  const words = useWords()
  return (
    <Empty title={words.delivery.none}>
      <div className="stack">
        <p>{words.delivery.noneHint}</p>
        <CopyBlock
          label={words.delivery.recordCommand}
          text="shipwatch deployment record --service checkout --version v2"
        />
        <p>{words.delivery.orByHttp}</p>
        <CopyBlock label={words.delivery.recordCommand} text={recordByCurl(location.origin)} />
      </div>
    </Empty>
  )
}

/** The call that a pipeline makes. */
export function recordByCurl(origin: string): string {
  return [
    `curl -X POST ${origin}/api/shipwatch/v1/deployments \\`,
    `  -H "Authorization: Bearer $SHIPWATCH_TOKEN" -H 'Content-Type: application/json' \\`,
    `  -d '{"service":"checkout","version":"v2","environment":"production","url":"https://ci.example/run/1"}'`,
  ].join('\n')
}

function List(props: { rows: readonly Deployment[]; onOpen: (row: Deployment) => void }) {
  const words = useWords()
  const columns: Column<Deployment>[] = [
    {
      key: 'state',
      head: words.delivery.state,
      width: '150px',
      sortBy: (row) => row.state,
      cell: (row) => (
        <StateBadge health={deliveryHealth[row.state]} word={words.delivery.states[row.state]} />
      ),
    },
    {
      key: 'service',
      head: words.delivery.service,
      sortBy: (row) => row.service,
      cell: (row) => (
        <Link to={`/deliveries/${row.id}`} className="strong">
          {row.service}
        </Link>
      ),
    },
    {
      key: 'version',
      head: words.delivery.version,
      isMain: true,
      cell: (row) => <VersionStep deployment={row} />,
    },
    {
      key: 'environment',
      head: words.delivery.environment,
      sortBy: (row) => row.environment,
      isMinor: true,
      cell: (row) => <span className="mid">{row.environment}</span>,
    },
    {
      key: 'note',
      head: words.delivery.note,
      isMinor: true,
      cell: (row) => (
        <span className="line-wrap">
          {row.rollbackOf ? <Tag>{words.delivery.isRollback}</Tag> : null}
          <span className="mid">{row.note}</span>
        </span>
      ),
    },
    { key: 'actor', head: words.delivery.actor, isMinor: true, cell: (row) => row.actor },
    {
      key: 'time',
      head: words.delivery.started,
      align: 'end',
      sortBy: (row) => -row.startTimeMs,
      cell: (row) => <Age timeMs={row.startTimeMs} />,
    },
  ]
  return (
    <Table
      label={words.place.deliveries}
      columns={columns}
      rows={props.rows}
      rowKey={(row) => row.id}
      onOpen={props.onOpen}
    />
  )
}
