/** The alerts of a state as a table, or as tables in groups that can be taken and silenced as one. */

import type { AlertView } from '../../../src/api/api.ts'
import type { PageView } from '../../../src/api/on-call.ts'
import type { Health } from '../../../src/model/health.ts'
import { useAcknowledgeAll } from '../../data/pages.ts'
import { Button } from '../../kit/Button.tsx'
import { Age } from '../../kit/format.tsx'
import { Labels } from '../../kit/Labels.tsx'
import { ConfirmButton } from '../../kit/Overlay.tsx'
import { type Column, Table } from '../../kit/Table.tsx'
import { useAddress } from '../../route/router.tsx'
import { useWords } from '../../word/word.tsx'
import type { Words } from '../../word/words.ts'
import { AlertBadge, SeverityBadge, type ShownState } from '../AlertBadge.tsx'
import { Allowed } from '../Allowed.tsx'
import { PageState } from './PagePanel.tsx'
import { groupByLabel, unansweredPages } from './page-of-alert.ts'

/** From the gravest to the best. */
export const healthRank: Record<Health, number> = {
  critical: 0,
  warning: 1,
  unknown: 2,
  info: 3,
  ok: 4,
}

/** The list; `onSilence` silences a group by its label. */
export function AlertList(props: {
  alerts: readonly AlertView[]
  pages: ReadonlyMap<string, PageView>
  state: ShownState
  groupLabel: string
  selected: string | undefined
  onSilence: (label: string, value: string) => void
}) {
  const { pages, state, groupLabel } = props
  const words = useWords()
  const address = useAddress()
  const columns = alertColumns(words, pages, state)
  const groups = groupByLabel(props.alerts, groupLabel)
  return groups.map((group) => (
    <section key={group.value}>
      {groupLabel === '' ? null : (
        <div className="alert-group">
          <h2 className="alert-group-name">
            {group.value === '' ? words.page.without({ label: groupLabel }) : group.value}
            <span className="card-count">{group.alerts.length}</span>
          </h2>
          {state === 'resolved' ? null : (
            <Allowed to="respond">
              {groups.length === 1 ? null : (
                <AcknowledgeAll alerts={group.alerts} pages={pages} isSmall />
              )}
              <Button size="small" onClick={() => props.onSilence(groupLabel, group.value)}>
                {words.silence.ofGroup}
              </Button>
            </Allowed>
          )}
        </div>
      )}
      <Table
        label={`${words.alert.states[state]} ${group.value}`.trim()}
        columns={columns}
        rows={group.alerts}
        rowKey={(row) => row.fingerprint}
        selectedKey={props.selected}
        initialSort={{ key: 'state', isDescending: false }}
        onOpen={(row) => address.set({ alert: row.fingerprint }, true)}
      />
    </section>
  ))
}

/** Takes all pages of some alerts that nobody has yet, after naming them; nothing when there are none. */
export function AcknowledgeAll(props: {
  alerts: readonly AlertView[]
  pages: ReadonlyMap<string, PageView>
  isSmall?: boolean
}) {
  const words = useWords()
  const pages = unansweredPages(
    props.alerts.map(({ fingerprint }) => fingerprint),
    props.pages,
  )
  const act = useAcknowledgeAll(pages.map(({ id }) => id))
  if (pages.length === 0) return null
  const title = words.page.all({ count: pages.length })
  return (
    <ConfirmButton
      button={{ children: title, ...(props.isSmall ? { size: 'small' } : {}) }}
      title={title}
      text={words.page.allText({ titles: pages.map((page) => page.title) })}
      confirm={words.page.acts.acknowledge}
      reason={{ label: words.page.reason }}
      act={act}
    />
  )
}

function alertColumns(
  words: Words,
  pages: ReadonlyMap<string, PageView>,
  state: ShownState,
): Column<AlertView>[] {
  return [
    {
      key: 'state',
      head: state === 'resolved' ? words.alert.state : words.alert.severity,
      width: '120px',
      sortBy: (row) => healthRank[row.health],
      cell: (row) =>
        state === 'resolved' ? <AlertBadge alert={row} /> : <SeverityBadge alert={row} />,
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
      head: state === 'held' ? words.alert.why : words.page.title,
      width: '190px',
      sortBy: (row) => row.held?.reason ?? pages.get(row.fingerprint)?.state ?? '',
      cell: (row) => {
        const page = pages.get(row.fingerprint)
        if (row.held && (row.held.reason !== 'acknowledged' || page === undefined))
          return words.alert.heldReasons[row.held.reason]
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
