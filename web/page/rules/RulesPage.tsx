/** Rules: what do we watch for, and does it work? */

import type { Health } from '../../../src/model/health.ts'
import { healthOfSeverity } from '../../../src/model/health.ts'
import type { RuleAnswer, RuleGroupAnswer } from '../../data/prometheus.ts'
import { useRules } from '../../data/queries.ts'
import { Button } from '../../kit/Button.tsx'
import { Card, Facts, PageHead } from '../../kit/Card.tsx'
import { CopyBlock } from '../../kit/Copy.tsx'
import { Empty, Shown } from '../../kit/Feedback.tsx'
import { TextField } from '../../kit/Field.tsx'
import { Age, useFormat, Value } from '../../kit/format.tsx'
import { SearchIcon } from '../../kit/icons.ts'
import { Labels } from '../../kit/Labels.tsx'
import { Drawer } from '../../kit/Overlay.tsx'
import { StateBadge, Tag } from '../../kit/State.tsx'
import { type Column, Table } from '../../kit/Table.tsx'
import { Link, useAddress } from '../../route/router.tsx'
import { useWords } from '../../word/word.tsx'
import { usePageTitle } from '../page-title.ts'

function ruleHealth(rule: RuleAnswer): Health {
  if (rule.health === 'err') return 'critical'
  if (rule.health === 'unknown') return 'unknown'
  if (rule.state === 'firing') return healthOfSeverity(rule.labels?.['severity'] ?? '')
  return rule.state === 'pending' ? 'info' : 'ok'
}

function ruleKey(group: RuleGroupAnswer, rule: RuleAnswer): string {
  return `${group.name}/${rule.name}/${rule.query}`
}

/** The page. */
export default function RulesPage() {
  const words = useWords()
  usePageTitle(words.place.rules)
  const address = useAddress()
  const reading = useRules()
  const groups = reading.data ?? []
  const rules = groups.flatMap((group) => group.rules)
  const broken = rules.filter((rule) => rule.health === 'err').length
  const waiting = rules.filter((rule) => rule.health === 'unknown').length
  const filter = (address.search['filter'] ?? '').toLowerCase()
  const shown = groups
    .map((group) => ({
      ...group,
      rules: group.rules.filter((rule) =>
        `${rule.name} ${rule.query} ${group.name}`.toLowerCase().includes(filter),
      ),
    }))
    .filter((group) => group.rules.length > 0)
  const chosen = groups
    .flatMap((group) => group.rules.map((rule) => ({ group, rule })))
    .find(({ group, rule }) => ruleKey(group, rule) === address.search['rule'])
  return (
    <>
      <PageHead
        health={reading.data ? (broken > 0 ? 'critical' : 'ok') : undefined}
        healthWord={words.health[broken > 0 ? 'critical' : 'ok']}
        verdict={
          reading.data
            ? words.rules.verdict({ count: rules.length, broken, waiting })
            : words.place.rules
        }
      />
      <div className="filter-bar">
        <TextField
          label={words.rules.filter}
          isLabelHidden
          type="search"
          icon={<SearchIcon size={15} />}
          placeholder={words.rules.filter}
          value={address.search['filter'] ?? ''}
          onChange={(value) => address.set({ filter: value })}
        />
      </div>
      <Shown reading={reading} what={words.rules.failed} rowCount={8}>
        {() => (
          <div className="column">
            {rules.length === 0 ? (
              <Card>
                <Empty title={words.rules.none}>
                  <div className="stack">
                    <p>{words.rules.noneHint}</p>
                    <CopyBlock label={words.place.rules} text={'rule_files:\n  - rules/*.yml'} />
                  </div>
                </Empty>
              </Card>
            ) : shown.length === 0 ? (
              <Card>
                <Empty
                  title={words.rules.noMatch({ filter })}
                  action={
                    <Button onClick={() => address.set({ filter: undefined })}>
                      {words.kit.clearFilter}
                    </Button>
                  }
                />
              </Card>
            ) : (
              shown.map((group) => (
                <GroupCard
                  key={`${group.file} ${group.name}`}
                  group={group}
                  onOpen={(rule) => address.set({ rule: ruleKey(group, rule) }, true)}
                />
              ))
            )}
          </div>
        )}
      </Shown>
      <Drawer
        isOpen={chosen !== undefined}
        onClose={() => address.set({ rule: undefined })}
        title={chosen?.rule.name ?? ''}
      >
        {chosen ? <RuleDetails rule={chosen.rule} group={chosen.group} /> : null}
      </Drawer>
    </>
  )
}

function GroupCard(props: { group: RuleGroupAnswer; onOpen: (rule: RuleAnswer) => void }) {
  const { group } = props
  const words = useWords()
  const format = useFormat()
  const columns: Column<RuleAnswer>[] = [
    {
      key: 'health',
      head: words.rules.state,
      width: '130px',
      sortBy: (row) => ['critical', 'warning', 'unknown', 'info', 'ok'].indexOf(ruleHealth(row)),
      cell: (row) => <RuleBadge rule={row} />,
    },
    {
      key: 'name',
      head: words.rules.rule,
      sortBy: (row) => row.name,
      cell: (row) => (
        <div>
          <span className="line-wrap">
            <span className="strong">{row.name}</span>
            {row.type === 'recording' ? <Tag>{words.rules.recording}</Tag> : null}
            {row.labels?.['severity'] ? <Tag>{row.labels['severity']}</Tag> : null}
          </span>
          <code className="mid clamp">{row.query}</code>
          {row.lastError ? <div className="field-fault">{row.lastError}</div> : null}
        </div>
      ),
    },
    {
      key: 'for',
      head: words.rules.for,
      align: 'end',
      width: '90px',
      isMinor: true,
      cell: (row) =>
        row.duration ? (
          <span className="no-wrap">{format.span(row.duration * 1000)}</span>
        ) : (
          <span className="quiet">–</span>
        ),
    },
    {
      key: 'took',
      head: words.rules.took,
      align: 'end',
      width: '90px',
      isMinor: true,
      sortBy: (row) => row.evaluationTime,
      cell: (row) => <Value value={row.evaluationTime} unit="seconds" />,
    },
    {
      key: 'last',
      head: words.rules.last,
      align: 'end',
      width: '110px',
      cell: (row) => <Age timeMs={evaluatedTimeMs(row)} />,
    },
  ]
  return (
    <Card
      isFlush
      label={group.name}
      title={
        <span className="group-title">
          {group.name}
          <span className="card-count">
            {words.rules.every({ span: format.span(group.interval * 1000) })}
          </span>
        </span>
      }
      actions={<code className="quiet cut">{group.file}</code>}
    >
      <Table
        label={group.name}
        columns={columns}
        rows={group.rules}
        rowKey={(row) => ruleKey(group, row)}
        onOpen={props.onOpen}
      />
    </Card>
  )
}

/** Prometheus writes the year 1 for "never". */
function evaluatedTimeMs(rule: RuleAnswer): number | undefined {
  const timeMs = Date.parse(rule.lastEvaluation)
  return timeMs > 0 ? timeMs : undefined
}

function RuleBadge(props: { rule: RuleAnswer }) {
  const words = useWords()
  const { rule } = props
  const word =
    rule.health === 'err'
      ? words.rules.broken
      : rule.health === 'unknown'
        ? words.rules.waiting
        : rule.state === 'firing'
          ? words.alert.states.firing
          : rule.state === 'pending'
            ? words.alert.states.pending
            : words.rules.fine
  return <StateBadge health={ruleHealth(rule)} word={word} />
}

function RuleDetails(props: { rule: RuleAnswer; group: RuleGroupAnswer }) {
  const { rule, group } = props
  const words = useWords()
  const format = useFormat()
  return (
    <div className="stack-wide">
      <div className="line-wrap">
        <RuleBadge rule={rule} />
        {rule.type === 'recording' ? <Tag>{words.rules.recording}</Tag> : null}
      </div>
      {rule.lastError ? <p className="field-fault">{rule.lastError}</p> : null}
      <div className="stack">
        <div className="line">
          <h3 className="field-label">{words.alert.expression}</h3>
          <span className="line-end">
            <Link to="/metrics" search={{ q: rule.query }}>
              {words.alert.openQuery}
            </Link>
          </span>
        </div>
        <div className="code-text">{rule.query}</div>
      </div>
      <Facts
        items={[
          [words.rules.group, group.name],
          [words.rules.file, <code key="f">{group.file}</code>],
          [words.rules.for, rule.duration ? format.span(rule.duration * 1000) : '–'],
          [words.rules.last, <Age key="l" timeMs={evaluatedTimeMs(rule)} />],
          [words.alert.labels, <Labels key="b" labels={rule.labels ?? {}} />],
          ...Object.entries(rule.annotations ?? {}).map(
            ([name, value]): [React.ReactNode, React.ReactNode] => [name, value],
          ),
        ]}
      />
      {rule.type === 'alerting' ? (
        <div>
          <Link to="/alerts" search={{ filter: rule.name }} className="link-button">
            {words.rules.seeAlerts}
          </Link>
        </div>
      ) : null}
    </div>
  )
}
