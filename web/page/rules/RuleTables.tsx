/** All rules in tables: by group, by file or in one, filtered by text and state. */

import type { RuleList } from '../../../src/api/rules.ts'
import { Button } from '../../kit/Button.tsx'
import { Card } from '../../kit/Card.tsx'
import { CopyBlock } from '../../kit/Copy.tsx'
import { Empty } from '../../kit/Feedback.tsx'
import { SelectField, TextField } from '../../kit/Field.tsx'
import { Age, useFormat, Value } from '../../kit/format.tsx'
import { SearchIcon } from '../../kit/icons.ts'
import { Drawer } from '../../kit/Overlay.tsx'
import { StateBadge, Tag } from '../../kit/State.tsx'
import { type Column, Table } from '../../kit/Table.tsx'
import { useAddress } from '../../route/router.tsx'
import { useWords } from '../../word/word.tsx'
import { RuleDetails } from './RuleDetails.tsx'
import {
  healthOfRule,
  isOfState,
  type ListedRule,
  listRules,
  ruleStates,
  severitiesOf,
  wordOfRule,
} from './rule-health.ts'

const groupings = ['group', 'file', 'none'] as const

/** The tables with their filter and the drawer of a rule. */
export function RuleTables(props: { list: RuleList }) {
  const words = useWords()
  const address = useAddress()
  const { search } = address
  const all = listRules(props.list.groups)
  const filter = (search['filter'] ?? '').toLowerCase()
  const state = ruleStates.find((one) => one === search['state']) ?? 'all'
  const grouping = groupings.find((one) => one === search['by']) ?? 'group'
  const shown = all.filter(
    (one) =>
      isOfState(one, state) &&
      `${one.rule.name} ${one.rule.expression} ${one.group.name}`.toLowerCase().includes(filter),
  )
  const chosen = all.find(({ key }) => key === search['rule'])
  if (all.length === 0)
    return (
      <Card label={words.place.rules}>
        <Empty title={words.rules.none}>
          <div className="stack">
            <p>{words.rules.noneHint}</p>
            <CopyBlock label={words.place.rules} text={'rule_files:\n  - rules/*.yml'} />
          </div>
        </Empty>
      </Card>
    )
  return (
    <div className="column">
      <div className="filter-bar">
        <TextField
          label={words.rules.filter}
          isLabelHidden
          type="search"
          icon={<SearchIcon size={15} />}
          placeholder={words.rules.filter}
          value={search['filter'] ?? ''}
          onChange={(value) => address.set({ filter: value })}
        />
        <SelectField
          label={words.rules.stateFilter}
          isLabelHidden
          value={state}
          options={ruleStates.map((one) => ({
            value: one,
            label: `${words.rules.states[one]} (${all.filter((rule) => isOfState(rule, one)).length})`,
          }))}
          onChange={(next) => address.set({ state: next === 'all' ? undefined : next })}
        />
        <SelectField
          label={words.rules.grouping}
          isLabelHidden
          value={grouping}
          options={groupings.map((one) => ({ value: one, label: words.rules.groupings[one] }))}
          onChange={(next) => address.set({ by: next === 'group' ? undefined : next })}
        />
      </div>
      {shown.length === 0 ? (
        <Card label={words.place.rules}>
          <Empty
            title={words.rules.noMatch({ filter })}
            action={
              <Button onClick={() => address.set({ filter: undefined, state: undefined })}>
                {words.kit.clearFilter}
              </Button>
            }
          />
        </Card>
      ) : (
        gather(shown, grouping).map((rules) => (
          <RuleCard
            key={rules[0]!.key}
            rules={rules}
            grouping={grouping}
            selected={chosen?.key}
            onOpen={(key) => address.set({ rule: key }, true)}
          />
        ))
      )}
      <Drawer
        isOpen={chosen !== undefined}
        onClose={() => address.set({ rule: undefined })}
        title={chosen?.rule.name ?? ''}
      >
        {chosen ? <RuleDetails listed={chosen} /> : null}
      </Drawer>
    </div>
  )
}

/** Rules that belong together, in the order of the files. */
function gather(rules: readonly ListedRule[], by: (typeof groupings)[number]): ListedRule[][] {
  const out = new Map<string, ListedRule[]>()
  for (const one of rules) {
    const { file, name } = one.group
    const key = by === 'none' ? '' : by === 'file' ? file : `${file} ${name}`
    const held = out.get(key)
    if (held) held.push(one)
    else out.set(key, [one])
  }
  return [...out.values()]
}

function RuleCard(props: {
  rules: readonly ListedRule[]
  grouping: (typeof groupings)[number]
  selected: string | undefined
  onOpen: (key: string) => void
}) {
  const { rules, grouping } = props
  const words = useWords()
  const format = useFormat()
  const { group } = rules[0]!
  const columns = useColumns(grouping !== 'group')
  const title =
    grouping === 'none' ? words.rules.all : grouping === 'file' ? group.file : group.name
  return (
    <Card
      isFlush
      label={title}
      title={
        <span className="group-title">
          {title}
          {grouping === 'group' ? (
            <span className="card-count">
              {words.rules.every({ span: format.span(group.intervalMs) })}
            </span>
          ) : null}
          {grouping === 'group' && group.missedCount > 0 ? (
            <span title={words.rules.missedHint}>
              <StateBadge
                health="warning"
                word={words.rules.missed({ count: group.missedCount })}
              />
            </span>
          ) : null}
        </span>
      }
      actions={
        grouping === 'group' ? (
          <code className="quiet" title={group.file}>
            {group.file.split(/[\\/]/).slice(-2).join('/')}
          </code>
        ) : null
      }
    >
      <Table
        label={title}
        columns={columns}
        rows={rules}
        rowKey={(row) => row.key}
        selectedKey={props.selected}
        onOpen={(row) => props.onOpen(row.key)}
      />
    </Card>
  )
}

function useColumns(hasGroup: boolean): Column<ListedRule>[] {
  const words = useWords()
  const format = useFormat()
  const group: Column<ListedRule> = {
    key: 'group',
    head: words.rules.group,
    width: '18%',
    isMinor: true,
    sortBy: (row) => row.group.name,
    cell: (row) => row.group.name,
  }
  return [
    {
      key: 'health',
      head: words.rules.state,
      width: '130px',
      sortBy: ({ rule }) =>
        ['critical', 'warning', 'unknown', 'info', 'ok'].indexOf(healthOfRule(rule)),
      cell: ({ rule }) => <StateBadge health={healthOfRule(rule)} word={wordOfRule(rule, words)} />,
    },
    {
      key: 'name',
      head: words.rules.rule,
      isMain: true,
      sortBy: (row) => row.rule.name,
      cell: ({ rule }) => (
        <div>
          <span className="line-wrap">
            <span className="strong">{rule.name}</span>
            {rule.kind === 'recording' ? <Tag>{words.rules.recording}</Tag> : null}
            {severitiesOf(rule) === '' ? null : <Tag>{severitiesOf(rule)}</Tag>}
          </span>
          <code className="mid clamp">{rule.expression}</code>
          {rule.lastError ? <div className="field-fault">{rule.lastError}</div> : null}
        </div>
      ),
    },
    ...(hasGroup ? [group] : []),
    {
      key: 'for',
      head: words.rules.for,
      align: 'end',
      width: '80px',
      isMinor: true,
      sortBy: (row) => row.rule.holdMs,
      cell: ({ rule }) =>
        rule.holdMs > 0 ? (
          <span className="no-wrap">{format.span(rule.holdMs)}</span>
        ) : (
          <span className="quiet">–</span>
        ),
    },
    {
      key: 'took',
      head: words.rules.took,
      align: 'end',
      width: '80px',
      isMinor: true,
      sortBy: (row) => row.rule.evaluationMs,
      cell: ({ rule }) => <Value value={rule.evaluationMs / 1000} unit="seconds" />,
    },
    {
      key: 'late',
      head: words.rules.late,
      align: 'end',
      width: '90px',
      isMinor: true,
      sortBy: (row) => row.rule.latenessMs ?? -1,
      cell: ({ rule }) => (
        <Value
          value={rule.latenessMs === undefined ? undefined : rule.latenessMs / 1000}
          unit="seconds"
        />
      ),
    },
    {
      key: 'last',
      head: words.rules.last,
      align: 'end',
      width: '100px',
      cell: ({ rule }) => <Age timeMs={rule.lastEvaluationTimeMs} />,
    },
  ]
}
