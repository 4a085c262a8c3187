/** Silences: what they hold, until when, by whom and why; one that runs can be ended. */

import { useState } from 'react'
import { Allowed } from '../Allowed.tsx'
import type { SilenceView } from '../../../src/api/api.ts'
import { useNowTimeMs } from '../../data/clock.ts'
import { useExpireSilence } from '../../data/queries.ts'
import { Button } from '../../kit/Button.tsx'
import { Moment, useFormat } from '../../kit/format.tsx'
import { ConfirmButton } from '../../kit/Overlay.tsx'
import { type Column, Table } from '../../kit/Table.tsx'
import { Link } from '../../route/router.tsx'
import { useWords } from '../../word/word.tsx'
import type { Words } from '../../word/words.ts'
import { SilenceDialog } from './SilenceDialog.tsx'
import { MatcherTags, NoneYet, stateColumn } from './hold-columns.tsx'

/** The table, or why it is empty. */
export function SilenceTable(props: { silences: readonly SilenceView[]; onMake: () => void }) {
  const words = useWords()
  if (props.silences.length === 0) {
    return (
      <NoneYet
        title={words.silence.none}
        make={words.silence.open}
        to="respond"
        onMake={props.onMake}
      >
        {words.silence.noneHint}
      </NoneYet>
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
    stateColumn(words.silence.state, words.silence.states),
    {
      key: 'matchers',
      head: words.silence.matchers,
      isMain: true,
      cell: (row) => (
        <div className="stack-small">
          <span className="line-wrap">
            <MatcherTags matchers={row.matchers} />
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
      cell: (row) => <HeldCount silence={row} />,
    },
    {
      key: 'end',
      head: words.silence.until,
      width: '210px',
      sortBy: (row) => row.endTimeMs,
      cell: (row) => <Span silence={row} />,
    },
    {
      key: 'act',
      head: '',
      align: 'end',
      width: '170px',
      cell: (row) => <Acts silence={row} />,
    },
  ]
}

/** How many alerts it holds now, and the way to them. */
function HeldCount(props: { silence: SilenceView }) {
  const { silence } = props
  const words = useWords()
  if (silence.state !== 'active') return <span className="quiet">–</span>
  const text = words.silence.heldCount({ count: silence.heldCount })
  if (silence.heldCount === 0) return <span className="quiet no-wrap">{text}</span>
  const filter = silence.matchers
    .map(({ name, operator, value }) => `${name}${operator}${JSON.stringify(value)}`)
    .join(' ')
  return (
    <Link to="/alerts" search={{ state: 'held', filter }} className="no-wrap">
      {text}
    </Link>
  )
}

/** Until when, and how long that still is; when it begins where it has not. */
function Span(props: { silence: SilenceView }) {
  const { state, startTimeMs, endTimeMs } = props.silence
  const words = useWords()
  const format = useFormat()
  const nowTimeMs = useNowTimeMs()
  const span = (toTimeMs: number): string => format.span(Math.max(0, toTimeMs - nowTimeMs))
  return (
    <div>
      {state === 'pending' ? (
        <>
          <Moment timeMs={startTimeMs} isNear isShort /> –{' '}
        </>
      ) : null}
      <Moment timeMs={endTimeMs} isNear isShort />
      <div className="quiet">
        {state === 'active'
          ? words.time.left({ span: span(endTimeMs) })
          : state === 'pending'
            ? words.time.ahead({ span: span(startTimeMs) })
            : null}
      </div>
    </div>
  )
}

function Acts(props: { silence: SilenceView }) {
  const { silence } = props
  const words = useWords()
  const act = useExpireSilence(silence.id)
  const [isChanging, setChanging] = useState(false)
  return (
    <Allowed to="respond">
      <span className="row-acts">
        <Button size="small" onClick={() => setChanging(true)}>
          {silence.state === 'expired' ? words.silence.again : words.maintenance.change}
        </Button>
        {silence.state === 'expired' ? null : (
          <ConfirmButton
            button={{ children: words.silence.expire, size: 'small' }}
            title={words.silence.expireTitle}
            text={words.silence.expireText({
              matchers: textOf(silence),
              count: silence.heldCount,
            })}
            confirm={words.silence.expire}
            act={act}
          />
        )}
      </span>
      {isChanging ? <SilenceDialog before={silence} onClose={() => setChanging(false)} /> : null}
    </Allowed>
  )
}
