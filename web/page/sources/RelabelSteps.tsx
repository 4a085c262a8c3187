/** What discovery found of a target and what each relabeling rule made of it. */

import { useState } from 'react'
import { type RelabelStep, useRelabelSteps } from '../../data/targets.ts'
import { Button } from '../../kit/Button.tsx'
import { Shown } from '../../kit/Feedback.tsx'
import { Labels } from '../../kit/Labels.tsx'
import { StateBadge } from '../../kit/State.tsx'
import { useWords } from '../../word/word.tsx'

interface Found {
  pool: string
  labels: Readonly<Record<string, string>>
}

/** The steps, once the reader asks for them. */
export function RelabelSteps(props: Found & { isOpen?: boolean }) {
  const words = useWords()
  const [isOpen, setOpen] = useState(props.isOpen ?? false)
  return (
    <div className="stack">
      <div>
        <Button size="small" isPressed={isOpen} onClick={() => setOpen(!isOpen)}>
          {words.sources.relabeling}
        </Button>
      </div>
      {isOpen ? <Steps {...props} /> : null}
    </div>
  )
}

function Steps(props: Found) {
  const words = useWords()
  const reading = useRelabelSteps(props.pool, props.labels)
  return (
    <Shown reading={reading} rowCount={3}>
      {(steps) => (
        <ol className="relabel-steps">
          <li>
            <p className="mid">{words.sources.discovered}</p>
            <Labels labels={props.labels} />
          </li>
          {steps.map((step, index) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: a step is its place
            <li key={index}>
              <code>{ruleText(step.rule)}</code>
              <Change before={index === 0 ? props.labels : steps[index - 1]!.output} step={step} />
            </li>
          ))}
          {steps.length === 0 ? <li className="mid">{words.sources.noRules}</li> : null}
        </ol>
      )}
    </Shown>
  )
}

/** Only what the rule changed: a target may have forty labels. */
function Change(props: { before: Readonly<Record<string, string>>; step: RelabelStep }) {
  const words = useWords()
  const { before, step } = props
  if (!step.keep) return <StateBadge health="warning" word={words.sources.droppedHere} />
  const changed = Object.fromEntries(
    Object.entries(step.output).filter(([name, value]) => before[name] !== value),
  )
  const removed = Object.keys(before).filter((name) => !Object.hasOwn(step.output, name))
  if (Object.keys(changed).length === 0 && removed.length === 0)
    return <p className="quiet">{words.sources.unchanged}</p>
  return (
    <div className="line-wrap">
      <Labels labels={changed} />
      {removed.length === 0 ? null : (
        <span className="quiet">{words.sources.removed({ names: removed.join(', ') })}</span>
      )}
    </div>
  )
}

const shownKeys = [
  'source_labels',
  'separator',
  'regex',
  'modulus',
  'target_label',
  'replacement',
] as const
const defaults: Record<string, unknown> = { separator: ';', regex: '(.*)', replacement: '$1' }

/** The rule as it would be written, without what is default. */
function ruleText(rule: Readonly<Record<string, unknown>>): string {
  const parts = [`action: ${String(rule['action'] ?? 'replace')}`]
  for (const key of shownKeys) {
    const value = rule[key]
    const isEmpty = value === undefined || value === '' || value === 0
    if (isEmpty || value === defaults[key] || (Array.isArray(value) && value.length === 0)) continue
    parts.push(`${key}: ${Array.isArray(value) ? `[${value.join(', ')}]` : String(value)}`)
  }
  return parts.join(', ')
}
