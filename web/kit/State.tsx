/** State as shape, word and colour: always all three, so that nothing is told by colour alone. */

import type { Health } from '../../src/model/health.ts'
import { useWords } from '../word/word.tsx'

const shapes: Record<Health, string> = {
  critical: 'M6 1 11.3 10.5H.7Z',
  warning: 'M6 .6 11.4 6 6 11.4.6 6Z',
  info: 'M1.5 1.5h9v9h-9Z',
  ok: 'M6 1.2a4.8 4.8 0 1 1 0 9.6 4.8 4.8 0 0 1 0-9.6Z',
  unknown: 'M6 1.2a4.8 4.8 0 1 1 0 9.6 4.8 4.8 0 0 1 0-9.6Z',
}

/** The shape of a state: ▲ critical, ◆ warning, ■ info, ● ok, ○ unknown; hollow with a bar when held. */
export function StateMark(props: {
  health: Health
  isHeld?: boolean
  size?: number
  label?: string
}) {
  const { health, isHeld = false, size = 12, label } = props
  const isHollow = isHeld || health === 'unknown'
  return (
    // biome-ignore lint/a11y/noSvgWithoutTitle: named by aria-label, or hidden where a word stands beside it
    <svg
      className="state-mark"
      data-health={health}
      width={size}
      height={size}
      viewBox="0 0 12 12"
      {...(label ? { role: 'img', 'aria-label': label } : { 'aria-hidden': true })}
    >
      <path
        d={shapes[health]}
        fill={isHollow ? 'none' : 'currentColor'}
        stroke="currentColor"
        strokeWidth={isHollow ? 1.6 : 0}
        strokeLinejoin="round"
      />
      {isHeld ? <path d="M0 12 12 0" stroke="currentColor" strokeWidth="1.6" /> : null}
    </svg>
  )
}

/** A badge: shape, word, tint. `word` replaces the state's own word. */
export function StateBadge(props: { health: Health; word?: string; isHeld?: boolean }) {
  const words = useWords()
  return (
    <span className="badge" data-health={props.health}>
      <StateMark health={props.health} isHeld={props.isHeld ?? false} size={10} />
      {props.word ?? words.health[props.health]}
    </span>
  )
}

/** A quiet badge without a state: a version, a kind. */
export function Tag(props: { children: React.ReactNode; title?: string }) {
  return (
    <span className="tag" {...(props.title ? { title: props.title } : {})}>
      {props.children}
    </span>
  )
}
