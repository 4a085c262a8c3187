/** The exemplars on the chart as a table: when, how much, and which trace it was. */

import { useState } from 'react'
import { guessBucketUnit } from '../../chart/unit.ts'
import type { Exemplar } from '../../data/prometheus.ts'
import { seriesName } from '../../data/prometheus.ts'
import { Button } from '../../kit/Button.tsx'
import { Card } from '../../kit/Card.tsx'
import { CopyButton } from '../../kit/Copy.tsx'
import { useFormat, Value } from '../../kit/format.tsx'
import { Labels } from '../../kit/Labels.tsx'
import { Table } from '../../kit/Table.tsx'
import type { Unit } from '../../word/format.ts'
import { useWords } from '../../word/word.tsx'

/** Rows until the reader asks for more, and then. */
const shownCountFirst = 8
const shownCountMax = 200
const traceNames = ['trace_id', 'traceID', 'traceId', 'TraceID']

/** The table, the newest first. */
export function ExemplarList(props: { exemplars: readonly Exemplar[] }) {
  const words = useWords()
  const format = useFormat()
  const { exemplars } = props
  const [isWhole, setWhole] = useState(false)
  const shownCount = isWhole ? shownCountMax : shownCountFirst
  const moreCount = exemplars.length - shownCount
  return (
    <Card title={words.metrics.exemplars} count={exemplars.length} isFlush>
      <Table
        label={words.metrics.exemplars}
        rows={exemplars.slice(0, shownCount)}
        rowKey={(row) => `${row.timeMs} ${seriesName(row.seriesLabels)} ${traceOf(row)}`}
        columns={[
          {
            key: 'time',
            head: words.chart.time,
            width: '170px',
            sortBy: (row) => -row.timeMs,
            cell: (row) => <span className="no-wrap">{format.dateTime(row.timeMs)}</span>,
          },
          {
            key: 'value',
            head: words.metrics.value,
            align: 'end',
            width: '100px',
            sortBy: (row) => row.value,
            cell: (row) => <Value value={row.value} unit={exemplarUnit(row)} />,
          },
          {
            key: 'trace',
            head: words.metrics.trace,
            cell: (row) => {
              const trace = traceOf(row)
              return trace === '' ? (
                <Labels labels={row.labels} />
              ) : (
                <span className="line-wrap">
                  <code className="mono">{trace}</code>
                  <CopyButton text={trace} label={words.metrics.copyTrace} />
                </span>
              )
            },
          },
          {
            key: 'series',
            head: words.metrics.seriesHead,
            isMinor: true,
            cell: (row) => <Labels labels={row.seriesLabels} hide={['__name__']} />,
          },
        ]}
      />
      {moreCount > 0 ? (
        <p className="quiet card-note">
          {words.metrics.moreExemplars({ count: moreCount })}{' '}
          {isWhole ? null : (
            <Button size="small" weight="quiet" onClick={() => setWhole(true)}>
              {words.metrics.showMore}
            </Button>
          )}
        </p>
      ) : null}
    </Card>
  )
}

/** What an exemplar is measured in: it is one observation, whatever the query makes of its series. */
export function exemplarUnit(exemplar: Exemplar): Unit {
  return guessBucketUnit(exemplar.seriesLabels['__name__'] ?? '')
}

function traceOf(exemplar: Exemplar): string {
  const name = traceNames.find((one) => Object.hasOwn(exemplar.labels, one))
  return name === undefined ? '' : exemplar.labels[name]!
}
