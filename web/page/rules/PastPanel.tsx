/** What the text would have done in the past: how often, when, for how long, and who would have been told. */

import { useState } from 'react'
import type { BackTestRuleView, BackTestView } from '../../../src/api/rules.ts'
import type { LanePiece } from '../../kit/Lane.tsx'
import { parseSpan } from '../../data/range.ts'
import { useBackTest, useStartBackTest, useStopBackTest } from '../../data/rules.ts'
import { Button } from '../../kit/Button.tsx'
import { Card } from '../../kit/Card.tsx'
import { ActFault, Empty, Fault } from '../../kit/Feedback.tsx'
import { Segments } from '../../kit/Field.tsx'
import { Moment, useFormat } from '../../kit/format.tsx'
import { Labels } from '../../kit/Labels.tsx'
import { Lane } from '../../kit/Lane.tsx'
import { type Column, Table } from '../../kit/Table.tsx'
import { useAddress } from '../../route/router.tsx'
import { useWords } from '../../word/word.tsx'

const spans = ['1d', '7d', '30d'] as const
type Span = (typeof spans)[number]
type Firing = BackTestRuleView['firings'][number]

/** The panel. */
export function PastPanel(props: { text: string; isValid: boolean }) {
  const { text, isValid } = props
  const words = useWords()
  const address = useAddress()
  const format = useFormat()
  const span = spans.find((one) => one === address.search['span']) ?? '7d'
  const id = address.search['test'] ?? ''
  const [tested, setTested] = useState<string | undefined>()
  const start = useStartBackTest()
  const stop = useStopBackTest()
  const reading = useBackTest(id)
  const view = id === '' ? undefined : reading.data
  const isRunning = view?.state === 'running'
  const run = async (): Promise<void> => {
    setTested(text)
    const startTimeMs = Date.now() - (parseSpan(span) ?? 0)
    const made = await start.ask({ text, startTimeMs })
    if (made) address.set({ test: made.id })
  }
  return (
    <div className="column">
      <Card label={words.ruleEditor.run}>
        <div className="stack">
          <div className="line-wrap">
            <Segments<Span>
              label={words.ruleEditor.span}
              value={span}
              options={spans.map((one) => ({ value: one, label: words.ruleEditor.spans[one] }))}
              onChange={(next) => address.set({ span: next === '7d' ? undefined : next })}
            />
            <Button
              weight="main"
              isDisabled={!isValid || isRunning}
              isRunning={start.isRunning}
              onClick={() => void run()}
            >
              {words.ruleEditor.run}
            </Button>
            {isRunning ? (
              <Button
                onClick={() => stop.run(id, { onDone: () => address.set({ test: undefined }) })}
              >
                {words.ruleEditor.stop}
              </Button>
            ) : null}
          </div>
          <ActFault error={start.error} />
          <p role="status" className="mid">
            {isRunning
              ? words.ruleEditor.running({ percent: format.value(view.progressRatio, 'ratio') })
              : view === undefined
                ? words.ruleEditor.runHint
                : tested !== undefined && tested !== text
                  ? words.ruleEditor.stale
                  : ''}
          </p>
          {isRunning ? (
            <div className="budget" aria-hidden>
              <span style={{ width: `${view.progressRatio * 100}%` }} />
            </div>
          ) : null}
        </div>
      </Card>
      {id !== '' && reading.error ? (
        <Fault what={words.ruleEditor.testFailed} error={reading.error} />
      ) : view?.state === 'failed' ? (
        <Fault what={words.ruleEditor.testFailed} error={new Error(view.error)} />
      ) : view?.state === 'done' ? (
        <Result view={view} />
      ) : null}
    </div>
  )
}

function Result(props: { view: BackTestView }) {
  const { view } = props
  const words = useWords()
  if (view.rules.length === 0)
    return (
      <Card label={words.ruleEditor.panels.past}>
        <Empty title={words.ruleEditor.noAlerting} />
      </Card>
    )
  return (
    <>
      {view.rules.map((rule) => (
        <RuleResult key={`${rule.group} ${rule.name}`} view={view} rule={rule} />
      ))}
      <Card title={words.ruleEditor.messages}>
        {view.messages.length === 0 ? (
          <p className="mid">{words.ruleEditor.noMessages}</p>
        ) : (
          <ul className="plain-list">
            {view.messages.map(({ receiver, messageCount, firstTimeMs }) => (
              <li key={receiver} className="plain-item">
                {words.ruleEditor.message({ receiver, count: messageCount })}
                <span className="quiet">
                  <Moment timeMs={firstTimeMs} />
                </span>
              </li>
            ))}
          </ul>
        )}
      </Card>
    </>
  )
}

function RuleResult(props: { view: BackTestView; rule: BackTestRuleView }) {
  const { view, rule } = props
  const words = useWords()
  const format = useFormat()
  const span = format.span(view.endTimeMs - view.startTimeMs)
  const sentence = words.ruleEditor.fired({ count: rule.firingCount, span })
  return (
    <Card title={rule.name} actions={<span className="quiet">{rule.group}</span>}>
      <div className="stack">
        <p className="strong">{sentence}</p>
        {rule.heldCount > 0 ? (
          <p className="mid">
            {words.ruleEditor.silenced({ held: rule.heldCount, count: rule.firingCount })}
          </p>
        ) : null}
        <div className="past-lane">
          <Lane
            pieces={piecesOf(rule, view)}
            fromTimeMs={view.startTimeMs}
            toTimeMs={view.endTimeMs}
            label={`${rule.name}: ${sentence}`}
          />
          <div className="past-edges quiet">
            <Moment timeMs={view.startTimeMs} />
            <Moment timeMs={view.endTimeMs} />
          </div>
        </div>
        {rule.missedCount > 0 ? (
          <p className="mid">{words.ruleEditor.held({ count: rule.missedCount })}</p>
        ) : null}
        {rule.failedCount > 0 ? (
          <p className="field-fault">
            {words.ruleEditor.faults({ count: rule.failedCount, error: rule.lastError })}
          </p>
        ) : null}
        {rule.firings.length > 0 ? <Firings rule={rule} /> : null}
        <p className="quiet">
          {words.ruleEditor.tested({
            count: rule.evaluationCount,
            span: format.value(view.elapsedMs / 1000, 'seconds'),
          })}
        </p>
      </div>
    </Card>
  )
}

function Firings(props: { rule: BackTestRuleView }) {
  const words = useWords()
  const format = useFormat()
  const columns: Column<Firing>[] = [
    {
      key: 'time',
      head: words.ruleEditor.firedAt,
      sortBy: (row) => row.firedTimeMs,
      cell: (row) => <Moment timeMs={row.firedTimeMs} />,
    },
    {
      key: 'lasted',
      head: words.ruleEditor.lasted,
      cell: (row) =>
        row.endTimeMs === undefined ? (
          words.ruleEditor.stillFiring
        ) : (
          <span className="no-wrap">{format.span(row.endTimeMs - row.firedTimeMs)}</span>
        ),
    },
    {
      key: 'peak',
      head: words.ruleEditor.peak,
      align: 'end',
      cell: (row) => format.value(Number(row.peakValue), 'count'),
    },
    {
      key: 'labels',
      head: words.alert.labels,
      cell: (row) => (
        <div className="stack-small">
          <Labels labels={row.labels} hide={['alertname']} />
          <span className="quiet">
            {row.receivers.length === 0 ? words.ruleEditor.nobody : format.list(row.receivers)}
          </span>
          {row.heldBy.map((hold) => (
            <span key={hold.kind + hold.id} className="mid">
              {words.ruleEditor.heldBy(hold)}
            </span>
          ))}
        </div>
      ),
    },
  ]
  return (
    <Table
      label={props.rule.name}
      columns={columns}
      rows={props.rule.firings}
      rowKey={(row) => `${row.firedTimeMs} ${JSON.stringify(row.labels)}`}
    />
  )
}

/** Calm with the spans in which at least one alert fired. */
function piecesOf(rule: BackTestRuleView, view: BackTestView): LanePiece[] {
  const pieces: LanePiece[] = []
  let at = view.startTimeMs
  const firings = [...rule.firings].sort((a, b) => a.firedTimeMs - b.firedTimeMs)
  for (const firing of firings) {
    const toTimeMs = firing.endTimeMs ?? view.endTimeMs
    const fromTimeMs = Math.max(at, firing.firedTimeMs)
    if (toTimeMs <= fromTimeMs) continue
    if (fromTimeMs > at) pieces.push({ fromTimeMs: at, toTimeMs: fromTimeMs, health: 'ok' })
    pieces.push({ fromTimeMs, toTimeMs, health: 'critical' })
    at = toTimeMs
  }
  if (at < view.endTimeMs) pieces.push({ fromTimeMs: at, toTimeMs: view.endTimeMs, health: 'ok' })
  return pieces
}
