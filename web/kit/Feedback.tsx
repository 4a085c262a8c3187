/** What a page shows when there is nothing, not yet, or not at all: never a blank, never a bare "error". */

import { type ReactNode, useEffect, useState } from 'react'
import { ApiError } from '../data/client.ts'
import { useWords } from '../word/word.tsx'
import { Button } from './Button.tsx'
import { CopyButton } from './Copy.tsx'
import { RetryIcon } from './icons.ts'
import { StateMark } from './State.tsx'

/** An empty place: why it is empty, and the next step. */
export function Empty(props: { title: string; children?: ReactNode; action?: ReactNode }) {
  return (
    <div className="empty">
      <p className="empty-title">{props.title}</p>
      {props.children ? <div className="empty-text">{props.children}</div> : null}
      {props.action ? <div className="empty-action">{props.action}</div> : null}
    </div>
  )
}

/** A failure: what, why, what to do, a code to copy, and another try. */
export function Fault(props: {
  what?: string | undefined
  error: unknown
  onRetry?: (() => unknown) | undefined
}) {
  const words = useWords()
  const said = useFaultWords(props.error)
  return (
    <div className="fault" role="alert">
      <StateMark health="critical" label={words.health.critical} />
      <div className="grow">
        <p className="strong">{props.what ?? words.fault.title}</p>
        <p className="fault-message">{said.message}</p>
        {said.hint === '' ? null : <p className="mid">{said.hint}</p>}
        <div className="fault-foot">
          {props.onRetry ? (
            <Button size="small" icon={<RetryIcon size={14} />} onClick={() => props.onRetry?.()}>
              {words.kit.retry}
            </Button>
          ) : null}
          {said.code === '' ? null : (
            <span className="quiet">
              <code>{said.code}</code> <CopyButton text={`${said.code}: ${said.message}`} />
            </span>
          )}
        </div>
      </div>
    </div>
  )
}

/** A failed act, in one line under the button that was pressed. */
export function ActFault(props: { error: unknown }) {
  const said = useFaultWords(props.error)
  if (!props.error) return null
  return (
    <p className="field-fault" role="alert">
      {said.message} {said.hint} {said.code === '' ? null : <code>{said.code}</code>}
    </p>
  )
}

function useFaultWords(error: unknown): { message: string; hint: string; code: string } {
  const words = useWords()
  if (!(error instanceof ApiError)) {
    return { message: error instanceof Error ? error.message : String(error), hint: '', code: '' }
  }
  if (error.status === 0) {
    return { message: words.fault.noAnswer, hint: words.fault.noAnswerHint, code: error.code }
  }
  if (error.status === 403) {
    return { message: words.fault.notAllowed, hint: words.fault.notAllowedHint, code: error.code }
  }
  if (error.status === 404) {
    return { message: words.fault.notFound, hint: error.hint, code: error.code }
  }
  return { message: error.message, hint: error.hint, code: error.code }
}

/** The true layout in grey, after 150 ms: short waits show nothing. */
export function Skeleton(props: { rowCount?: number; heightPx?: number }) {
  const words = useWords()
  const [isSeen, setSeen] = useState(false)
  useEffect(() => {
    const timer = setTimeout(() => setSeen(true), 150)
    return () => clearTimeout(timer)
  }, [])
  const count = props.rowCount ?? 3
  return (
    <div
      className="skeleton"
      data-seen={isSeen || undefined}
      role="status"
      aria-label={isSeen ? words.kit.loading : undefined}
      style={props.heightPx ? { minHeight: props.heightPx } : undefined}
    >
      {props.heightPx ? (
        <div className="bone" style={{ height: props.heightPx }} />
      ) : (
        Array.from({ length: count }, (_, index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: bones are all alike
          <div key={index} className="bone" style={{ width: `${92 - ((index * 17) % 40)}%` }} />
        ))
      )}
    </div>
  )
}

/** What a reading shows: its data, else its failure, else the skeleton. Old data stays while new loads. */
export function Shown<T>(props: {
  reading: { data: T | undefined; error: unknown; refetch: () => unknown }
  what?: string
  rowCount?: number
  heightPx?: number
  children: (data: T) => ReactNode
}) {
  const { reading } = props
  if (reading.data !== undefined) return <>{props.children(reading.data)}</>
  if (reading.error)
    return <Fault what={props.what} error={reading.error} onRetry={reading.refetch} />
  return (
    <Skeleton
      {...(props.rowCount ? { rowCount: props.rowCount } : {})}
      {...(props.heightPx ? { heightPx: props.heightPx } : {})}
    />
  )
}
