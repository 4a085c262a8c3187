/** Sources of one kind as a table; a row opens to everything that is known of it. */

import type { SourceView } from '../../../src/api/api.ts'
import { useFormat, Age, Value } from '../../kit/format.tsx'
import { Labels } from '../../kit/Labels.tsx'
import { StateBadge } from '../../kit/State.tsx'
import { type Column, Table } from '../../kit/Table.tsx'
import type { Words } from '../../word/words.ts'
import { useWords } from '../../word/word.tsx'

/** The word for a source's state. */
export function stateWord(source: SourceView, words: Words): string {
  if (source.health === 'ok') return words.sources.up
  if (source.health === 'critical') return words.sources.down
  return source.health === 'unknown' ? words.sources.waiting : words.health[source.health]
}

/** The table. `rates` are rows per second by the source's id. */
export function SourceTable(props: {
  kind: SourceView['kind']
  rows: readonly SourceView[]
  rates: ReadonlyMap<string, number>
  openId: string | undefined
  onOpen: (source: SourceView) => void
}) {
  const words = useWords()
  const format = useFormat()
  const hasInterval = props.kind === 'host' || props.kind === 'scrape'
  const columns: Column<SourceView>[] = [
    {
      key: 'health',
      head: words.sources.state,
      width: '120px',
      sortBy: (row) => ['critical', 'warning', 'unknown', 'info', 'ok'].indexOf(row.health),
      cell: (row) => <StateBadge health={row.health} word={stateWord(row, words)} />,
    },
    {
      key: 'name',
      head: words.sources.name,
      isMain: true,
      sortBy: (row) => row.name,
      cell: (row) => (
        <div>
          <span className="strong">{row.name}</span>
          {row.address === '' || row.address === row.name ? null : (
            <div className="mid mono">{row.address}</div>
          )}
          {row.lastError === '' ? null : <div className="field-fault">{row.lastError}</div>}
        </div>
      ),
    },
    ...(hasInterval ? [labelColumn(words)] : []),
    {
      key: 'rate',
      head: words.sources.rate,
      align: 'end',
      width: '100px',
      sortBy: (row) => -(props.rates.get(row.id) ?? 0),
      cell: (row) => <Value value={props.rates.get(row.id)} unit="per-second" />,
    },
    {
      key: 'count',
      head: hasInterval ? words.sources.samples : words.sources.linesOrSamples,
      align: 'end',
      isMinor: true,
      width: '120px',
      cell: (row) => <Value value={Math.max(row.sampleCount, row.lineCount)} unit="count" />,
    },
    ...(hasInterval ? timeColumns(words, format) : []),
    {
      key: 'last',
      // A target that is down is asked all the same: what is known is when, not that something came.
      head: hasInterval ? words.sources.lastScrape : words.sources.last,
      align: 'end',
      width: '110px',
      sortBy: (row) => -(row.lastTimeMs ?? 0),
      cell: (row) => <Age timeMs={row.lastTimeMs} />,
    },
  ]
  return (
    <Table
      label={words.sources.kinds[props.kind]}
      columns={columns}
      rows={props.rows}
      rowKey={(row) => row.id}
      selectedKey={props.openId}
      onOpen={props.onOpen}
      initialSort={{ key: 'health', isDescending: false }}
    />
  )
}

function labelColumn(words: Words): Column<SourceView> {
  return {
    key: 'labels',
    head: words.sources.labels,
    isMinor: true,
    width: '28%',
    cell: (row) => <Labels labels={row.labels} />,
  }
}

function timeColumns(words: Words, format: ReturnType<typeof useFormat>): Column<SourceView>[] {
  return [
    {
      key: 'interval',
      head: words.sources.interval,
      align: 'end',
      isMinor: true,
      width: '80px',
      cell: (row) =>
        row.intervalMs === undefined ? (
          <span className="quiet">–</span>
        ) : (
          <span className="no-wrap">{format.span(row.intervalMs)}</span>
        ),
    },
    {
      key: 'took',
      head: words.sources.took,
      align: 'end',
      isMinor: true,
      width: '80px',
      sortBy: (row) => -(row.lastDurationMs ?? 0),
      cell: (row) => (
        <Value
          value={row.lastDurationMs === undefined ? undefined : row.lastDurationMs / 1000}
          unit="seconds"
        />
      ),
    },
  ]
}
