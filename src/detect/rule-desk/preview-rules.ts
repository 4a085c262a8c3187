/** What each rule of a text answers at one time, judged as if for the first time. */

import type { RulePreviewRow } from '../../api/rules.ts'
import type { Clock } from '../../base/clock.ts'
import { messageOf } from '../../base/error.ts'
import { type Labels, labelsFromPairs } from '../../model/labels.ts'
import type { QueryEngine } from '../../query/query.ts'
import type { Element, JudgeOptions } from '../alert-state.ts'
import { elementsOf, queryForTemplate } from '../elements.ts'
import type { Rule, RuleGroup } from '../rule-file.ts'
import { RuleJudge } from '../rule-judge.ts'

/** Elements and alerts that are told of one rule. */
const rowCountMax = 100

/** What rules are tried on. */
export interface PreviewParts {
  engine: QueryEngine
  clock: Clock
  template: Pick<JudgeOptions['template'], 'externalLabels' | 'externalUrl'>
  receiversFor(labels: Labels): string[]
}

/** Tries every rule; a rule that fails says why and harms no other. */
export async function previewRules(
  groups: readonly RuleGroup[],
  timeMs: number,
  parts: PreviewParts,
): Promise<RulePreviewRow[]> {
  const rows: RulePreviewRow[] = []
  for (const group of groups) {
    for (const rule of group.rules) {
      const startedMs = parts.clock.monotonicMs()
      const row: RulePreviewRow = {
        group: group.name,
        kind: rule.kind,
        name: rule.name,
        error: '',
        elapsedMs: 0,
        sampleCount: 0,
        elementCount: 0,
        elements: [],
        alerts: [],
      }
      try {
        await fillRow(row, { rule, group, timeMs, parts })
      } catch (thrown) {
        row.error = messageOf(thrown)
      }
      row.elapsedMs = parts.clock.monotonicMs() - startedMs
      rows.push(row)
    }
  }
  return rows
}

async function fillRow(
  row: RulePreviewRow,
  given: { rule: Rule; group: RuleGroup; timeMs: number; parts: PreviewParts },
): Promise<void> {
  const { rule, group, timeMs, parts } = given
  const askedTimeMs = timeMs - (group.queryOffsetMs ?? 0)
  const judge =
    rule.kind === 'alerting'
      ? new RuleJudge(rule, { noDataKeepMs: 0, noDataKeepForMs: 0 })
      : undefined
  const ask = async (expression: string): Promise<Element[]> => {
    const answer = await parts.engine.instant({ expression, timeMs: askedTimeMs })
    row.sampleCount += answer.stats.sampleCount
    return elementsOf(answer.value) ?? []
  }
  const elements = await ask(judge?.expression ?? rule.expression)
  row.elementCount = elements.length
  row.elements = elements.slice(0, rowCountMax).map(({ labels, value }) => ({
    labels: shownLabels(rule, labels).toObject(),
    value: String(value),
  }))
  if (judge === undefined) return
  const recovered = judge.recovery === undefined ? undefined : await ask(judge.recovery)
  judge.judge(timeMs, elements, {
    limit: group.limit,
    dataOf: () => 'present',
    recovered,
    template: {
      ...parts.template,
      query: (text) => queryForTemplate(parts.engine, text, askedTimeMs),
    },
  })
  for (const alert of judge.alerts.listLive().slice(0, rowCountMax)) {
    row.alerts.push({
      labels: alert.labels.toObject(),
      annotations: alert.annotations.toObject(),
      state: alert.state === 'firing' ? 'firing' : 'pending',
      value: String(alert.value),
      receivers: parts.receiversFor(alert.labels),
    })
  }
}

function shownLabels(rule: Rule, labels: Labels): Labels {
  if (rule.kind === 'alerting') return labels
  return labelsFromPairs([...labels.pairs, ...[...rule.labels].flat(), '__name__', rule.name])
}
