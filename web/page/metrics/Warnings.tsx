/** What the server had to say of an answer that it gave nevertheless. */

import { StateMark } from '../../kit/State.tsx'
import { useWords } from '../../word/word.tsx'

/** Warnings and hints, one a line. */
export function Warnings(props: { warnings: readonly string[] }) {
  const words = useWords()
  return props.warnings.map((warning) => {
    const health = /^PromQL info:/.test(warning) ? 'info' : 'warning'
    return (
      <p key={warning} className="query-warning">
        <StateMark health={health} size={10} label={words.health[health]} /> {warning}
      </p>
    )
  })
}
