/** Silences: what they hold, until when, by whom and why; one that runs can be ended. */

import { Allowed } from '../Allowed.tsx'
import type { SilenceView } from '../../../src/api/api.ts'
import { useExpireSilence } from '../../data/queries.ts'
import { Button } from '../../kit/Button.tsx'
import { Empty } from '../../kit/Feedback.tsx'
import { Moment } from '../../kit/format.tsx'
import { ConfirmButton } from '../../kit/Overlay.tsx'
import { StateBadge, Tag } from '../../kit/State.tsx'
import { type Column, Table } from '../../kit/Table.tsx'
import { useWords } from '../../word/word.tsx'
import type { Words } from '../../word/words.ts'

const stateRank = { active: 0, pending: 1, expired: 2 }

/** The table, or why it is empty. */
export function SilenceTable(props: { silences: readonly SilenceView[]; onMake: () => void }) {
  const words = useWords()
  if (props.silences.length === 0) {
    return (
      <Empty
        title={words.silence.none}
        action={
          <Allowed to="respond">
            <Button onClick={props.onMake}>{words.silence.open}</Button>
          </Allowed>
        }
      >
        {words.silence.noneHint}
      </Empty>
    )
  }
  return (
    <Table
      label={words.silence.silences}
      columns={silenceColumns(words)}
      rows={props.silences}
      rowKey={(row) => row.id}
      initialSort={{ key: 'state', isDescending: false }}
    />
  )
}

/** `host="a", team=~"b|c"` in words that a person can read out. */
function textOf(silence: SilenceView): string {
  return silence.matchers
    .map(({ name, operator, value }) => `${name}${operator}"${value}"`)
    .join(', ')
}

function silenceColumns(words: Words): Column<SilenceView>[] {
  return [
    {
      key: 'state',
      head: words.silence.state,
      width: '130px',
      sortBy: (row) => stateRank[row.state],
      cell: (row) => (
        <StateBadge
          health={row.state === 'expired' ? 'ok' : 'info'}
          word={words.silence.states[row.state]}
          isHeld={row.state === 'active'}
        />
      ),
    },
    {
      key: 'matchers',
      head: words.silence.matchers,
      isMain: true,
      cell: (row) => (
        <div className="stack-small">
          <span className="line-wrap">
            {row.matchers.map(({ name, operator, value }) => (
              <Tag key={name + operator + value}>{`${name}${operator}"${value}"`}</Tag>
            ))}
          </span>
          <span className="mid">
            {row.comment} · {row.createdBy}
          </span>
        </div>
      ),
    },
    {
      key: 'held',
      head: words.silence.held,
      align: 'end',
      width: '100px',
      sortBy: (row) => row.heldCount,
      cell: (row) => row.heldCount,
    },
    {
      key: 'end',
      head: words.silence.until,
      width: '180px',
      isMinor: true,
      sortBy: (row) => row.endTimeMs,
      cell: (row) => <Moment timeMs={row.endTimeMs} isNear />,
    },
    {
      key: 'act',
      head: '',
      align: 'end',
      width: '110px',
      cell: (row) => (row.state === 'expired' ? null : <ExpireButton silence={row} />),
    },
  ]
}

function ExpireButton(props: { silence: SilenceView }) {
  const words = useWords()
  const act = useExpireSilence(props.silence.id)
  return (
    <Allowed to="respond">
      <ConfirmButton
        button={{ children: words.silence.expire, size: 'small' }}
        title={words.silence.expireTitle}
        text={words.silence.expireText({
          matchers: textOf(props.silence),
          count: props.silence.heldCount,
        })}
        confirm={words.silence.expire}
        act={act}
      />
    </Allowed>
  )
}
