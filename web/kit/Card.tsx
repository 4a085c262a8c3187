/** The surfaces of a page: sentence first, then cards on a grid. */

import type { ReactNode } from 'react'
import type { Health } from '../../src/model/health.ts'
import { StateMark } from './State.tsx'

/** The head of a page: the verdict as a sentence, what proves it, and the actions. It stays in sight. */
export function PageHead(props: {
  /** Says the state by shape and colour; left out where a page has no state of its own. */
  health?: Health | undefined
  healthWord?: string | undefined
  verdict: ReactNode
  proof?: ReactNode
  actions?: ReactNode
  trail?: ReactNode
}) {
  return (
    <header className="page-head">
      <div className="page-head-text">
        {props.trail ? <div className="trail">{props.trail}</div> : null}
        <h1 className="verdict">
          {props.health ? (
            <StateMark
              health={props.health}
              size={16}
              {...(props.healthWord ? { label: props.healthWord } : {})}
            />
          ) : null}
          <span>{props.verdict}</span>
        </h1>
        {props.proof ? <div className="proof">{props.proof}</div> : null}
      </div>
      {props.actions ? <div className="page-actions">{props.actions}</div> : null}
    </header>
  )
}

/** A card with a title; `isFlush` lets a table reach the edges. */
export function Card(props: {
  title?: ReactNode
  count?: number | undefined
  actions?: ReactNode
  isFlush?: boolean
  health?: Health
  label?: string
  children: ReactNode
}) {
  return (
    <section
      className="card"
      data-flush={props.isFlush || undefined}
      data-health={props.health}
      aria-label={props.label ?? (typeof props.title === 'string' ? props.title : undefined)}
    >
      {props.title || props.actions ? (
        <div className="card-head">
          <h2 className="card-title">
            {props.title}
            {props.count === undefined ? null : <span className="card-count">{props.count}</span>}
          </h2>
          {props.actions ? <div className="card-actions">{props.actions}</div> : null}
        </div>
      ) : null}
      <div className="card-body">{props.children}</div>
    </section>
  )
}

/** Main column, and a side column from 1,200 px up. */
export function Columns(props: { children: ReactNode; side?: ReactNode }) {
  return (
    <div className="columns" data-side={props.side ? true : undefined}>
      <div className="column">{props.children}</div>
      {props.side ? <div className="column">{props.side}</div> : null}
    </div>
  )
}

/** Pairs of name and value. */
export function Facts(props: { items: readonly [ReactNode, ReactNode][] }) {
  return (
    <dl className="facts">
      {props.items.map(([name, value], index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the pairs are fixed by the page
        <div key={index} className="fact">
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  )
}
