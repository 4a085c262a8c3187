/** The ledger: every attempt to tell somebody, and what the other side answered. */

import type { NotificationView } from '../../../src/api/api.ts'
import { useNotifications } from '../../data/queries.ts'
import { Button } from '../../kit/Button.tsx'
import { Card, PageHead } from '../../kit/Card.tsx'
import { CopyBlock } from '../../kit/Copy.tsx'
import { Empty, Shown } from '../../kit/Feedback.tsx'
import { TextField } from '../../kit/Field.tsx'
import { Moment, Value } from '../../kit/format.tsx'
import { SearchIcon } from '../../kit/icons.ts'
import { StateBadge } from '../../kit/State.tsx'
import { type Column, Table } from '../../kit/Table.tsx'
import { Link, useAddress } from '../../route/router.tsx'
import { useWords } from '../../word/word.tsx'
import { usePageTitle } from '../page-title.ts'

const outcomeHealth = {
  delivered: 'ok',
  retrying: 'warning',
  failed: 'critical',
  held: 'info',
} as const

/** The page. */
export default function NotificationsPage() {
  const words = useWords()
  usePageTitle(words.place.notifications)
  const address = useAddress()
  const reading = useNotifications(500)
  const all = reading.data?.notifications ?? []
  const { incident } = address.search
  const filter = (address.search['filter'] ?? '').toLowerCase()
  const rows = all
    .filter((one) => !incident || one.incidentId === incident)
    .filter((one) =>
      `${one.receiver} ${one.channel} ${one.reason} ${one.groupKey} ${one.answer} ${one.outcome}`
        .toLowerCase()
        .includes(filter),
    )
  const failed = rows.filter((one) => one.outcome === 'failed').length
  const delivered = rows.filter((one) => one.outcome === 'delivered').length
  return (
    <>
      <PageHead
        health={reading.data && rows.length > 0 ? (failed > 0 ? 'critical' : 'ok') : undefined}
        verdict={
          reading.data
            ? words.ledger.verdict({ count: rows.length, delivered, failed })
            : words.place.notifications
        }
      />
      <div className="filter-bar">
        <TextField
          label={words.ledger.filter}
          isLabelHidden
          type="search"
          icon={<SearchIcon size={15} />}
          placeholder={words.ledger.filter}
          value={address.search['filter'] ?? ''}
          onChange={(value) => address.set({ filter: value })}
        />
        {incident ? (
          <Button onClick={() => address.set({ incident: undefined })}>
            {words.ledger.oneIncident}
          </Button>
        ) : null}
      </div>
      <Shown reading={reading} what={words.ledger.failed} rowCount={8}>
        {() => (
          <Card isFlush label={words.place.notifications}>
            {rows.length > 0 ? (
              <Ledger rows={rows} />
            ) : all.length > 0 ? (
              <Empty
                title={words.ledger.noMatch}
                action={
                  <Button onClick={() => address.set({ filter: undefined, incident: undefined })}>
                    {words.kit.clearFilter}
                  </Button>
                }
              />
            ) : (
              <Empty title={words.ledger.none}>
                <div className="stack">
                  <p>{words.ledger.noneHint}</p>
                  <CopyBlock
                    label={words.place.notifications}
                    text={
                      'route:\n  receiver: team\nreceivers:\n  - name: team\n    webhook_configs:\n      - url: https://example.org/hook'
                    }
                  />
                </div>
              </Empty>
            )}
          </Card>
        )}
      </Shown>
    </>
  )
}

function Ledger(props: { rows: readonly NotificationView[] }) {
  const words = useWords()
  const columns: Column<NotificationView>[] = [
    {
      key: 'outcome',
      head: words.ledger.outcome,
      width: '130px',
      sortBy: (row) => row.outcome,
      cell: (row) => (
        <StateBadge health={outcomeHealth[row.outcome]} word={words.ledger.outcomes[row.outcome]} />
      ),
    },
    {
      key: 'receiver',
      head: words.ledger.receiver,
      sortBy: (row) => row.receiver,
      cell: (row) => (
        <span>
          <span className="strong">{row.receiver}</span>{' '}
          <span className="quiet">{row.channel}</span>
        </span>
      ),
    },
    {
      key: 'what',
      head: words.ledger.what,
      cell: (row) => (
        <div>
          {words.ledger.told({ status: words.alert.states[row.status], count: row.alertCount })}
          <div className="quiet">{row.reason}</div>
        </div>
      ),
    },
    {
      key: 'answer',
      head: words.ledger.answer,
      isMinor: true,
      width: '30%',
      cell: (row) => (
        <span className={row.outcome === 'delivered' ? 'mid' : 'field-fault'}>{row.answer}</span>
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
      cell: (row) => <Value value={row.latencyMs / 1000} unit="seconds" />,
    },
    {
      key: 'incident',
      head: words.ledger.incident,
      align: 'end',
      cell: (row) =>
        row.incidentId ? (
          <Link to={`/incidents/${row.incidentId}`}>{words.ledger.open}</Link>
        ) : (
          <span className="quiet">–</span>
        ),
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
      label={words.place.notifications}
      columns={columns}
      rows={props.rows}
      rowKey={(row) => row.id}
    />
  )
}
