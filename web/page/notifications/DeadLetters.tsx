/** Messages that reached nobody: why, and another try. */

import { Allowed } from '../Allowed.tsx'
import type { DeadLetterView, DeliveryView } from '../../../src/api/api.ts'
import { useDeadLetters, useDismiss, useResend } from '../../data/routing.ts'
import { Card } from '../../kit/Card.tsx'
import { Empty, Shown } from '../../kit/Feedback.tsx'
import { Moment } from '../../kit/format.tsx'
import { ConfirmButton } from '../../kit/Overlay.tsx'
import { StateBadge } from '../../kit/State.tsx'
import { type Column, Table } from '../../kit/Table.tsx'
import { useWords } from '../../word/word.tsx'
import { ToldOf } from './Attempts.tsx'

const stateHealth = {
  open: 'critical',
  resent: 'ok',
  dismissed: 'unknown',
  superseded: 'unknown',
} as const

/** The list. */
export function DeadLetters() {
  const words = useWords()
  const reading = useDeadLetters()
  return (
    <Shown reading={reading} what={words.ledger.lettersFailed} rowCount={6}>
      {({ deadLetters }) => (
        <Card isFlush={deadLetters.length > 0} label={words.ledger.letters}>
          {deadLetters.length === 0 ? (
            <Empty title={words.ledger.lettersNone}>{words.ledger.lettersNoneHint}</Empty>
          ) : (
            <LetterTable letters={deadLetters} />
          )}
        </Card>
      )}
    </Shown>
  )
}

function LetterTable(props: { letters: readonly DeadLetterView[] }) {
  const words = useWords()
  const columns: Column<DeadLetterView>[] = [
    {
      key: 'state',
      head: words.ledger.outcome,
      width: '130px',
      sortBy: (row) => row.state,
      cell: (row) => (
        <StateBadge health={stateHealth[row.state]} word={words.ledger.letterStates[row.state]} />
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
      isMain: true,
      cell: (row) => <ToldOf labels={row.labels} status={row.status} alertCount={row.alertCount} />,
    },
    {
      key: 'why',
      head: words.ledger.why,
      isMain: true,
      width: '34%',
      cell: (row) => (
        <div>
          <span className="field-fault clamp">{row.failure}</span>
          <span className="quiet">{words.ledger.tries({ count: row.attemptCount })}</span>
        </div>
      ),
    },
    {
      key: 'time',
      head: words.ledger.time,
      align: 'end',
      sortBy: (row) => -row.timeMs,
      cell: (row) => <Moment timeMs={row.timeMs} isNear />,
    },
    {
      key: 'act',
      head: words.ledger.resend,
      align: 'end',
      cell: (row) => (row.state === 'open' ? <Resend letter={row} /> : null),
    },
  ]
  return (
    <Table
      label={words.ledger.letters}
      columns={columns}
      rows={props.letters}
      rowKey={(row) => row.id}
    />
  )
}

function Resend(props: { letter: DeadLetterView }) {
  const { letter } = props
  const words = useWords()
  const resend = useResend()
  const dismiss = useDismiss(letter.id)
  return (
    <Allowed to="respond">
      <div className="act-cell">
        <div className="line">
          <ConfirmButton
            button={{ size: 'small', children: words.ledger.resend }}
            title={words.ledger.resendTitle}
            text={words.ledger.resendText({ receiver: letter.receiver })}
            confirm={words.ledger.resend}
            act={{
              ...resend,
              run: (_reason, o) => resend.run(letter.id, o),
              reset: () => {
                if (resend.error) resend.reset()
              },
            }}
          />
          <ConfirmButton
            button={{ size: 'small', weight: 'quiet', children: words.ledger.dismiss }}
            title={words.ledger.dismissTitle}
            text={words.ledger.dismissText}
            confirm={words.ledger.dismiss}
            act={dismiss}
          />
        </div>
        <DeliveryWord delivery={resend.answer} />
      </div>
    </Allowed>
  )
}

/** How a message went, in words that are also heard. */
export function DeliveryWord(props: { delivery: DeliveryView | undefined }) {
  const { delivery } = props
  const words = useWords()
  return (
    <span role="status">
      {delivery === undefined ? null : delivery.isDelivered ? (
        <StateBadge health="ok" word={words.ledger.sent} />
      ) : (
        <span className="field-fault">
          {words.ledger.notSent({ why: delivery.failures.join('; ') })}
        </span>
      )}
    </span>
  )
}
