/** Alerts: what fires, what is held back and why? Details in a drawer with its own address. */

import { Allowed, useRight } from '../Allowed.tsx'
import type { AlertView } from '../../../src/api/api.ts'
import type { PageView } from '../../../src/api/on-call.ts'
import type { Health } from '../../../src/model/health.ts'
import { useNowTimeMs } from '../../data/clock.ts'
import { useAcknowledgeAll, usePages } from '../../data/pages.ts'
import { useAlerts } from '../../data/queries.ts'
import { Card, PageHead } from '../../kit/Card.tsx'
import { Button } from '../../kit/Button.tsx'
import { Empty, Shown } from '../../kit/Feedback.tsx'
import { Segments, SelectField, TextField } from '../../kit/Field.tsx'
import { Age, useFormat } from '../../kit/format.tsx'
import { SearchIcon, SilenceIcon } from '../../kit/icons.ts'
import { Labels } from '../../kit/Labels.tsx'
import { ConfirmButton, Drawer } from '../../kit/Overlay.tsx'
import { type Column, Table } from '../../kit/Table.tsx'
import { Link, useAddress } from '../../route/router.tsx'
import { useKeys } from '../../shell/keys.ts'
import { useWords } from '../../word/word.tsx'
import type { Words } from '../../word/words.ts'
import { AlertBadge, type ShownState, stateOf } from '../AlertBadge.tsx'
import { usePageTitle } from '../page-title.ts'
import { AlertDetails } from './AlertDetails.tsx'
import { PageState } from './PagePanel.tsx'
import { groupByLabel, pagesByAlert, unansweredPages } from './page-of-alert.ts'
import './alerts.css'
import { SilenceDialog } from '../silences/SilenceDialog.tsx'

const states = ['firing', 'pending', 'held', 'resolved'] as const

const healthRank: Record<Health, number> = { critical: 0, warning: 1, unknown: 2, info: 3, ok: 4 }

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
  const filter = (address.search['filter'] ?? '').toLowerCase()
  const rows = alerts
    .filter((alert) => stateOf(alert) === state)
    .filter((alert) => matches(alert, filter))
  const groupLabel = address.search['group'] ?? ''
  const labelNames = [...new Set(alerts.flatMap((alert) => Object.keys(alert.labels)))].sort()
  const unanswered = unansweredPages(
    rows.map(({ fingerprint }) => fingerprint),
    pages,
  )
  const silenced = address.search['silence']
  const silence = (fingerprint: string): void =>
    address.set({ silence: fingerprint, alert: undefined }, true)
  // The row that has the focus, or else a silence of one's own making.
  const canSilence = useRight('respond')
  const silenceKey = {
    keys: 's',
    label: words.key.silence,
    run: () => silence(focusedRow() ?? 'new'),
  }
  useKeys(canSilence ? [silenceKey] : [])
  const chosen = alerts.find((alert) => alert.fingerprint === address.search['alert'])
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
        verdict={
          reading.data ? words.alert.verdict(heldCounts(alerts, counts)) : words.place.alerts
        }
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
          <>
            <Allowed to="respond">
              {unanswered.length === 0 ? null : <AcknowledgeAll pages={unanswered} />}
              <Button icon={<SilenceIcon size={15} />} onClick={() => silence('new')}>
                {words.silence.open}
              </Button>
            </Allowed>
            <Link to="/silences" className="link-button">
              {words.silence.silences}
            </Link>
            <Link to="/notifications" className="link-button">
              {words.alert.ledger}
            </Link>
          </>
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
      <Shown reading={reading} what={words.alert.failed} rowCount={6}>
        {() => (
          <Card isFlush label={words.alert.states[state]}>
            {rows.length === 0 ? (
              <NoAlerts state={state} filter={filter} ruleCount={reading.data?.ruleCount ?? 0} />
            ) : (
              groupByLabel(rows, groupLabel).map((group) => (
                <section key={group.value}>
                  {groupLabel === '' ? null : (
                    <h2 className="alert-group-name">
                      {group.value === '' ? words.page.without({ label: groupLabel }) : group.value}
                      <span className="card-count">{group.alerts.length}</span>
                    </h2>
                  )}
                  <Table
                    label={`${words.alert.states[state]} ${group.value}`.trim()}
                    columns={alertColumns(words, pages)}
                    rows={group.alerts}
                    rowKey={(row) => row.fingerprint}
                    selectedKey={chosen?.fingerprint}
                    initialSort={{ key: 'state', isDescending: false }}
                    onOpen={(row) => address.set({ alert: row.fingerprint }, true)}
                  />
                </section>
              ))
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
            alert={chosen}
            page={pages.get(chosen.fingerprint)}
            onSilence={() => silence(chosen.fingerprint)}
          />
        ) : null}
      </Drawer>
      {silenced !== undefined && (silenced === 'new' || reading.data) ? (
        <SilenceDialog
          key={silenced}
          alert={alerts.find((alert) => alert.fingerprint === silenced)}
          onClose={() => address.set({ silence: undefined })}
        />
      ) : null}
    </>
  )
}

/** Takes all pages of what is shown, after naming them. */
function AcknowledgeAll(props: { pages: readonly PageView[] }) {
  const { pages } = props
  const words = useWords()
  const act = useAcknowledgeAll(pages.map(({ id }) => id))
  const title = words.page.all({ count: pages.length })
  return (
    <ConfirmButton
      button={{ children: title }}
      title={title}
      text={words.page.allText({ titles: pages.map((page) => page.title) })}
      confirm={words.page.acts.acknowledge}
      reason={{ label: words.page.reason }}
      act={act}
    />
  )
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

function heldCounts(alerts: readonly AlertView[], counts: Record<ShownState, number>) {
  const held = alerts.filter((alert) => stateOf(alert) === 'held')
  const of = (reason: string): number => held.filter((one) => one.held?.reason === reason).length
  return {
    ...counts,
    silenced: of('silenced'),
    inhibited: of('inhibited'),
    others: held.length - of('silenced') - of('inhibited'),
  }
}

function matches(alert: AlertView, filter: string): boolean {
  if (filter === '') return true
  const text = [
    alert.name,
    ...Object.entries(alert.labels).map(([name, value]) => `${name}=${value}`),
    ...Object.values(alert.annotations),
  ]
  return text.join(' ').toLowerCase().includes(filter)
}

function alertColumns(words: Words, pages: ReadonlyMap<string, PageView>): Column<AlertView>[] {
  return [
    {
      key: 'state',
      head: words.alert.state,
      width: '120px',
      sortBy: (row) => healthRank[row.health],
      cell: (row) => <AlertBadge alert={row} />,
    },
    {
      key: 'name',
      head: words.alert.alert,
      isMain: true,
      sortBy: (row) => row.name,
      cell: (row) => (
        <div>
          <span className="strong">{row.name}</span>
          <div className="mid">
            {row.annotations['summary'] ?? row.annotations['description'] ?? ''}
          </div>
        </div>
      ),
    },
    {
      key: 'page',
      head: words.page.title,
      width: '190px',
      sortBy: (row) => pages.get(row.fingerprint)?.state ?? '',
      cell: (row) => {
        const page = pages.get(row.fingerprint)
        return page === undefined ? <span className="quiet">–</span> : <PageState page={page} />
      },
    },
    {
      key: 'labels',
      head: words.alert.labels,
      width: '30%',
      isMinor: true,
      cell: (row) => <Labels labels={row.labels} hide={['alertname', 'severity']} />,
    },
    {
      key: 'since',
      head: words.alert.since,
      align: 'end',
      width: '110px',
      sortBy: (row) => -(row.endTimeMs ?? row.firedTimeMs ?? row.activeTimeMs),
      cell: (row) => (
        <Age
          timeMs={row.state === 'resolved' ? row.endTimeMs : (row.firedTimeMs ?? row.activeTimeMs)}
        />
      ),
    },
  ]
}

function NoAlerts(props: { state: ShownState; filter: string; ruleCount: number }) {
  const words = useWords()
  const address = useAddress()
  if (props.filter !== '') {
    return (
      <Empty
        title={words.alert.noMatch({ filter: props.filter })}
        action={
          <Button onClick={() => address.set({ filter: undefined })}>
            {words.kit.clearFilter}
          </Button>
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
