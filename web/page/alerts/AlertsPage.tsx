/** Alerts: what fires, what is held back and why? Details in a drawer with its own address. */

import { useMemo, useState } from 'react'
import { Allowed, useRight } from '../Allowed.tsx'
import type { AlertView } from '../../../src/api/api.ts'
import type { PageView } from '../../../src/api/on-call.ts'
import type { Health } from '../../../src/model/health.ts'
import { useNowTimeMs } from '../../data/clock.ts'
import { usePageAct, usePages } from '../../data/pages.ts'
import { useAlerts } from '../../data/queries.ts'
import { Card, PageHead } from '../../kit/Card.tsx'
import { Button } from '../../kit/Button.tsx'
import { Empty, Shown } from '../../kit/Feedback.tsx'
import { Segments, SelectField, TextField } from '../../kit/Field.tsx'
import { useFormat } from '../../kit/format.tsx'
import { SearchIcon, SilenceIcon } from '../../kit/icons.ts'
import { ConfirmDialog, Drawer } from '../../kit/Overlay.tsx'
import { Link, useAddress } from '../../route/router.tsx'
import { useKeys } from '../../shell/keys.ts'
import { useWords } from '../../word/word.tsx'
import type { Words } from '../../word/words.ts'
import { severityOfAlert, type ShownState, stateOf } from '../AlertBadge.tsx'
import { usePageTitle } from '../page-title.ts'
import { AlertDetails } from './AlertDetails.tsx'
import { AcknowledgeAll, AlertList, healthRank } from './AlertList.tsx'
import { isLetThrough, matchersOf, readAlertFilter, withLabel } from './alert-filter.ts'
import { isUnanswered, pagesByAlert } from './page-of-alert.ts'
import './alerts.css'
import { SilenceDialog } from '../silences/SilenceDialog.tsx'

const states = ['firing', 'pending', 'held', 'resolved'] as const

/** The page. */
export default function AlertsPage() {
  const words = useWords()
  usePageTitle(words.place.alerts)
  const address = useAddress()
  const reading = useAlerts()
  const nowTimeMs = useNowTimeMs()
  const format = useFormat()
  const alerts = reading.data?.alerts ?? []
  const counts = countStates(alerts)
  const pages = pagesByAlert(usePages('open').data?.pages ?? [])
  const wanted = address.search['state']
  const state: ShownState = isShownState(wanted) ? wanted : firstState(counts)
  const filter = address.search['filter'] ?? ''
  const read = useMemo(() => readAlertFilter(filter), [filter])
  const ofState = alerts.filter((alert) => stateOf(alert) === state)
  const severity = address.search['severity'] ?? ''
  const matching = alerts
    .filter((alert) => severity === '' || severityOfAlert(alert) === severity)
    .filter((alert) => isLetThrough(alert, read))
  const rows = matching.filter((alert) => stateOf(alert) === state)
  const groupLabel = address.search['group'] ?? ''
  const labelNames = [...new Set(alerts.flatMap((alert) => Object.keys(alert.labels)))].sort()
  const silenced = address.search['silence']
  const silence = (fingerprint: string, match?: string): void =>
    address.set({ silence: fingerprint, match, alert: undefined }, true)
  // A silence of one's own making begins with the labels that are filtered by.
  const silenceShown = (): void => {
    const base = severity === '' ? filter : withLabel(filter, 'severity', severity)
    silence('new', base)
  }
  const [taken, setTaken] = useState<PageView>()
  const canRespond = useRight('respond')
  const keys = [
    {
      keys: 'a',
      label: words.page.acts.acknowledge,
      run: () => {
        const page = pages.get(focusedRow() ?? '')
        if (page !== undefined && isUnanswered(page)) setTaken(page)
      },
    },
    {
      keys: 's',
      label: words.key.silence,
      run: () => {
        const row = focusedRow()
        if (row === undefined) silenceShown()
        else silence(row)
      },
    },
  ]
  useKeys(canRespond ? keys : [])
  const chosen = alerts.find((alert) => alert.fingerprint === address.search['alert'])
  // A link that somebody was sent outlives what it leads to.
  const isGone = reading.data !== undefined && !chosen && address.search['alert'] !== undefined
  const worst = alerts
    .filter((alert) => stateOf(alert) === 'firing')
    .reduce<Health>(
      (sum, alert) => (healthRank[alert.health] < healthRank[sum] ? alert.health : sum),
      'ok',
    )
  const lastEvaluation = reading.data?.lastEvaluationTimeMs
  return (
    <>
      <PageHead
        health={reading.data ? worst : undefined}
        healthWord={words.health[worst]}
        verdict={reading.data ? sentence(alerts, counts, words) : words.place.alerts}
        proof={
          reading.data ? (
            <span className="quiet">
              {lastEvaluation === undefined
                ? words.now.rulesWaiting({ count: reading.data.ruleCount })
                : words.now.rulesChecked({
                    count: reading.data.ruleCount,
                    span: format.span(Math.max(0, nowTimeMs - lastEvaluation)),
                  })}
            </span>
          ) : undefined
        }
        actions={
          <Allowed to="respond">
            <AcknowledgeAll alerts={rows} pages={pages} />
            <Button icon={<SilenceIcon size={15} />} onClick={silenceShown}>
              {words.silence.open}
            </Button>
          </Allowed>
        }
      />
      <div className="filter-bar">
        <Segments
          label={words.alert.state}
          value={state}
          onChange={(next) => address.set({ state: next, alert: undefined })}
          options={states.map((one) => ({
            value: one,
            label: words.alert.states[one],
            count: counts[one],
          }))}
        />
        <SelectField
          label={words.alert.severity}
          isLabelHidden
          value={severity}
          options={severityOptions(ofState, severity, words)}
          onChange={(next) => address.set({ severity: next === '' ? undefined : next })}
        />
        <TextField
          label={words.alert.filter}
          isLabelHidden
          type="search"
          icon={<SearchIcon size={15} />}
          placeholder={words.alert.filter}
          value={address.search['filter'] ?? ''}
          onChange={(value) => address.set({ filter: value })}
        />
        <SelectField
          label={words.page.groupBy}
          isLabelHidden
          value={groupLabel}
          options={[
            { value: '', label: words.page.groupNone },
            ...labelNames.map((name) => ({ value: name, label: name })),
          ]}
          onChange={(name) => address.set({ group: name === '' ? undefined : name })}
        />
      </div>
      {isGone ? (
        <p className="gone" role="status">
          {words.alert.gone}{' '}
          <Button size="small" onClick={() => address.set({ alert: undefined })}>
            {words.kit.close}
          </Button>
        </p>
      ) : null}
      <Shown reading={reading} what={words.alert.failed} rowCount={6}>
        {() => (
          <Card isFlush label={words.alert.states[state]}>
            {rows.length === 0 ? (
              <NoAlerts
                state={state}
                matching={matching}
                filter={[filter, severity].join(' ').trim()}
                ruleCount={reading.data?.ruleCount ?? 0}
              />
            ) : (
              <AlertList
                alerts={rows}
                pages={pages}
                state={state}
                groupLabel={groupLabel}
                selected={chosen?.fingerprint}
                onSilence={(label, value) => silence('new', withLabel(filter, label, value))}
              />
            )}
          </Card>
        )}
      </Shown>
      <Drawer
        isOpen={chosen !== undefined}
        onClose={() => address.set({ alert: undefined })}
        title={chosen?.name ?? ''}
      >
        {chosen ? (
          <AlertDetails
            key={chosen.fingerprint}
            alert={chosen}
            onPick={(name, value) =>
              address.set({ alert: undefined, filter: withLabel(filter, name, value) })
            }
            page={pages.get(chosen.fingerprint)}
            onSilence={() => silence(chosen.fingerprint)}
          />
        ) : null}
      </Drawer>
      {silenced !== undefined && (silenced === 'new' || reading.data) ? (
        <SilenceDialog
          key={silenced}
          alert={alerts.find((alert) => alert.fingerprint === silenced)}
          matchers={matchersOf(readAlertFilter(address.search['match'] ?? ''))}
          onClose={() => address.set({ silence: undefined, match: undefined })}
        />
      ) : null}
      {taken ? <TakePage page={taken} onClose={() => setTaken(undefined)} /> : null}
    </>
  )
}

/** Acknowledging from the list: the same question as behind the button. */
function TakePage(props: { page: PageView; onClose: () => void }) {
  const words = useWords()
  const act = usePageAct(props.page.id, 'acknowledge')
  return (
    <ConfirmDialog
      onClose={props.onClose}
      title={words.page.acts.acknowledge}
      text={words.page.actTexts.acknowledge({ title: props.page.title })}
      confirm={words.page.acts.acknowledge}
      reason={{ label: words.page.reason }}
      act={act}
    />
  )
}

/** Severities among the alerts with their counts, the gravest first; the one asked for is always there. */
function severityOptions(alerts: readonly AlertView[], wanted: string, words: Words) {
  const counts = new Map<string, { count: number; rank: number }>()
  for (const alert of alerts) {
    const name = severityOfAlert(alert)
    if (name === '') continue
    const count = (counts.get(name)?.count ?? 0) + 1
    counts.set(name, { count, rank: healthRank[alert.health] })
  }
  if (wanted !== '' && !counts.has(wanted)) counts.set(wanted, { count: 0, rank: 9 })
  return [
    { value: '', label: words.alert.anySeverity },
    ...[...counts]
      .sort(([, a], [, b]) => a.rank - b.rank)
      .map(([name, { count }]) => ({ value: name, label: `${name} (${count})` })),
  ]
}

/** The key of the row that has the focus. */
function focusedRow(): string | undefined {
  const row = document.activeElement?.closest<HTMLElement>('[data-row]')
  return row?.dataset['row'] || undefined
}

function isShownState(text: string | undefined): text is ShownState {
  return states.includes(text as ShownState)
}

function firstState(counts: Record<ShownState, number>): ShownState {
  return states.find((state) => counts[state] > 0 && state !== 'resolved') ?? 'firing'
}

function countStates(alerts: readonly AlertView[]): Record<ShownState, number> {
  const out = { firing: 0, pending: 0, held: 0, resolved: 0 }
  for (const alert of alerts) out[stateOf(alert)] += 1
  return out
}

/** What the sentence at the head says: how many fire, and how many are held for which reasons. */
function sentence(alerts: readonly AlertView[], counts: Record<ShownState, number>, words: Words) {
  const reasons = new Map<keyof Words['alert']['heldReasons'], number>()
  for (const { held } of alerts.filter((alert) => stateOf(alert) === 'held'))
    if (held) reasons.set(held.reason, (reasons.get(held.reason) ?? 0) + 1)
  return words.alert.verdict({
    ...counts,
    reasons: [...reasons].map(([reason, count]) =>
      words.alert.heldPart({ count, reason: words.alert.heldReasons[reason] }),
    ),
  })
}

function NoAlerts(props: {
  state: ShownState
  filter: string
  /** Matches of the filter in whatever state. */
  matching: readonly AlertView[]
  ruleCount: number
}) {
  const words = useWords()
  const address = useAddress()
  const elsewhere = countStates(props.matching)
  if (props.filter !== '') {
    return (
      <Empty
        title={words.alert.noMatch({ filter: props.filter })}
        action={
          <>
            {states
              .filter((state) => elsewhere[state] > 0)
              .map((state) => (
                <Button key={state} onClick={() => address.set({ state })}>
                  {words.alert.elsewhere({
                    count: elsewhere[state],
                    state: words.alert.states[state],
                  })}
                </Button>
              ))}
            <Button onClick={() => address.set({ filter: undefined, severity: undefined })}>
              {words.kit.clearFilter}
            </Button>
          </>
        }
      />
    )
  }
  return (
    <Empty title={words.alert.none[props.state]}>
      {props.ruleCount === 0
        ? words.rules.noneHint
        : words.alert.noneHint({ count: props.ruleCount })}{' '}
      <Link to="/rules">{words.alert.seeRules}</Link>
    </Empty>
  )
}
