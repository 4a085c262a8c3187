/** Incidents: which troubles are open, which were there, what caused them. */

import type { IncidentSummary } from '../../../src/api/api.ts'
import { useNowTimeMs } from '../../data/clock.ts'
import { useIncidents } from '../../data/queries.ts'
import { Button } from '../../kit/Button.tsx'
import { Card, PageHead } from '../../kit/Card.tsx'
import { Empty, Shown } from '../../kit/Feedback.tsx'
import { Segments, TextField } from '../../kit/Field.tsx'
import { Age, useFormat } from '../../kit/format.tsx'
import { SearchIcon } from '../../kit/icons.ts'
import { type Column, Table } from '../../kit/Table.tsx'
import { Link, useAddress } from '../../route/router.tsx'
import { useWords } from '../../word/word.tsx'
import { CauseText, IncidentBadge } from '../IncidentBits.tsx'
import { usePageTitle } from '../page-title.ts'

type State = 'open' | 'resolved' | 'all'

/** The page. */
export default function IncidentsPage() {
  const words = useWords()
  usePageTitle(words.place.incidents)
  const address = useAddress()
  const wanted = address.search['state']
  const state: State = wanted === 'resolved' || wanted === 'all' ? wanted : 'open'
  const reading = useIncidents(state)
  const open = useIncidents('open')
  const filter = (address.search['filter'] ?? '').toLowerCase()
  const rows = (reading.data?.incidents ?? []).filter((one) =>
    `#${one.number} ${one.title} ${one.service} ${one.environment} ${one.cause?.title ?? ''}`
      .toLowerCase()
      .includes(filter),
  )
  const openNow = open.data?.incidents ?? []
  const needing = openNow.filter((one) => one.acknowledgedBy === '' && one.state === 'open')
  return (
    <>
      <PageHead
        health={open.data ? (openNow[0]?.health ?? 'ok') : undefined}
        healthWord={words.health[openNow[0]?.health ?? 'ok']}
        verdict={
          open.data
            ? words.incident.listVerdict({ open: openNow.length, needing: needing.length })
            : words.place.incidents
        }
      />
      <div className="filter-bar">
        <Segments
          label={words.incident.state}
          value={state}
          onChange={(next) => address.set({ state: next === 'open' ? undefined : next })}
          options={(['open', 'resolved', 'all'] as const).map((one) => ({
            value: one,
            label: words.incident.filters[one],
          }))}
        />
        <TextField
          label={words.incident.filter}
          isLabelHidden
          type="search"
          icon={<SearchIcon size={15} />}
          placeholder={words.incident.filter}
          value={address.search['filter'] ?? ''}
          onChange={(value) => address.set({ filter: value })}
        />
      </div>
      <Shown reading={reading} what={words.incident.listFailed} rowCount={6}>
        {() => (
          <Card isFlush label={words.place.incidents}>
            {rows.length === 0 ? (
              <NoIncidents state={state} filter={filter} />
            ) : (
              <List rows={rows} onOpen={(row) => address.go(`/incidents/${row.id}`)} />
            )}
          </Card>
        )}
      </Shown>
    </>
  )
}

function NoIncidents(props: { state: State; filter: string }) {
  const words = useWords()
  const address = useAddress()
  if (props.filter !== '') {
    return (
      <Empty
        title={words.incident.noMatch({ filter: props.filter })}
        action={
          <Button onClick={() => address.set({ filter: undefined })}>
            {words.kit.clearFilter}
          </Button>
        }
      />
    )
  }
  return (
    <Empty
      title={words.incident.none[props.state]}
      action={
        props.state === 'open' ? (
          <Button onClick={() => address.set({ state: 'resolved' })}>
            {words.incident.seeResolved}
          </Button>
        ) : undefined
      }
    >
      {words.incident.noneHint}
    </Empty>
  )
}

function List(props: { rows: readonly IncidentSummary[]; onOpen: (row: IncidentSummary) => void }) {
  const words = useWords()
  const format = useFormat()
  const nowTimeMs = useNowTimeMs()
  const columns: Column<IncidentSummary>[] = [
    {
      key: 'state',
      head: words.incident.state,
      width: '130px',
      cell: (row) => <IncidentBadge incident={row} />,
    },
    {
      key: 'title',
      head: words.incident.incident,
      isMain: true,
      sortBy: (row) => row.number,
      cell: (row) => (
        <span>
          <span className="quiet">#{row.number}</span>{' '}
          <Link to={`/incidents/${row.id}`} className="strong">
            {row.title}
          </Link>
        </span>
      ),
    },
    {
      key: 'service',
      head: words.incident.service,
      sortBy: (row) => row.service,
      cell: (row) => row.service,
    },
    {
      key: 'cause',
      head: words.incident.cause,
      isMinor: true,
      cell: (row) => <CauseText cause={row.cause} />,
    },
    {
      key: 'owner',
      head: words.incident.owner,
      isMinor: true,
      cell: (row) =>
        row.acknowledgedBy === '' ? <span className="quiet">–</span> : row.acknowledgedBy,
    },
    {
      key: 'opened',
      head: words.incident.opened,
      align: 'end',
      sortBy: (row) => -row.openedTimeMs,
      cell: (row) => <Age timeMs={row.openedTimeMs} />,
    },
    {
      key: 'lasted',
      head: words.incident.lasted,
      align: 'end',
      isMinor: true,
      sortBy: (row) => (row.resolvedTimeMs ?? nowTimeMs) - row.openedTimeMs,
      cell: (row) => (
        <span className="no-wrap">
          {format.span((row.resolvedTimeMs ?? nowTimeMs) - row.openedTimeMs)}
        </span>
      ),
    },
  ]
  return (
    <Table
      label={words.place.incidents}
      columns={columns}
      rows={props.rows}
      rowKey={(row) => row.id}
      onOpen={props.onOpen}
    />
  )
}
