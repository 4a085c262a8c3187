/** One rule: what it says, what it measures, how well it runs, and what it found. */

import { Allowed } from '../Allowed.tsx'
import { lazy, type ReactNode, Suspense } from 'react'
import type { RuleAlertStatus, StrategyView } from '../../../src/api/rules.ts'
import { healthOfSeverity } from '../../../src/model/health.ts'
import { guessUnit } from '../../chart/unit.ts'
import { Facts } from '../../kit/Card.tsx'
import { Skeleton } from '../../kit/Feedback.tsx'
import { Age, Moment, useFormat, Value } from '../../kit/format.tsx'
import { Labels } from '../../kit/Labels.tsx'
import { StateBadge, Tag } from '../../kit/State.tsx'
import { Link } from '../../route/router.tsx'
import type { Format } from '../../word/format.ts'
import { useWords } from '../../word/word.tsx'
import type { Words } from '../../word/words.ts'
import { writeLabelText } from '../routes/label-text.ts'
import {
  certainLabels,
  healthOfRule,
  isBlind,
  type ListedRule,
  severitiesOf,
  wordOfRule,
} from './rule-health.ts'

const RuleChart = lazy(() => import('./RuleChart.tsx'))

type Fact = [ReactNode, ReactNode]

/** The details. */
export function RuleDetails(props: { listed: ListedRule }) {
  const { rule } = props.listed
  const words = useWords()
  const format = useFormat()
  const isAlerting = rule.kind === 'alerting'
  return (
    <div className="stack-wide">
      <div className="line-wrap">
        <StateBadge health={healthOfRule(rule)} word={wordOfRule(rule, words)} />
        {isAlerting ? null : <Tag>{words.rules.recording}</Tag>}
        {severitiesOf(rule) === '' ? null : <Tag>{severitiesOf(rule)}</Tag>}
      </div>
      {rule.lastError ? <p className="field-fault">{rule.lastError}</p> : null}
      {isBlind(rule) ? <p className="mid">{words.rules.blindHint}</p> : null}
      <Suspense fallback={<Skeleton heightPx={220} />}>
        <RuleChart name={rule.name} expression={rule.expression} strategy={rule.strategy} />
      </Suspense>
      <div className="stack">
        <div className="line">
          <h3 className="field-label">{words.alert.expression}</h3>
          <span className="line-end">
            <Link to="/metrics" search={{ q: rule.expression }}>
              {words.alert.openQuery}
            </Link>
          </span>
        </div>
        <div className="code-text">{rule.expression}</div>
      </div>
      {rule.alerts.length > 0 ? <AlertsNow alerts={rule.alerts} query={rule.expression} /> : null}
      <Facts
        items={[
          ...healthFacts(props.listed, words, format),
          ...textFacts(props.listed, words, format),
        ]}
      />
      <div className="line-wrap">
        <Allowed to="administer">
          <EditLink listed={props.listed} />
        </Allowed>
        {isAlerting ? (
          <>
            <Link to="/alerts" search={{ filter: rule.name }} className="link-button">
              {words.rules.seeAlerts}
            </Link>
            <Link
              to="/routes"
              search={{ labels: writeLabelText(certainLabels(rule)) }}
              className="link-button"
            >
              {words.rules.seeRoute}
            </Link>
          </>
        ) : null}
        {/^https?:\/\//.test(rule.strategy?.runbook ?? '') ? (
          <a
            className="link-button"
            href={rule.strategy?.runbook}
            rel="noreferrer noopener"
            target="_blank"
          >
            {words.rules.runbook}
          </a>
        ) : null}
      </div>
    </div>
  )
}

function EditLink(props: { listed: ListedRule }) {
  const { group, key } = props.listed
  const words = useWords()
  return group.editName === undefined ? (
    <Link to="/rules/edit" search={{ copy: key }} className="link-button">
      {words.rules.copy}
    </Link>
  ) : (
    <Link
      to="/rules/edit"
      search={{ file: group.editName, rule: props.listed.rule.name }}
      className="link-button"
    >
      {words.rules.edit}
    </Link>
  )
}

function AlertsNow(props: { alerts: readonly RuleAlertStatus[]; query: string }) {
  const words = useWords()
  const format = useFormat()
  const unit = guessUnit(props.query)
  return (
    <div className="stack">
      <h3 className="field-label">{words.rules.alertsNow}</h3>
      <ul className="plain-list lines">
        {props.alerts.map((alert) => (
          <li key={JSON.stringify(alert.labels)} className="rule-alert">
            <span className="line-wrap">
              <StateBadge
                health={healthOfSeverity(alert.labels['severity'] ?? '')}
                word={words.alert.states[alert.state]}
              />
              {alert.noDataSinceTimeMs === undefined ? null : <Tag>{words.rules.noDataSince}</Tag>}
              <Link
                to="/alerts"
                search={{ filter: writeLabelText(alert.labels) }}
                className="strong"
              >
                {format.value(Number(alert.value), unit)}
              </Link>
              <span className="quiet line-end">
                <Age timeMs={alert.firedTimeMs ?? alert.activeTimeMs} />
              </span>
            </span>
            <Labels labels={alert.labels} hide={['alertname']} />
          </li>
        ))}
      </ul>
    </div>
  )
}

function healthFacts({ rule, group }: ListedRule, words: Words, format: Format): Fact[] {
  const seconds = (ms: number): string => format.value(ms / 1000, 'seconds')
  const late =
    rule.latenessMs === undefined
      ? words.rules.noLateness
      : words.rules.worst({
          last: seconds(rule.latenessMs),
          worst: seconds(rule.latenessMsWorst ?? rule.latenessMs),
        })
  return [
    [words.rules.last, <Age key="l" timeMs={rule.lastEvaluationTimeMs} />],
    [words.rules.took, <Value key="t" value={rule.evaluationMs / 1000} unit="seconds" />],
    [words.rules.samples, format.count(rule.sampleCount)],
    [words.rules.evaluated, rule.isOnArrival ? words.rules.onArrival : words.rules.byClock],
    ...(rule.isOnArrival ? [[words.rules.lateness, late] as Fact] : []),
    ...(group.missedCount > 0
      ? [[words.rules.states.missed, words.rules.missed({ count: group.missedCount })] as Fact]
      : []),
    ...(rule.kind === 'alerting'
      ? [
          [
            words.rules.since,
            rule.stateSinceTimeMs === undefined ? (
              words.rules.sinceStart
            ) : (
              <Moment key="s" timeMs={rule.stateSinceTimeMs} />
            ),
          ] as Fact,
        ]
      : []),
  ]
}

function textFacts({ rule, group }: ListedRule, words: Words, format: Format): Fact[] {
  const span = (name: string, ms: number): Fact[] => (ms > 0 ? [[name, format.span(ms)]] : [])
  const text = (name: string, value: string): Fact[] => (value === '' ? [] : [[name, value]])
  const { strategy } = rule
  return [
    ...span(words.rules.for, rule.holdMs),
    ...span(words.rules.keepFiring, rule.keepFiringMs),
    ...span(words.rules.looksBack, group.queryOffsetMs),
    ...(strategy === undefined ? [] : strategyFacts(strategy, words, format)),
    ...text(words.rules.owner, strategy?.owner ?? ''),
    ...text(words.rules.service, strategy?.service ?? ''),
    [words.rules.group, group.name],
    [words.rules.file, <code key="f">{group.file}</code>],
    ...(Object.keys(rule.labels).length === 0
      ? []
      : [[words.alert.labels, <Labels key="b" labels={rule.labels} />] as Fact]),
    ...Object.entries(rule.annotations).map(([name, value]): Fact => [name, value]),
  ]
}

function strategyFacts(strategy: StrategyView, words: Words, format: Format): Fact[] {
  const { levels, recovery, flapping, noData } = strategy
  const hold = (ms: number): string => (ms > 0 ? format.span(ms) : '')
  return [
    [
      words.rules.strategy,
      <div key="s">
        <div>{words.rules.strategies[strategy.kind]}</div>
        {levels.map(({ severity, when, holdMs }) => (
          <div key={`${severity} ${when}`}>
            {words.rules.level({ severity: severity || '–', when, hold: hold(holdMs) })}
          </div>
        ))}
      </div>,
    ],
    ...(recovery === undefined
      ? []
      : [
          [
            words.rules.recovery,
            words.rules.recoversWhen({
              when: recovery.when || recovery.expression,
              hold: hold(recovery.holdMs),
            }),
          ] as Fact,
        ]),
    ...(flapping === undefined
      ? []
      : [
          [
            words.rules.flapping,
            words.rules.flaps({
              count: flapping.changeCount,
              span: format.span(flapping.withinMs),
            }),
          ] as Fact,
        ]),
    ...(noData === undefined
      ? []
      : [[words.rules.noData, words.rules.noDataKinds[noData]] as Fact]),
  ]
}
