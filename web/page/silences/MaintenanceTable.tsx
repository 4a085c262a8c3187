/** Maintenance windows: when each is open, what it holds, and what it holds now. */

import { Allowed } from '../Allowed.tsx'
import { useState } from 'react'
import type { MaintenanceView } from '../../../src/api/on-call.ts'
import { useEndMaintenance } from '../../data/maintenance.ts'
import { Button } from '../../kit/Button.tsx'
import { Moment } from '../../kit/format.tsx'
import { ConfirmButton } from '../../kit/Overlay.tsx'
import { Tag } from '../../kit/State.tsx'
import { type Column, Table } from '../../kit/Table.tsx'
import { useWords } from '../../word/word.tsx'
import type { Words } from '../../word/words.ts'
import { MaintenanceDialog } from './MaintenanceDialog.tsx'
import { MatcherTags, NoneYet, stateColumn } from './hold-columns.tsx'

/** The table, or why it is empty. */
export function MaintenanceTable(props: {
  windows: readonly MaintenanceView[]
  onMake: () => void
}) {
  const words = useWords()
  if (props.windows.length === 0) {
    return (
      <NoneYet
        title={words.maintenance.none}
        make={words.maintenance.open}
        to="administer"
        onMake={props.onMake}
      >
        {words.maintenance.noneHint}
      </NoneYet>
    )
  }
  return (
    <Table
      label={words.maintenance.windows}
      columns={columnsOf(words)}
      rows={props.windows}
      rowKey={(row) => row.id}
      initialSort={{ key: 'state', isDescending: false }}
    />
  )
}

function columnsOf(words: Words): Column<MaintenanceView>[] {
  return [
    stateColumn(words.silence.state, words.maintenance.states),
    {
      key: 'what',
      head: words.maintenance.window,
      isMain: true,
      sortBy: (row) => row.name,
      cell: (row) => (
        <div className="stack-small">
          <span className="strong">{row.name}</span>
          <span className="line-wrap">
            {row.services.map((one) => (
              <Tag key={`service ${one}`}>{`service="${one}"`}</Tag>
            ))}
            {row.teams.map((one) => (
              <Tag key={`team ${one}`}>{`team="${one}"`}</Tag>
            ))}
            <MatcherTags matchers={row.matchers} />
          </span>
          <span className="mid">
            {[row.comment, row.createdBy].filter((text) => text !== '').join(' · ')}
          </span>
        </div>
      ),
    },
    {
      key: 'when',
      head: words.maintenance.when,
      width: '250px',
      sortBy: (row) => row.current?.startTimeMs ?? row.startTimeMs,
      cell: (row) => <When window={row} />,
    },
    {
      key: 'held',
      head: words.silence.held,
      align: 'end',
      width: '90px',
      isMinor: true,
      sortBy: (row) => row.heldCount,
      cell: (row) => row.heldCount,
    },
    {
      key: 'act',
      head: '',
      align: 'end',
      width: '170px',
      cell: (row) =>
        row.state === 'ended' ? null : (
          <Allowed to="administer">
            <Acts window={row} />
          </Allowed>
        ),
    },
  ]
}

function When(props: { window: MaintenanceView }) {
  const { current, repeat, startTimeMs, endTimeMs, timeZone } = props.window
  const words = useWords()
  const shown = current ?? { startTimeMs, endTimeMs }
  return (
    <div>
      <div>
        <Moment timeMs={shown.startTimeMs} isNear isShort /> –{' '}
        <Moment timeMs={shown.endTimeMs} isNear isShort />
      </div>
      {repeat == null ? null : (
        <div className="quiet">
          {words.maintenance.every({
            every: repeat.every,
            interval: repeat.interval,
            weekdays: repeat.weekdays.map((day) => words.onCall.weekdays[String(day) as '0']),
            zone: timeZone,
          })}
        </div>
      )}
    </div>
  )
}

function Acts(props: { window: MaintenanceView }) {
  const words = useWords()
  const end = useEndMaintenance(props.window.id)
  const [isChanging, setChanging] = useState(false)
  return (
    <span className="row-acts">
      <Button size="small" onClick={() => setChanging(true)}>
        {words.maintenance.change}
      </Button>
      <ConfirmButton
        button={{ children: words.silence.expire, size: 'small' }}
        title={words.maintenance.endTitle}
        text={words.maintenance.endText({
          name: props.window.name,
          count: props.window.heldCount,
        })}
        confirm={words.silence.expire}
        act={end}
      />
      {isChanging ? (
        <MaintenanceDialog window={props.window} onClose={() => setChanging(false)} />
      ) : null}
    </span>
  )
}
