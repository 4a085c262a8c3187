/** The rule editor: a text that is checked while it is typed, tried on the data of now, tested over the past, and saved. */

import { Allowed } from '../Allowed.tsx'
import { useEffect, useMemo, useState } from 'react'
import { YamlField } from '../../editor/YamlField.tsx'
import { useRuleCheck, useRuleFile, useRuleList } from '../../data/rules.ts'
import { Button } from '../../kit/Button.tsx'
import { Card, PageHead } from '../../kit/Card.tsx'
import { CopyButton } from '../../kit/Copy.tsx'
import { ActFault, Shown } from '../../kit/Feedback.tsx'
import { Segments } from '../../kit/Field.tsx'
import { StateMark, Tag } from '../../kit/State.tsx'
import { Link, useAddress } from '../../route/router.tsx'
import { useWords } from '../../word/word.tsx'
import { usePageTitle } from '../page-title.ts'
import { NowPanel } from './NowPanel.tsx'
import { PastPanel } from './PastPanel.tsx'
import { keepDraft, type RuleDraft, readDraft } from './rule-draft.ts'
import { listRules } from './rule-health.ts'
import { exampleText, formatRule } from './rule-text.ts'
import { SaveBar } from './SaveBar.tsx'
import { VersionPanel } from './VersionPanel.tsx'
import './rules.css'

const panels = ['now', 'past', 'versions'] as const
type Panel = (typeof panels)[number]

/** What an editor begins with. */
interface Origin {
  /** Name of the file; empty for a text that is no file yet. */
  file: string
  text: string
  revision: string
  title: string
}

/** The page. */
export default function RuleEditorPage() {
  const words = useWords()
  const address = useAddress()
  const { file = '', copy = '' } = address.search
  usePageTitle(file || words.ruleEditor.title)
  const list = useRuleList()
  const reading = useRuleFile(file)
  const found =
    copy === '' ? undefined : listRules(list.data?.groups ?? []).find((one) => one.key === copy)
  const key = file || copy || 'new'
  if (file !== '')
    return (
      <Shown reading={reading} what={words.ruleEditor.failed} rowCount={8}>
        {({ text, revision }) => (
          <Workbench key={key} draftKey={key} origin={{ file, text, revision, title: file }} />
        )}
      </Shown>
    )
  return (
    <Shown reading={list} what={words.rules.failed} rowCount={8}>
      {() => (
        <Workbench
          key={key}
          draftKey={key}
          origin={{
            file: '',
            text: found ? formatRule(found.group, found.rule) : '',
            revision: '',
            title: found
              ? words.ruleEditor.copyOf({ name: found.rule.name })
              : words.ruleEditor.new,
          }}
        />
      )}
    </Shown>
  )
}

function Workbench(props: { origin: Origin; draftKey: string }) {
  const { origin, draftKey } = props
  const words = useWords()
  const address = useAddress()
  const [draft, setDraft] = useState(() => readDraft(draftKey))
  const text = draft?.text ?? origin.text
  const isChanged = draft !== undefined
  const change = (next: string | undefined): void => {
    const kept: RuleDraft | undefined =
      next === undefined || next === origin.text
        ? undefined
        : { text: next, revision: draft?.revision ?? origin.revision }
    keepDraft(draftKey, kept)
    setDraft(kept)
  }
  useLeaveGuard(isChanged)
  const [isSaving, setSaving] = useState<{ at: number } | undefined>()
  const [target, setTarget] = useState(() => lineOf(origin.text, address.search['rule'] ?? ''))
  const settled = useSettled(text)
  const check = useRuleCheck(settled)
  const isChecked = settled === text && !check.isFetching
  const isEmpty = text.trim() === ''
  const isValid = !isEmpty && (check.data?.isValid ?? false)
  const faults = useMemo(() => (isEmpty ? [] : (check.data?.problems ?? [])), [check.data, isEmpty])
  const panel = panels.find((one) => one === address.search['panel']) ?? 'now'
  const offered = panels.filter((one) => one !== 'versions' || origin.file !== '')
  return (
    <>
      <PageHead
        trail={<Link to="/rules">{words.place.rules}</Link>}
        health={isEmpty || !isChecked ? undefined : isValid ? 'ok' : 'critical'}
        verdict={
          <span className="line-wrap">
            {origin.title}
            {isChanged ? <Tag>{words.ruleEditor.unsaved}</Tag> : null}
          </span>
        }
        actions={
          <Allowed to="administer">
            <SaveBar
              file={{ name: origin.file, revision: draft?.revision ?? origin.revision }}
              text={text}
              isReady={isValid && isChecked}
              isChanged={isChanged || (origin.file === '' && !isEmpty)}
              request={isSaving}
              onSaved={() => change(undefined)}
              onDiscard={isChanged ? () => change(undefined) : undefined}
            />
          </Allowed>
        }
      />
      <div className="editor-split">
        <Card title={words.ruleEditor.text} actions={<CopyButton text={text} />}>
          <YamlField
            value={text}
            label={words.ruleEditor.text}
            faults={faults}
            onChange={change}
            onSave={() => setSaving({ at: (isSaving?.at ?? 0) + 1 })}
            target={target}
          />
          <Verdict
            text={text}
            check={check}
            isChecked={isChecked}
            onShow={(line) => setTarget({ line })}
            onExample={() => change(exampleText)}
          />
        </Card>
        <div className="column">
          <div>
            <Segments<Panel>
              label={words.ruleEditor.panel}
              value={panel}
              options={offered.map((one) => ({ value: one, label: words.ruleEditor.panels[one] }))}
              onChange={(next) => address.set({ panel: next === 'now' ? undefined : next })}
            />
          </div>
          {panel === 'past' ? (
            <PastPanel text={text} isValid={isValid} />
          ) : panel === 'versions' ? (
            <VersionPanel name={origin.file} onTake={change} />
          ) : (
            <NowPanel text={settled} isValid={isValid} />
          )}
        </div>
      </div>
    </>
  )
}

function Verdict(props: {
  text: string
  check: ReturnType<typeof useRuleCheck>
  isChecked: boolean
  onShow: (line: number) => void
  onExample: () => void
}) {
  const { check } = props
  const words = useWords()
  if (props.text.trim() === '')
    return (
      <div className="line-wrap editor-verdict">
        <span className="mid">{words.ruleEditor.empty}</span>
        <Button size="small" onClick={props.onExample}>
          {words.ruleEditor.example}
        </Button>
      </div>
    )
  if (check.error) return <ActFault error={check.error} />
  const { data } = check
  const rules = data?.groups.flatMap((group) => group.rules).length ?? 0
  return (
    <div className="stack-small editor-verdict">
      <p role="status" className="line">
        {data === undefined || !props.isChecked ? (
          <span className="quiet">{words.ruleEditor.checking}</span>
        ) : data.isValid ? (
          <>
            <StateMark health="ok" label={words.health.ok} />
            <span>{words.ruleEditor.fine({ rules, groups: data.groups.length })}</span>
          </>
        ) : (
          <>
            <StateMark health="critical" label={words.health.critical} />
            <span>{words.ruleEditor.wrong({ count: data.problems.length })}</span>
          </>
        )}
        <span className="quiet line-end">{words.ruleEditor.keys}</span>
      </p>
      <ul className="plain-list">
        {data?.problems.map((problem) => (
          <li key={`${problem.line}:${problem.column}:${problem.path}`}>
            <button
              type="button"
              className="plain-item problem"
              onClick={() => props.onShow(problem.line)}
            >
              <span className="no-wrap quiet">{words.ruleEditor.line({ line: problem.line })}</span>
              <span className="grow">{problem.message}</span>
            </button>
          </li>
        ))}
      </ul>
      {data && data.notes.length > 0 ? (
        <div>
          <h3 className="field-label">{words.ruleEditor.notes}</h3>
          <ul className="plain-list">
            {data.notes.map((note) => (
              <li key={note} className="mid">
                {note}
              </li>
            ))}
          </ul>
        </div>
      ) : null}
    </div>
  )
}

/** The text once nobody has typed for a moment. */
function useSettled(text: string): string {
  const [settled, setSettled] = useState(text)
  useEffect(() => {
    const timer = setTimeout(() => setSettled(text), 250)
    return () => clearTimeout(timer)
  }, [text])
  return settled
}

/** Asks before the browser closes over a text that is not saved. */
function useLeaveGuard(isChanged: boolean): void {
  useEffect(() => {
    if (!isChanged) return
    const guard = (event: BeforeUnloadEvent): void => event.preventDefault()
    addEventListener('beforeunload', guard)
    return () => removeEventListener('beforeunload', guard)
  }, [isChanged])
}

/** Where a rule stands in a text. */
function lineOf(text: string, name: string): { line: number } | undefined {
  if (name === '') return undefined
  const index = text
    .split('\n')
    .findIndex((line) => /^\s*-?\s*(alert|record):/.test(line) && line.includes(name))
  return index < 0 ? undefined : { line: index + 1 }
}
