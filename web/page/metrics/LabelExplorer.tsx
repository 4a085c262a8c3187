/**
 * Metrics, their labels and the labels' values, with counts: press a value and it becomes a matcher of the
 * query. Without a metric it shows the labels of everything, the one with the most values first.
 */

import { useMemo, useState } from 'react'
import type { LabelView } from '../../../src/api/api.ts'
import { useLabelCounts } from '../../data/explore.ts'
import { useLabelValues } from '../../data/queries.ts'
import { Button } from '../../kit/Button.tsx'
import { Card } from '../../kit/Card.tsx'
import { Empty, Shown } from '../../kit/Feedback.tsx'
import { TextField } from '../../kit/Field.tsx'
import { useFormat } from '../../kit/format.tsx'
import { AddIcon, CloseIcon, LeftIcon, SearchIcon } from '../../kit/icons.ts'
import { StateMark } from '../../kit/State.tsx'
import { useWords } from '../../word/word.tsx'
import { type LabelMatcher, selectorText } from './add-matcher.ts'

const shownCountMax = 100

/** A label with nearly a value for each series is an id, and makes series without end. */
function isExploding(label: LabelView): boolean {
  return label.valueCount >= 100 && label.valueCount > label.seriesCount / 2
}

function Exploding(props: { label: LabelView }) {
  const words = useWords()
  if (!isExploding(props.label)) return null
  return <StateMark health="warning" size={11} label={words.metrics.exploding} />
}

/** The explorer. `metric` and `label` are what is opened; both live in the address. */
export function LabelExplorer(props: {
  metric: string
  label: string
  onOpen: (metric: string, label: string) => void
  onAsk: (metric: string) => void
  onMatch: (metric: string, matcher: LabelMatcher) => void
  onClose: () => void
}) {
  const words = useWords()
  const { metric } = props
  return (
    <Card
      title={words.metrics.explorer}
      actions={
        <Button
          weight="quiet"
          size="small"
          label={words.kit.close}
          icon={<CloseIcon size={14} />}
          onClick={props.onClose}
        />
      }
    >
      {metric === '' ? <Metrics {...props} /> : <OneMetric key={metric} {...props} />}
    </Card>
  )
}

type ExplorerProps = Parameters<typeof LabelExplorer>[0]

function Metrics(props: ExplorerProps) {
  const words = useWords()
  const format = useFormat()
  const reading = useLabelCounts('')
  const [filter, setFilter] = useState('')
  return (
    <Shown reading={reading} what={words.metrics.explorerFailed} rowCount={8}>
      {(view) => {
        const wanted = filter.trim().toLowerCase()
        const found = view.metrics.filter(
          ({ name, help }) =>
            name.toLowerCase().includes(wanted) ||
            (wanted.length > 2 && help.toLowerCase().includes(wanted)),
        )
        return (
          <div className="stack">
            <p className="mid">
              {words.metrics.inMemory({
                count: view.seriesCount,
                metrics: format.count(view.metrics.length),
              })}
            </p>
            <Filter label={words.metrics.filter} value={filter} onChange={setFilter} />
            <ul className="plain-list explorer-frame">
              {found.slice(0, shownCountMax).map(({ name, seriesCount, help }) => (
                <li key={name}>
                  <button
                    type="button"
                    className="plain-item"
                    title={help}
                    onClick={() => props.onOpen(name, '')}
                  >
                    <code>{name}</code>
                    <span className="quiet">{format.count(seriesCount)}</span>
                  </button>
                </li>
              ))}
            </ul>
            {found.length > shownCountMax ? (
              <p className="quiet">{words.metrics.more({ count: found.length - shownCountMax })}</p>
            ) : null}
            {found.length === 0 ? <p className="mid">{words.metrics.noMatch({ filter })}</p> : null}
            <h3 className="chart-title">{words.metrics.largest}</h3>
            <Bars labels={view.labels.slice(0, 12)} />
          </div>
        )
      }}
    </Shown>
  )
}

function Filter(props: { label: string; value: string; onChange: (value: string) => void }) {
  return (
    <TextField
      type="search"
      label={props.label}
      isLabelHidden
      placeholder={props.label}
      icon={<SearchIcon size={14} />}
      value={props.value}
      onChange={props.onChange}
    />
  )
}

function Bars(props: { labels: readonly LabelView[] }) {
  const words = useWords()
  const most = Math.max(1, ...props.labels.map((label) => label.valueCount))
  return (
    <ul className="plain-list">
      {props.labels.map((label) => (
        <li key={label.name} className="plain-item">
          <span className="explorer-label">
            <code>{label.name}</code>
            <Exploding label={label} />
          </span>
          <span className="plain-count">
            <span className="part-bar" aria-hidden>
              <span style={{ width: `${(label.valueCount / most) * 100}%` }} />
            </span>
            <span className="quiet no-wrap">
              {words.metrics.values({ count: label.valueCount })}
            </span>
          </span>
        </li>
      ))}
    </ul>
  )
}

function OneMetric(props: ExplorerProps) {
  const words = useWords()
  const { metric } = props
  const reading = useLabelCounts(selectorText(metric))
  const labels = reading.data?.labels.filter((label) => label.name !== '__name__') ?? []
  const told = reading.data?.metrics[0]
  return (
    <div className="stack">
      <div className="line">
        <Button
          weight="quiet"
          size="small"
          label={words.metrics.allMetrics}
          icon={<LeftIcon size={14} />}
          onClick={() => props.onOpen('', '')}
        />
        <code className="strong grow explorer-name">{metric}</code>
        <Button
          weight="quiet"
          size="small"
          label={words.metrics.askMetric}
          icon={<AddIcon size={14} />}
          onClick={() => props.onAsk(metric)}
        />
      </div>
      {told === undefined || told.help === '' ? null : <p className="mid">{told.help}</p>}
      <Shown reading={reading} what={words.metrics.explorerFailed} rowCount={5}>
        {(view) =>
          view.seriesCount === 0 ? (
            <Empty title={words.metrics.notInMemory}>{words.metrics.notInMemoryHint}</Empty>
          ) : (
            <>
              <p className="mid">{words.metrics.rows({ count: view.seriesCount })}</p>
              <ul className="plain-list">
                {labels.map((label) => (
                  <OneLabel
                    key={label.name}
                    {...props}
                    label={label}
                    seriesCount={view.seriesCount}
                    isOpen={props.label === label.name}
                  />
                ))}
              </ul>
              {labels.length === 0 ? <p className="mid">{words.metrics.noLabels}</p> : null}
            </>
          )
        }
      </Shown>
    </div>
  )
}

function OneLabel(
  props: Omit<ExplorerProps, 'label'> & {
    label: LabelView
    seriesCount: number
    isOpen: boolean
  },
) {
  const words = useWords()
  const { label, metric, isOpen } = props
  const part = label.valueCount / Math.max(1, props.seriesCount)
  return (
    <li>
      <button
        type="button"
        className="plain-item"
        aria-expanded={isOpen}
        onClick={() => props.onOpen(metric, isOpen ? '' : label.name)}
      >
        <span className="explorer-label">
          <code>{label.name}</code>
          <Exploding label={label} />
        </span>
        <span className="plain-count">
          <span className="part-bar" aria-hidden>
            <span style={{ width: `${Math.min(1, part) * 100}%` }} />
          </span>
          <span className="explorer-values-count">
            {words.metrics.values({ count: label.valueCount })}
          </span>
        </span>
      </button>
      {isOpen ? <Values {...props} /> : null}
    </li>
  )
}

function Values(props: Parameters<typeof OneLabel>[0]) {
  const words = useWords()
  const format = useFormat()
  const { label, metric, onMatch } = props
  const [filter, setFilter] = useState('')
  const isCut = label.valueCount > label.values.length
  // The largest come with their counts; the rest is asked for when there is more.
  const rest = useLabelValues(label.name, isCut ? selectorText(metric) : undefined, isCut).data
  const values = useMemo(() => {
    const counted = new Set(label.values.map((one) => one.value))
    const others = (rest ?? []).filter((value) => !counted.has(value))
    return [...label.values, ...others.map((value) => ({ value, seriesCount: undefined }))]
  }, [label.values, rest])
  const found = values.filter(({ value }) => value.toLowerCase().includes(filter.toLowerCase()))
  return (
    <div className="explorer-values">
      {isExploding(label) ? <p className="mid">{words.metrics.explodingHint}</p> : null}
      {values.length > 8 ? (
        <Filter label={words.metrics.filterValues} value={filter} onChange={setFilter} />
      ) : null}
      <ul className="plain-list">
        {found.slice(0, shownCountMax).map(({ value, seriesCount }) => (
          <li key={value} className="explorer-value">
            <button
              type="button"
              className="plain-item"
              title={words.metrics.addMatcher({ label: label.name, value })}
              onClick={() => onMatch(metric, { name: label.name, operator: '=', value })}
            >
              <code>{value}</code>
              <span className="quiet">
                {seriesCount === undefined ? '' : format.count(seriesCount)}
              </span>
            </button>
            <Button
              weight="quiet"
              size="small"
              label={words.metrics.addUnlike({ label: label.name, value })}
              onClick={() => onMatch(metric, { name: label.name, operator: '!=', value })}
            >
              ≠
            </Button>
          </li>
        ))}
      </ul>
      {found.length > shownCountMax ? (
        <p className="quiet">{words.metrics.more({ count: found.length - shownCountMax })}</p>
      ) : null}
    </div>
  )
}
