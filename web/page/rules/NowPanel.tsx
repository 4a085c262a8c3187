/** What each rule of the text would say now: its alerts, its values on a chart with the limit, and who would be told. */

import { lazy, Suspense } from 'react'
import type { RuleCheck, RulePreviewRow, RuleSummary } from '../../../src/api/rules.ts'
import type { Health } from '../../../src/model/health.ts'
import { guessUnit } from '../../chart/unit.ts'
import { useRoutePreview } from '../../data/routing.ts'
import { useRuleCheck, useRulePreview } from '../../data/rules.ts'
import { Card } from '../../kit/Card.tsx'
import { Empty, Shown, Skeleton } from '../../kit/Feedback.tsx'
import { useFormat } from '../../kit/format.tsx'
import { Labels } from '../../kit/Labels.tsx'
import { StateBadge, Tag } from '../../kit/State.tsx'
import { Link, useAddress } from '../../route/router.tsx'
import { useWords } from '../../word/word.tsx'
import type { Words } from '../../word/words.ts'
import { splitComparison } from '../alerts/comparison.ts'
import { writeLabelText } from '../routes/label-text.ts'
import { certainLabels } from './rule-health.ts'

const RuleChart = lazy(() => import('./RuleChart.tsx'))
/** More than this is on the page Metrics. */
const shownCountMax = 20

/** The panel. */
export function NowPanel(props: { text: string; isValid: boolean }) {
  const { text, isValid } = props
  const words = useWords()
  const address = useAddress()
  const reading = useRulePreview(text, isValid)
  const check = useRuleCheck(text).data
  if (!isValid)
    return (
      <Card label={words.ruleEditor.panels.now}>
        <Empty title={words.ruleEditor.untilValid} />
      </Card>
    )
  return (
    <Shown reading={reading} what={words.ruleEditor.nowFailed} rowCount={5}>
      {({ rules }) => {
        const asked = Number(address.search['open'] ?? 0)
        return (
          <div className="column">
            {rules.map((row, index) => (
              <RuleCard
                // biome-ignore lint/suspicious/noArrayIndexKey: a rule is known by its place in the text
                key={index}
                row={row}
                rule={ruleOf(check, index)}
                isOpen={asked === index}
                onToggle={() => address.set({ open: asked === index ? '-1' : String(index) })}
              />
            ))}
          </div>
        )
      }}
    </Shown>
  )
}

function ruleOf(check: RuleCheck | undefined, index: number) {
  return check?.groups.flatMap((group) => group.rules)[index]
}

function RuleCard(props: {
  row: RulePreviewRow
  rule: ReturnType<typeof ruleOf>
  isOpen: boolean
  onToggle: () => void
}) {
  const { row, rule, isOpen } = props
  const words = useWords()
  const { health, word } = verdictOf(row, words)
  return (
    <section className="card" aria-label={row.name}>
      <button type="button" className="try-head" aria-expanded={isOpen} onClick={props.onToggle}>
        <StateBadge health={health} word={word} />
        <span className="strong grow">{row.name}</span>
        <span className="quiet">{row.group}</span>
      </button>
      {row.error === '' ? null : <p className="field-fault try-body">{row.error}</p>}
      {isOpen ? (
        <div className="stack try-body">
          {rule ? (
            <Suspense fallback={<Skeleton heightPx={220} />}>
              <RuleChart name={row.name} expression={rule.expression} strategy={rule.strategy} />
            </Suspense>
          ) : null}
          {row.kind === 'alerting' && row.alerts.length > 0 ? <AlertRows row={row} /> : null}
          {rule && row.kind === 'alerting' && row.alerts.length === 0 ? <Told rule={rule} /> : null}
          <Elements row={row} expression={rule?.expression ?? ''} />
        </div>
      ) : null}
    </section>
  )
}

/** Who would be told if it fired, as far as its own labels decide. */
function Told(props: { rule: RuleSummary }) {
  const { rule } = props
  const words = useWords()
  const format = useFormat()
  const labels = certainLabels(rule)
  const receivers = useRoutePreview(labels).data?.receivers
  if (receivers === undefined) return null
  return (
    <p className="mid">
      {words.ruleEditor.told}:{' '}
      <Link to="/routes" search={{ labels: writeLabelText(labels) }}>
        {receivers.length === 0 ? words.ruleEditor.nobody : format.list(receivers)}
      </Link>
    </p>
  )
}

function verdictOf(row: RulePreviewRow, words: Words): { health: Health; word: string } {
  if (row.error !== '') return { health: 'critical', word: words.rules.broken }
  if (row.kind === 'recording')
    return { health: 'info', word: words.ruleEditor.records({ count: row.elementCount }) }
  const firing = row.alerts.filter(({ state }) => state === 'firing').length
  const pending = row.alerts.length - firing
  if (firing > 0) return { health: 'warning', word: words.ruleEditor.wouldFire({ count: firing }) }
  if (pending > 0) return { health: 'info', word: words.ruleEditor.wouldWait({ count: pending }) }
  return { health: 'ok', word: words.ruleEditor.quiet }
}

function AlertRows(props: { row: RulePreviewRow }) {
  const { alerts } = props.row
  const words = useWords()
  const format = useFormat()
  return (
    <ul className="plain-list lines">
      {alerts.slice(0, shownCountMax).map((alert) => (
        <li key={JSON.stringify(alert.labels)} className="rule-alert">
          <span className="line-wrap">
            <Tag>{words.alert.states[alert.state]}</Tag>
            <span>{alert.annotations['summary'] ?? ''}</span>
          </span>
          <Labels labels={alert.labels} hide={['alertname']} />
          <span className="mid">
            {words.ruleEditor.told}:{' '}
            {alert.receivers.length === 0 ? words.ruleEditor.nobody : format.list(alert.receivers)}
          </span>
        </li>
      ))}
      {alerts.length > shownCountMax ? (
        <li className="quiet">
          {words.ruleEditor.moreValues({ count: alerts.length - shownCountMax })}
        </li>
      ) : null}
    </ul>
  )
}

function Elements(props: { row: RulePreviewRow; expression: string }) {
  const { row } = props
  const words = useWords()
  const format = useFormat()
  const unit = guessUnit(splitComparison(props.expression).query)
  if (row.elementCount === 0) {
    return row.error === '' ? <p className="mid">{words.ruleEditor.noSeries}</p> : null
  }
  const shown = row.elements.slice(0, shownCountMax)
  return (
    <div>
      <h3 className="field-label">{words.ruleEditor.values}</h3>
      <ul className="plain-list">
        {shown.map((element) => (
          <li key={JSON.stringify(element.labels)} className="plain-item">
            <Labels labels={element.labels} />
            <span className="plain-count strong">{format.value(Number(element.value), unit)}</span>
          </li>
        ))}
      </ul>
      {row.elementCount > shown.length ? (
        <p className="quiet">
          {words.ruleEditor.moreValues({ count: row.elementCount - shown.length })}
        </p>
      ) : null}
    </div>
  )
}
