/**
 * What each part of a query costs: its tree with rows, samples and time, and where the samples came from. A
 * part opens to show the labels of its rows, so that the one with too many values is found.
 */

import { useState } from 'react'
import type { ExplainNodeView, ExplainView } from '../../../src/api/api.ts'
import { useExplain } from '../../data/explore.ts'
import type { TimeRange } from '../../data/range.ts'
import { Button } from '../../kit/Button.tsx'
import { Card } from '../../kit/Card.tsx'
import { Shown } from '../../kit/Feedback.tsx'
import { useFormat } from '../../kit/format.tsx'
import { CloseIcon, RetryIcon } from '../../kit/icons.ts'
import { useWords } from '../../word/word.tsx'
import { LabelBars } from '../LabelBars.tsx'

/** The card of one query. */
export function ExplainCard(props: {
  expression: string
  letter: string
  range: TimeRange
  isInstant: boolean
  onClose: () => void
}) {
  const words = useWords()
  const reading = useExplain(props.expression, props.range, props.isInstant)
  return (
    <Card
      title={words.metrics.explainOf({ letter: props.letter })}
      actions={
        <>
          <Button
            weight="quiet"
            size="small"
            label={words.metrics.again}
            icon={<RetryIcon size={14} />}
            isRunning={reading.isFetching}
            onClick={() => void reading.refetch()}
          />
          <Button
            weight="quiet"
            size="small"
            label={words.kit.close}
            icon={<CloseIcon size={14} />}
            onClick={props.onClose}
          />
        </>
      }
    >
      <Shown reading={reading} what={words.metrics.explainFailed} rowCount={4}>
        {(view) => <Tree view={view} />}
      </Shown>
    </Card>
  )
}

function Tree(props: { view: ExplainView }) {
  const { view } = props
  const words = useWords()
  const format = useFormat()
  const [open, setOpen] = useState<string | undefined>()
  const rows = flatten(view.root)
  const seconds = (ms: number): string => format.value(ms / 1000, 'seconds')
  return (
    <div className="stack">
      <p className="mid">
        {words.metrics.spent({
          elapsed: seconds(view.elapsedMs),
          read: seconds(view.readMs),
          evaluate: seconds(view.evaluateMs),
          queue: seconds(view.queueMs),
          samples: format.value(view.sampleCount, 'count'),
          peak: format.value(view.peakSampleCount, 'count'),
        })}
      </p>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a frame that scrolls must be reachable by keyboard */}
      <section className="table-frame" tabIndex={0} aria-label={words.metrics.explain}>
        <table className="table explain">
          <thead>
            <tr>
              <th scope="col">{words.metrics.part}</th>
              <th scope="col" data-align="end">
                {words.metrics.seriesHead}
              </th>
              <th scope="col" data-align="end">
                {words.metrics.points}
              </th>
              <th scope="col" data-align="end">
                {words.metrics.read}
              </th>
              <th scope="col" data-align="end">
                {words.metrics.took}
              </th>
            </tr>
          </thead>
          <tbody>
            {rows.map((row) => (
              <Node
                key={row.key}
                row={row}
                wholeMs={Math.max(view.root.elapsedMs, 1e-6)}
                isOpen={open === row.key}
                onToggle={() => setOpen(open === row.key ? undefined : row.key)}
              />
            ))}
          </tbody>
        </table>
      </section>
    </div>
  )
}

interface NodeRow {
  key: string
  depth: number
  node: ExplainNodeView
}

function flatten(node: ExplainNodeView, key = '0', depth = 0): NodeRow[] {
  const below = node.children.flatMap((child, index) =>
    flatten(child, `${key}.${index}`, depth + 1),
  )
  return [{ key, depth, node }, ...below]
}

/** Deeper parts are not indented any more, or their text would have no room. */
const shownDepthMax = 12

function Node(props: { row: NodeRow; wholeMs: number; isOpen: boolean; onToggle: () => void }) {
  const { row, wholeMs, isOpen } = props
  const { node } = row
  const words = useWords()
  const format = useFormat()
  const part = Math.min(1, node.ownMs / wholeMs)
  return (
    <>
      <tr>
        <td>
          <span
            className="explain-part"
            style={{ paddingInlineStart: Math.min(row.depth, shownDepthMax) * 16 }}
          >
            {node.labels.length === 0 ? (
              <code>{node.text}</code>
            ) : (
              <button
                type="button"
                className="explain-open"
                aria-expanded={isOpen}
                onClick={props.onToggle}
              >
                <code>{node.text}</code>
              </button>
            )}
          </span>
        </td>
        <td data-align="end">{format.count(node.seriesCount)}</td>
        <td data-align="end">{format.value(node.pointCount, 'count')}</td>
        <td data-align="end">
          {node.read === undefined ? (
            <span className="quiet">–</span>
          ) : (
            <span
              title={
                node.read.selectorCount > 1
                  ? words.metrics.sharedRead({ count: node.read.selectorCount })
                  : undefined
              }
            >
              {format.value(node.read.sampleCount, 'count')}
              {node.read.storedSampleCount > node.read.sampleCount
                ? words.metrics.ofStored({
                    count: format.value(node.read.storedSampleCount, 'count'),
                  })
                : ''}
              {node.read.selectorCount > 1 ? ' *' : ''}
              <Shares read={node.read} />
            </span>
          )}
        </td>
        <td data-align="end">
          <span
            className="explain-time"
            title={words.metrics.withBelow({
              elapsed: format.value(node.elapsedMs / 1000, 'seconds'),
            })}
          >
            <span className="part-bar" aria-hidden>
              <span style={{ width: `${part * 100}%` }} />
            </span>
            <span className="no-wrap">{format.value(node.ownMs / 1000, 'seconds')}</span>
          </span>
        </td>
      </tr>
      {isOpen ? (
        <tr className="explain-labels">
          <td colSpan={5}>
            <LabelBars labels={node.labels} />
          </td>
        </tr>
      ) : null}
    </>
  )
}

function Shares(props: { read: NonNullable<ExplainNodeView['read']> }) {
  const words = useWords()
  const format = useFormat()
  const { memorySampleCount, cacheSampleCount, engineSampleCount } = props.read
  const whole = memorySampleCount + cacheSampleCount + engineSampleCount
  const parts = (
    [
      ['memory', memorySampleCount],
      ['cache', cacheSampleCount],
      ['engine', engineSampleCount],
    ] as const
  ).filter(([, count]) => count > 0)
  if (whole === 0) return null
  return (
    <span className="explain-shares">
      {parts
        .map(
          ([where, count]) =>
            `${words.metrics.where[where]} ${format.value(count / whole, 'ratio')}`,
        )
        .join(' · ')}
    </span>
  )
}
