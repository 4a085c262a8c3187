/** A step of an escalation policy in a line: what it names, and whom that reaches now. */

import type { PolicyList } from '../../src/api/on-call.ts'
import { StateBadge } from '../kit/State.tsx'
import { useWords } from '../word/word.tsx'

/** The line; a name is not said twice. */
export function StepLine(props: { step: PolicyList['policies'][number]['steps'][number] }) {
  const { kind, name, people, receivers } = props.step
  const words = useWords()
  const reached = [...people, ...receivers].filter((one) => one !== name)
  const isNobody = people.length + receivers.length === 0
  return (
    <>
      <span className="strong">{words.onCall.steps[kind]({ name })}</span>{' '}
      {isNobody ? (
        <StateBadge health="warning" word={words.onCall.nobody} />
      ) : (
        <span className="mid">{words.onCall.people({ names: reached })}</span>
      )}
    </>
  )
}
