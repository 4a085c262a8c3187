/** Decisions with their reasons: every yes and no that somebody may question. */

import type { Decision } from '../../src/model/deployment.ts'
import { Moment } from '../kit/format.tsx'
import { StateBadge } from '../kit/State.tsx'
import { useWords } from '../word/word.tsx'

/** The list, latest first. */
export function Decisions(props: { decisions: readonly Decision[] }) {
  const words = useWords()
  const ordered = [...props.decisions].sort((a, b) => b.timeMs - a.timeMs)
  return (
    <ul className="stack">
      {ordered.map((decision) => (
        <li key={`${decision.timeMs}-${decision.question}-${decision.reason}`}>
          <div className="line-wrap">
            <StateBadge
              health={
                decision.verdict === 'yes' ? 'ok' : decision.verdict === 'no' ? 'unknown' : 'info'
              }
              word={words.delivery.verdicts[decision.verdict]}
            />
            <span className="strong">
              {questionWord(words.delivery.questions, decision.question)}
            </span>
            <span className="quiet line-end">
              <Moment timeMs={decision.timeMs} isNear />
            </span>
          </div>
          <p className="mid">{words.decision[decision.reason] ?? decision.message}</p>
        </li>
      ))}
    </ul>
  )
}

function questionWord(words: Readonly<Record<string, string>>, question: string): string {
  return Object.hasOwn(words, question) ? words[question]! : question
}
