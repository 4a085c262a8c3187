/** The answers as of the end of the range: a table for each query, or every sample as it was kept. */

import type { InstantData, InstantRow } from '../../data/prometheus.ts'
import { seriesName } from '../../data/prometheus.ts'
import { Card } from '../../kit/Card.tsx'
import { CopyButton } from '../../kit/Copy.tsx'
import { Empty, Skeleton } from '../../kit/Feedback.tsx'
import { useFormat } from '../../kit/format.tsx'
import { Labels } from '../../kit/Labels.tsx'
import { type Column, Table } from '../../kit/Table.tsx'
import { useWords } from '../../word/word.tsx'
import { legendName } from './legend-name.ts'
import type { PageQuery } from './query-state.ts'
import { Warnings } from './Warnings.tsx'

/** Rows that a table shows; more nobody reads. */
const tableRowsMax = 1000
/** Samples that the raw view writes. */
const rawLinesMax = 5000

/** A query with its answer, `undefined` until it comes. */
export interface Listed {
  index: number
  query: PageQuery
  data: InstantData | undefined
  hasFailed: boolean
}

/** Tables. */
export function TableView(props: { listed: readonly Listed[] }) {
  return props.listed.map((one) => (
    <Answer key={one.index} one={one}>
      {(rows) => <Rows query={one.query} rows={rows} />}
    </Answer>
  ))
}

function Answer(props: { one: Listed; children: (rows: InstantRow[]) => React.ReactNode }) {
  const words = useWords()
  const { query, data, hasFailed } = props.one
  const rows = data?.rows
  if (hasFailed && rows === undefined) return null
  return (
    <Card
      title={<code className="cut">{query.expression}</code>}
      count={rows?.length}
      label={query.expression}
      isFlush
    >
      {rows === undefined ? (
        <Skeleton rowCount={4} />
      ) : rows.length === 0 ? (
        <Empty title={words.metrics.empty}>{words.metrics.emptyHint}</Empty>
      ) : (
        props.children(rows)
      )}
      {data === undefined || data.warnings.length === 0 ? null : (
        <div className="card-note">
          <Warnings warnings={data.warnings} />
        </div>
      )}
    </Card>
  )
}

function Rows(props: { query: PageQuery; rows: InstantRow[] }) {
  const words = useWords()
  const { legend } = props.query
  const columns: Column<InstantRow>[] = [
    {
      key: 'labels',
      head: words.metrics.seriesHead,
      sortBy: (row) => seriesName(row.labels),
      cell: (row) => (
        <span className="line-wrap">
          {legend === '' ? null : <b>{legendName(legend, row.labels)}</b>}
          <span className="mono">{row.labels['__name__'] ?? ''}</span>
          <Labels labels={row.labels} hide={['__name__']} />
        </span>
      ),
    },
    {
      key: 'value',
      head: words.metrics.value,
      align: 'end',
      width: '200px',
      sortBy: (row) => Number(row.value.replace('Inf', 'Infinity')),
      cell: (row) => <span className="mono">{row.value}</span>,
    },
  ]
  const more = props.rows.length - tableRowsMax
  return (
    <>
      <Table
        label={props.query.expression}
        columns={columns}
        rows={props.rows.slice(0, tableRowsMax)}
        rowKey={(row) => seriesName(row.labels)}
      />
      {more > 0 ? <p className="quiet card-note">{words.chart.more({ count: more })}</p> : null}
    </>
  )
}

/** Every sample with its own time, as text; a range such as `up[5m]` shows all that it holds. */
export function RawView(props: { listed: readonly Listed[] }) {
  return props.listed.map((one) => (
    <Answer key={one.index} one={one}>
      {(rows) => <Raw label={one.query.expression} rows={rows} />}
    </Answer>
  ))
}

function Raw(props: { label: string; rows: InstantRow[] }) {
  const words = useWords()
  const format = useFormat()
  const lines: string[] = []
  let count = 0
  for (const row of props.rows) {
    const points = row.points ?? [{ timeMs: row.timeMs, value: row.value }]
    count += points.length
    if (lines.length > rawLinesMax) continue
    lines.push(seriesName(row.labels))
    for (const { timeMs, value } of points.slice(0, rawLinesMax))
      lines.push(`  ${value} @ ${timeMs / 1000}  ${format.dateTime(timeMs)}`)
  }
  const text = lines.slice(0, rawLinesMax).join('\n')
  return (
    <div className="raw">
      <div className="raw-head">
        <span className="quiet">{words.metrics.samples({ count })}</span>
        <CopyButton text={text} label={words.metrics.copyRaw} />
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a frame that scrolls must be reachable by keyboard */}
      <section className="raw-frame" tabIndex={0} aria-label={props.label}>
        <pre>{text}</pre>
      </section>
      {lines.length > rawLinesMax ? <p className="quiet">{words.metrics.rawCut}</p> : null}
    </div>
  )
}
