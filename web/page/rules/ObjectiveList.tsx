/** Objectives: how much may go wrong, how much of that is left, and when it ends at the present pace. */

import type { SloStatus } from '../../../src/api/rules.ts'
import type { Health } from '../../../src/model/health.ts'
import { useObjectives } from '../../data/rules.ts'
import { Card, Facts } from '../../kit/Card.tsx'
import { CopyBlock } from '../../kit/Copy.tsx'
import { Empty, Shown } from '../../kit/Feedback.tsx'
import { Moment, useFormat } from '../../kit/format.tsx'
import { StateBadge, Tag } from '../../kit/State.tsx'
import { Link } from '../../route/router.tsx'
import { useWords } from '../../word/word.tsx'

const example = `version: prometheus/v1
service: shop
slos:
  - name: checkout
    objective: 99.9
    sli:
      events:
        error_query: sum(rate(http_requests_total{code=~"5.."}[{{.window}}]))
        total_query: sum(rate(http_requests_total[{{.window}}]))
    alerting:
      name: CheckoutBudget`

/** All objectives. */
export function ObjectiveList() {
  const words = useWords()
  const reading = useObjectives()
  return (
    <Shown reading={reading} what={words.rules.slo.failed} rowCount={6}>
      {({ slos }) =>
        slos.length === 0 ? (
          <Card label={words.rules.views.objectives}>
            <Empty title={words.rules.slo.none}>
              <div className="stack">
                <p>{words.rules.slo.noneHint}</p>
                <CopyBlock label={words.rules.views.objectives} text={example} />
              </div>
            </Empty>
          </Card>
        ) : (
          <div className="objectives">
            {slos.map((slo) => (
              <Objective key={slo.id} slo={slo} />
            ))}
          </div>
        )
      }
    </Shown>
  )
}

function Objective(props: { slo: SloStatus }) {
  const { slo } = props
  const words = useWords()
  const format = useFormat()
  const left = slo.budgetLeftRatio
  const rate = (value: number | undefined): string => format.value(value, 'count')
  const word =
    left === undefined
      ? words.rules.slo.noData
      : left < 0
        ? words.rules.slo.overspent({ percent: format.value(-left, 'ratio') })
        : words.rules.slo.leftOf({ percent: format.value(left, 'ratio') })
  return (
    <Card
      label={slo.name}
      title={
        <span className="group-title">
          {slo.name}
          <Tag>{slo.service}</Tag>
        </span>
      }
      actions={<StateBadge health={healthOf(slo)} word={word} />}
    >
      <div className="stack">
        <p className="mid">
          {words.rules.slo.target({
            percent: String(slo.objectivePercent),
            span: format.span(slo.periodMs),
          })}
          {slo.description === '' ? null : ` · ${slo.description}`}
        </p>
        <div className="budget" data-health={healthOf(slo)} aria-hidden>
          <span style={{ width: `${Math.max(0, Math.min(1, left ?? 0)) * 100}%` }} />
        </div>
        <Facts
          items={[
            [
              <span key="b" title={words.rules.slo.burnHint}>
                {words.rules.slo.burn}
              </span>,
              rate(slo.burnRate),
            ],
            [words.rules.slo.periodBurn, rate(slo.periodBurnRate)],
            [
              words.rules.slo.ends,
              left !== undefined && left <= 0 ? (
                words.rules.slo.spent
              ) : slo.exhaustedTimeMs === undefined ? (
                left === undefined ? (
                  '–'
                ) : (
                  words.rules.slo.endsNot
                )
              ) : (
                <Moment key="e" timeMs={slo.exhaustedTimeMs} />
              ),
            ],
          ]}
        />
        <p className="field-hint">{words.rules.slo.burnHint}</p>
        <div className="line-wrap">
          {slo.firingCount > 0 ? (
            <Link to="/alerts" search={{ filter: slo.id }} className="link-button">
              {words.rules.slo.firing({ count: slo.firingCount })}
            </Link>
          ) : null}
          <Link
            to="/metrics"
            search={{ q: `slo:current_burn_rate:ratio{sloth_id=${JSON.stringify(slo.id)}}` }}
            className="link-button"
          >
            {words.rules.slo.openBurn}
          </Link>
          <Link to="/rules" search={{ filter: slo.id }} className="link-button">
            {words.rules.slo.seeRules}
          </Link>
        </div>
      </div>
    </Card>
  )
}

/** What is left says how grave it is; an alert that fires says it first. */
function healthOf({ budgetLeftRatio, firingCount, exhaustedTimeMs }: SloStatus): Health {
  if (budgetLeftRatio === undefined) return 'unknown'
  if (budgetLeftRatio <= 0) return 'critical'
  return firingCount > 0 || exhaustedTimeMs !== undefined ? 'warning' : 'ok'
}
