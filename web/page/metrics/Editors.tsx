/**
 * The queries of the page as rows: each can be hidden, moved, named, explained and removed. What is typed
 * stays a draft until it is run; then it is in the address.
 */

import { useEffect, useState } from 'react'
import { errorPlace } from '../../data/prometheus.ts'
import { QueryField } from '../../editor/QueryField.tsx'
import { Button } from '../../kit/Button.tsx'
import { Card } from '../../kit/Card.tsx'
import { TextField } from '../../kit/Field.tsx'
import { useFormat } from '../../kit/format.tsx'
import {
  AddIcon,
  DeleteIcon,
  DownIcon,
  ExplainIcon,
  HideIcon,
  PlayIcon,
  ShowIcon,
  StopIcon,
  UpIcon,
} from '../../kit/icons.ts'
import { useWords } from '../../word/word.tsx'
import { QueryFault } from './QueryFault.tsx'
import {
  areSame,
  emptyQuery,
  letters,
  moveQuery,
  type PageQuery,
  queryCountMax,
} from './query-state.ts'

/** What is known of the answer of one query. */
export interface Answered {
  error: unknown
  isFetching: boolean
  seriesCount: number | undefined
  sampleCount: number | undefined
  elapsedMs: number | undefined
}

/** What the rows take. */
export interface EditorsProps {
  queries: readonly PageQuery[]
  answers: readonly (Answered | undefined)[]
  explained: number | undefined
  onRun: (queries: PageQuery[]) => void
  onStop: () => void
  onExplain: (index: number | undefined) => void
  /** Which query the reader works on. */
  onTouch: (index: number) => void
}

/** The rows. */
export function Editors(props: EditorsProps) {
  const words = useWords()
  const { queries } = props
  const [drafts, setDrafts] = useState<PageQuery[]>(() => orEmpty(queries))
  const [isNew, setNew] = useState(false)
  // The address may change under the page: back, a link, the label explorer.
  useEffect(() => {
    setDrafts((old) =>
      areSame(
        old.filter((draft) => draft.expression.trim() !== ''),
        queries,
      )
        ? old
        : orEmpty(queries),
    )
  }, [queries])
  const change = (index: number, next: Partial<PageQuery>): PageQuery[] => {
    const changed = drafts.map((draft, at) => (at === index ? { ...draft, ...next } : draft))
    setDrafts(changed)
    return changed
  }
  const isBusy = props.answers.some((answer) => answer?.isFetching)
  const replace = (next: PageQuery[]): void => {
    setDrafts(orEmpty(next))
    props.onRun(next)
  }
  return (
    <Card label={words.metrics.queries}>
      <div className="stack">
        {drafts.map((draft, index) => (
          <Row
            // biome-ignore lint/suspicious/noArrayIndexKey: a query is its place: A, B, C
            key={index}
            index={index}
            count={drafts.length}
            draft={draft}
            answer={
              draft.expression === queries[index]?.expression ? props.answers[index] : undefined
            }
            isBusy={isBusy}
            hasFocus={isNew && index === drafts.length - 1}
            isExplained={props.explained === index}
            onType={(expression) => change(index, { expression })}
            onRun={() => props.onRun(drafts)}
            onStop={props.onStop}
            onChange={(next) => props.onRun(change(index, next))}
            onMove={(step) => replace(moveQuery(drafts, index, step))}
            onRemove={() => replace(drafts.filter((_, at) => at !== index))}
            onExplain={() => props.onExplain(props.explained === index ? undefined : index)}
            onTouch={() => props.onTouch(index)}
          />
        ))}
        {drafts.length < queryCountMax ? (
          <div>
            <Button
              weight="quiet"
              size="small"
              icon={<AddIcon size={14} />}
              onClick={() => {
                setNew(true)
                setDrafts([...drafts, emptyQuery])
              }}
            >
              {words.metrics.add}
            </Button>
          </div>
        ) : null}
      </div>
    </Card>
  )
}

function orEmpty(queries: readonly PageQuery[]): PageQuery[] {
  return queries.length > 0 ? [...queries] : [emptyQuery]
}

interface RowProps {
  index: number
  count: number
  draft: PageQuery
  answer: Answered | undefined
  isBusy: boolean
  hasFocus: boolean
  isExplained: boolean
  onType: (expression: string) => void
  onRun: () => void
  onStop: () => void
  onChange: (next: Partial<PageQuery>) => void
  onMove: (step: 1 | -1) => void
  onRemove: () => void
  onExplain: () => void
  onTouch: () => void
}

function Row(props: RowProps) {
  const words = useWords()
  const { index, draft, answer } = props
  const letter = letters[index] ?? ''
  const { error } = answer ?? {}
  return (
    <div
      className="query-row"
      data-hidden={draft.isHidden || undefined}
      onFocusCapture={props.onTouch}
    >
      <span className="query-letter" aria-hidden>
        {letter}
      </span>
      <QueryField
        value={draft.expression}
        label={words.metrics.query({ letter })}
        placeholder={words.metrics.placeholder}
        hasFocus={props.hasFocus}
        fault={error instanceof Error ? errorPlace(draft.expression, error) : undefined}
        onChange={props.onType}
        onRun={props.onRun}
      />
      <span className="line">
        {index > 0 ? null : props.isBusy ? (
          <Button icon={<StopIcon size={14} />} onClick={props.onStop}>
            {words.metrics.stop}
          </Button>
        ) : (
          <Button weight="main" icon={<PlayIcon size={12} />} onClick={props.onRun}>
            {words.metrics.run}
          </Button>
        )}
      </span>
      {error ? (
        <div className="query-foot">
          <QueryFault query={draft.expression} error={error} />
        </div>
      ) : null}
      {draft.expression.trim() === '' && props.count === 1 ? null : <Foot {...props} />}
    </div>
  )
}

function Foot(props: RowProps) {
  const words = useWords()
  const format = useFormat()
  const { index, count, draft, answer } = props
  const letter = letters[index] ?? ''
  const [legend, setLegend] = useState(draft.legend)
  useEffect(() => setLegend(draft.legend), [draft.legend])
  const keep = (): void => {
    if (legend !== draft.legend) props.onChange({ legend })
  }
  const icon = { size: 15, stroke: 1.6 }
  return (
    <div className="query-foot">
      <span className="query-acts">
        <Button
          weight="quiet"
          size="small"
          isPressed={draft.isHidden}
          label={words.metrics[draft.isHidden ? 'show' : 'hide']({ letter })}
          icon={draft.isHidden ? <HideIcon {...icon} /> : <ShowIcon {...icon} />}
          onClick={() => props.onChange({ isHidden: !draft.isHidden })}
        />
        <Button
          weight="quiet"
          size="small"
          isDisabled={index === 0}
          label={words.metrics.moveUp({ letter })}
          icon={<UpIcon {...icon} />}
          onClick={() => props.onMove(-1)}
        />
        <Button
          weight="quiet"
          size="small"
          isDisabled={index === count - 1}
          label={words.metrics.moveDown({ letter })}
          icon={<DownIcon {...icon} />}
          onClick={() => props.onMove(1)}
        />
        <Button
          weight="quiet"
          size="small"
          isDisabled={count === 1 && draft.expression === ''}
          label={words.metrics.remove({ letter })}
          icon={<DeleteIcon {...icon} />}
          onClick={props.onRemove}
        />
        <Button
          weight="quiet"
          size="small"
          isPressed={props.isExplained}
          icon={<ExplainIcon {...icon} />}
          title={words.metrics.explainOf({ letter })}
          onClick={props.onExplain}
        >
          {words.metrics.explain}
        </Button>
      </span>
      <span className="query-legend">
        <TextField
          label={words.metrics.legendOf({ letter })}
          isLabelHidden
          isMono
          value={legend}
          placeholder={words.metrics.legend}
          onChange={setLegend}
          onEnter={keep}
          onLeave={keep}
        />
      </span>
      {answer?.seriesCount === undefined ? null : (
        <span className="query-figures">
          {words.metrics.figures({
            count: answer.seriesCount,
            samples:
              answer.sampleCount === undefined ? '' : format.value(answer.sampleCount, 'count'),
            elapsed:
              answer.elapsedMs === undefined
                ? ''
                : format.value(answer.elapsedMs / 1000, 'seconds'),
          })}
        </span>
      )}
    </div>
  )
}
