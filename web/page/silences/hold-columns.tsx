/** What the tables of silences and of maintenance windows share: states, matchers, and the word when there are none. */

import type { ReactNode } from 'react'
import { Button } from '../../kit/Button.tsx'
import { Empty } from '../../kit/Feedback.tsx'
import { StateBadge, Tag } from '../../kit/State.tsx'
import type { Column } from '../../kit/Table.tsx'
import { Allowed } from '../Allowed.tsx'

const stateRank = { active: 0, pending: 1, expired: 2, ended: 2 }

/** The column of states: what holds alerts now comes first, what is over last. */
export function stateColumn<State extends keyof typeof stateRank, Row extends { state: State }>(
  head: string,
  wordOf: Readonly<Record<State, string>>,
): Column<Row> {
  return {
    key: 'state',
    head,
    width: '130px',
    sortBy: (row) => stateRank[row.state],
    cell: (row) => (
      <StateBadge
        health={stateRank[row.state] === 2 ? 'ok' : 'info'}
        word={wordOf[row.state]}
        isHeld={row.state === 'active'}
      />
    ),
  }
}

/** Matchers as tags. */
export function MatcherTags(props: {
  matchers: readonly { name: string; operator: string; value: string }[]
}) {
  return props.matchers.map(({ name, operator, value }) => (
    <Tag key={name + operator + value}>{`${name}${operator}"${value}"`}</Tag>
  ))
}

/** Says that there are none, and how to make one. */
export function NoneYet(props: {
  title: string
  make: string
  to: 'respond' | 'administer'
  onMake: () => void
  children: ReactNode
}) {
  return (
    <Empty
      title={props.title}
      action={
        <Allowed to={props.to}>
          <Button onClick={props.onMake}>{props.make}</Button>
        </Allowed>
      }
    >
      {props.children}
    </Empty>
  )
}
