/** Who can be told: channels, how the last attempt went, who is told instead, and a test of it all. */

import { Allowed } from '../Allowed.tsx'
import type { ReceiverView } from '../../../src/api/api.ts'
import { useReceivers, useTestReceiver } from '../../data/routing.ts'
import { Card } from '../../kit/Card.tsx'
import { Empty, Shown } from '../../kit/Feedback.tsx'
import { Age, useFormat } from '../../kit/format.tsx'
import { ConfirmButton } from '../../kit/Overlay.tsx'
import { Tag } from '../../kit/State.tsx'
import { type Column, Table } from '../../kit/Table.tsx'
import { Link } from '../../route/router.tsx'
import { useWords } from '../../word/word.tsx'
import { DeliveryWord } from './DeadLetters.tsx'

/** The list. */
export function Receivers() {
  const words = useWords()
  const reading = useReceivers()
  return (
    <Shown reading={reading} what={words.ledger.receiversFailed} rowCount={6}>
      {({ receivers }) => (
        <Card isFlush={receivers.length > 0} label={words.ledger.views.receivers}>
          {receivers.length === 0 ? (
            <Empty title={words.ledger.receiversNone}>{words.routes.noneHint}</Empty>
          ) : (
            <ReceiverTable receivers={receivers} />
          )}
        </Card>
      )}
    </Shown>
  )
}

function ReceiverTable(props: { receivers: readonly ReceiverView[] }) {
  const words = useWords()
  const format = useFormat()
  const columns: Column<ReceiverView>[] = [
    {
      key: 'name',
      head: words.ledger.receiver,
      isMain: true,
      sortBy: (row) => row.name,
      cell: (row) => (
        <Link to="/notifications" search={{ receiver: row.name }}>
          {row.name}
        </Link>
      ),
    },
    {
      key: 'channels',
      head: words.ledger.channels,
      cell: (row) =>
        row.channels.length === 0 ? (
          <span className="quiet">{words.ledger.noChannels}</span>
        ) : (
          <span className="line-wrap">
            {row.channels.map((channel) => (
              <Tag key={channel.key}>
                {channel.sendsResolved ? channel.key : `${channel.key}, ${words.ledger.firingOnly}`}
              </Tag>
            ))}
          </span>
        ),
    },
    {
      key: 'language',
      head: words.ledger.language,
      isMinor: true,
      cell: (row) => words.ledger.languages[row.language],
    },
    {
      key: 'fallback',
      head: words.ledger.fallback,
      isMinor: true,
      cell: (row) =>
        row.fallback.length === 0 ? <span className="quiet">–</span> : format.list(row.fallback),
    },
    {
      key: 'waiting',
      head: words.ledger.waiting,
      align: 'end',
      isMinor: true,
      sortBy: (row) => row.heldCount,
      cell: (row) => format.count(row.heldCount),
    },
    {
      key: 'last',
      head: words.ledger.last,
      cell: (row) =>
        row.last === undefined ? (
          <span className="quiet">{words.ledger.never}</span>
        ) : (
          <span className={row.last.outcome === 'failed' ? 'field-fault' : undefined}>
            {words.ledger.outcomes[row.last.outcome]}, <Age timeMs={row.last.timeMs} />
          </span>
        ),
    },
    {
      key: 'test',
      head: words.ledger.test,
      align: 'end',
      cell: (row) => (row.channels.length === 0 ? null : <TestSend name={row.name} />),
    },
  ]
  return (
    <Table
      label={words.ledger.views.receivers}
      columns={columns}
      rows={props.receivers}
      rowKey={(row) => row.name}
    />
  )
}

function TestSend(props: { name: string }) {
  const words = useWords()
  const test = useTestReceiver()
  return (
    <Allowed to="administer">
      <div className="act-cell">
        <ConfirmButton
          button={{ size: 'small', children: words.ledger.test }}
          title={words.ledger.testTitle}
          text={words.ledger.testText({ receiver: props.name })}
          confirm={words.ledger.test}
          act={{
            ...test,
            run: (_reason, o) => test.run(props.name, o),
            reset: () => {
              if (test.error) test.reset()
            },
          }}
        />
        <DeliveryWord delivery={test.answer} />
      </div>
    </Allowed>
  )
}
