/** Says to screen readers what changed: politely, and at most once in five seconds. */

import { useEffect, useState } from 'react'

const gapMs = 5000

/** A live region with the latest text, held back so that it never chatters. */
export function Announcer(props: { text: string }) {
  const [said, setSaid] = useState({ text: '', timeMs: 0 })
  useEffect(() => {
    if (props.text === said.text) return
    const waitMs = Math.max(0, said.timeMs + gapMs - Date.now())
    const timer = setTimeout(() => setSaid({ text: props.text, timeMs: Date.now() }), waitMs)
    return () => clearTimeout(timer)
  }, [props.text, said])
  return (
    <div role="status" aria-live="polite" className="hidden-text">
      {said.text}
    </div>
  )
}
