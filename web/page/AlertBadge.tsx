/** The state of an alert as a badge; one that nobody is told of is held. */

import type { AlertView } from '../../src/api/api.ts'
import { StateBadge } from '../kit/State.tsx'
import { useWords } from '../word/word.tsx'

/** The states that alerts are listed by. */
export type ShownState = 'firing' | 'pending' | 'held' | 'resolved'

/** Under which state an alert is listed. */
export function stateOf(alert: AlertView): ShownState {
  return alert.state === 'firing' && alert.held ? 'held' : alert.state
}

/** How grave the rule's author calls it: the label `severity`, empty without one. */
export function severityOfAlert(alert: AlertView): string {
  return alert.labels['severity'] ?? ''
}

/** How grave an alert is, in the words of its rule where they are not ours. */
export function SeverityBadge(props: { alert: AlertView }) {
  const words = useWords()
  const severity = severityOfAlert(props.alert)
  const isOurs = severity === '' || severity === props.alert.health
  return (
    <StateBadge
      health={props.alert.health}
      word={isOurs ? words.health[props.alert.health] : severity}
      isHeld={props.alert.held !== undefined}
    />
  )
}

/** The badge. */
export function AlertBadge(props: { alert: AlertView }) {
  const words = useWords()
  const state = stateOf(props.alert)
  return (
    <StateBadge
      health={state === 'resolved' ? 'ok' : props.alert.health}
      word={words.alert.states[state]}
      isHeld={state === 'held'}
    />
  )
}
