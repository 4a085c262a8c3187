/** Metrics: what does this query say? Several queries, one chart or table; the address holds it all. */

import { useEffect, useMemo, useState } from 'react'
import { type ChartSeries, TimeChart } from '../../chart/TimeChart.tsx'
import { guessUnit, units } from '../../chart/unit.ts'
import { errorPlace, type InstantRow, commonLabels, seriesName } from '../../data/prometheus.ts'
import {
  useDeployments,
  useInstantQueries,
  useLabelValues,
  useMetadata,
  useRangeQueries,
} from '../../data/queries.ts'
import type { TimeRange } from '../../data/range.ts'
import { QueryField } from '../../editor/QueryField.tsx'
import { Button } from '../../kit/Button.tsx'
import { Card, PageHead } from '../../kit/Card.tsx'
import { CopyButton } from '../../kit/Copy.tsx'
import { Empty, Fault, Skeleton } from '../../kit/Feedback.tsx'
import { Segments, SelectField } from '../../kit/Field.tsx'
import { useFormat } from '../../kit/format.tsx'
import { AddIcon, ChartIcon, DeleteIcon, PlayIcon, TableIcon } from '../../kit/icons.ts'
import { Labels } from '../../kit/Labels.tsx'
import { type Column, Table } from '../../kit/Table.tsx'
import { useAddress } from '../../route/router.tsx'
import { useKeys } from '../../shell/keys.ts'
import { useRange } from '../../shell/RangePicker.tsx'
import type { Unit } from '../../word/format.ts'
import { useWords } from '../../word/word.tsx'
import { usePageTitle } from '../page-title.ts'

const letters = 'ABCDEFGH'
const queryCountMax = letters.length

/** The queries of an address: `q`, `q1`, `q2`, …; also `g0.expr` of Prometheus's own links. */
function readQueries(search: Readonly<Record<string, string>>): string[] {
  const out: string[] = []
  for (let index = 0; index < queryCountMax; index += 1) {
    const query = search[index === 0 ? 'q' : `q${index}`] ?? search[`g${index}.expr`]
    if (query !== undefined && query.trim() !== '') out.push(query)
  }
  return out
}

function writeQueries(queries: readonly string[]): Record<string, string | undefined> {
  const out: Record<string, string | undefined> = {}
  const kept = queries.filter((query) => query.trim() !== '')
  for (let index = 0; index < queryCountMax; index += 1) {
    out[index === 0 ? 'q' : `q${index}`] = kept[index]
    out[`g${index}.expr`] = undefined
    out[`g${index}.tab`] = undefined
  }
  return out
}

/** The page. */
export default function MetricsPage() {
  const words = useWords()
  usePageTitle(words.place.metrics)
  const address = useAddress()
  const { range, setRange } = useRange()
  const queries = useMemo(() => readQueries(address.search), [address.search])
  const isTable = address.search['view'] === 'table' || address.search['g0.tab'] === '1'
  const readings = useRangeQueries(isTable ? [] : queries, range)
  const instants = useInstantQueries(isTable ? queries : [], range)
  const errors = queries.map((_, index) =>
    isTable ? instants[index]?.error : readings[index]?.error,
  )
  const setTable = (next: boolean): void =>
    address.set({ view: next ? 'table' : undefined, 'g0.tab': undefined })
  useKeys([{ keys: 't', label: words.key.table, run: () => setTable(!isTable) }])
  const verdict = useVerdict({ queries, isTable, readings, instants, errors })
  return (
    <>
      <PageHead
        verdict={verdict}
        actions={
          queries.length > 0 ? (
            <>
              <Segments
                label={words.metrics.view}
                value={isTable ? 'table' : 'chart'}
                onChange={(view) => setTable(view === 'table')}
                options={[
                  {
                    value: 'chart',
                    label: (
                      <>
                        <ChartIcon size={14} />
                        {words.metrics.chart}
                      </>
                    ),
                  },
                  {
                    value: 'table',
                    label: (
                      <>
                        <TableIcon size={14} />
                        {words.metrics.table}
                      </>
                    ),
                  },
                ]}
              />
              <CopyButton text={location.href} label={words.metrics.copyLink} />
            </>
          ) : undefined
        }
      />
      <div className="stack">
        <Editors
          queries={queries}
          errors={errors}
          isBusy={readings.some((one) => one.isFetching) || instants.some((one) => one.isFetching)}
          onRun={(next) => {
            address.set(writeQueries(next), true)
            const same = next.join('\n') === queries.join('\n')
            if (same) for (const one of isTable ? instants : readings) void one.refetch()
          }}
        />
        {queries.length === 0 ? (
          <Start onPick={(query) => address.set(writeQueries([query]), true)} />
        ) : isTable ? (
          <Tables queries={queries} instants={instants} />
        ) : (
          <Chart
            queries={queries}
            readings={readings}
            range={range}
            onZoom={setRange}
            onTable={setTable}
          />
        )}
      </div>
    </>
  )
}

function useVerdict(o: {
  queries: readonly string[]
  isTable: boolean
  readings: ReturnType<typeof useRangeQueries>
  instants: ReturnType<typeof useInstantQueries>
  errors: readonly unknown[]
}): string {
  const words = useWords()
  const format = useFormat()
  if (o.queries.length === 0) return words.metrics.ask
  const failed = o.errors.filter(Boolean).length
  if (failed > 0) return words.metrics.failed({ count: failed })
  const parts = o.isTable
    ? o.instants.map((one) => one.data?.length)
    : o.readings.map((one) => one.data?.series.length)
  if (parts.some((count) => count === undefined)) return words.metrics.asking
  const count = parts.reduce<number>((sum, one) => sum + (one ?? 0), 0)
  const elapsedMs = Math.max(0, ...o.readings.map((one) => one.data?.elapsedMs ?? 0))
  const points = o.readings.reduce(
    (sum, one) => sum + (one.data?.timesMs.length ?? 0) * (one.data?.series.length ?? 0),
    0,
  )
  return o.isTable
    ? words.metrics.rows({ count })
    : words.metrics.series({
        count,
        points: format.value(points, 'count'),
        elapsed: format.value(elapsedMs / 1000, 'seconds'),
      })
}

function Editors(props: {
  queries: readonly string[]
  errors: readonly unknown[]
  isBusy: boolean
  onRun: (queries: string[]) => void
}) {
  const words = useWords()
  const { queries } = props
  const [drafts, setDrafts] = useState<string[]>(() => (queries.length > 0 ? [...queries] : ['']))
  const [isNew, setNew] = useState(false)
  // The address may change under the page: back, a link, an example.
  useEffect(() => {
    setDrafts((old) =>
      old.filter((draft) => draft.trim() !== '').join('\n') === queries.join('\n')
        ? old
        : queries.length > 0
          ? [...queries]
          : [''],
    )
  }, [queries])
  const change = (index: number, value: string): void =>
    setDrafts((old) => old.map((draft, at) => (at === index ? value : draft)))
  const run = (): void => props.onRun(drafts.filter((draft) => draft.trim() !== ''))
  return (
    <Card label={words.metrics.queries}>
      <div className="stack">
        {drafts.map((draft, index) => {
          const error = draft === queries[index] ? props.errors[index] : undefined
          return (
            // biome-ignore lint/suspicious/noArrayIndexKey: a query is its place: A, B, C
            <div key={index} className="query-row">
              <span className="query-letter" aria-hidden>
                {letters[index]}
              </span>
              <QueryField
                value={draft}
                label={words.metrics.query({ letter: letters[index] ?? '' })}
                placeholder={words.metrics.placeholder}
                hasFocus={isNew && index === drafts.length - 1}
                fault={error instanceof Error ? errorPlace(draft, error) : undefined}
                onChange={(value) => change(index, value)}
                onRun={run}
              />
              <span className="line">
                {drafts.length > 1 ? (
                  <Button
                    weight="quiet"
                    label={words.metrics.remove({ letter: letters[index] ?? '' })}
                    icon={<DeleteIcon size={16} stroke={1.6} />}
                    onClick={() => {
                      const next = drafts.filter((_, at) => at !== index)
                      setDrafts(next)
                      props.onRun(next.filter((one) => one.trim() !== ''))
                    }}
                  />
                ) : null}
                {index === 0 ? (
                  <Button
                    weight="main"
                    icon={<PlayIcon size={12} />}
                    isRunning={props.isBusy}
                    onClick={run}
                  >
                    {words.metrics.run}
                  </Button>
                ) : null}
              </span>
              {error ? (
                <div className="query-foot">
                  <QueryFault query={draft} error={error} />
                </div>
              ) : null}
            </div>
          )
        })}
        {drafts.length < queryCountMax ? (
          <div>
            <Button
              weight="quiet"
              size="small"
              icon={<AddIcon size={14} />}
              onClick={() => {
                setNew(true)
                setDrafts([...drafts, ''])
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

/** A mistake with its place: the query with a mark under the character that the server named. */
function QueryFault(props: { query: string; error: unknown }) {
  const words = useWords()
  const place = props.error instanceof Error ? errorPlace(props.query, props.error) : undefined
  if (!place) return <Fault what={words.metrics.refused} error={props.error} />
  const lineStart = props.query.lastIndexOf('\n', place.offset - 1) + 1
  const line = props.query.slice(lineStart).split('\n')[0] ?? ''
  const at = place.offset - lineStart
  const from = Math.max(0, at - 40)
  return (
    <div role="alert">
      <pre className="field-fault">
        {`${line.slice(from, from + 90)}\n${' '.repeat(at - from)}^ `}
        {place.message}
      </pre>
    </div>
  )
}

function Chart(props: {
  queries: readonly string[]
  readings: ReturnType<typeof useRangeQueries>
  range: TimeRange
  onZoom: (range: TimeRange) => void
  onTable: (isTable: boolean) => void
}) {
  const { queries, readings, range } = props
  const words = useWords()
  const address = useAddress()
  const deployments = useDeployments({ range }).data?.deployments
  const unit = (address.search['unit'] as Unit | undefined) ?? guessUnit(queries[0] ?? '')
  const first = readings.find((reading) => reading.data)?.data
  const stamp = readings.map((reading) => reading.data)
  // biome-ignore lint/correctness/useExhaustiveDependencies: the answers are the dependency
  const series = useMemo(() => mergeSeries(queries, readings), [queries, ...stamp])
  const marks = useMemo(
    () => ({
      deliveries: (deployments ?? []).map((one) => ({
        timeMs: one.startTimeMs,
        label: `${one.service} ${one.version}`,
      })),
    }),
    [deployments],
  )
  const warnings = [...new Set(readings.flatMap((reading) => reading.data?.warnings ?? []))]
  if (!first) {
    return readings.some((reading) => reading.isLoading) ? (
      <Card>
        <Skeleton heightPx={320} />
      </Card>
    ) : null
  }
  return (
    <Card label={words.metrics.chart}>
      {series.length === 0 ? (
        <Empty title={words.metrics.empty}>{words.metrics.emptyHint}</Empty>
      ) : (
        <TimeChart
          title={
            queries.length === 1 ? queries[0]! : words.metrics.several({ count: queries.length })
          }
          unit={unit}
          timesMs={first.timesMs}
          series={series}
          range={range}
          marks={marks}
          heightPx={340}
          onZoom={props.onZoom}
          onTable={() => props.onTable(true)}
        />
      )}
      {warnings.map((warning) => (
        <p key={warning} className="mid">
          ⚠ {warning}
        </p>
      ))}
      <div className="line-wrap">
        <SelectField
          label={words.metrics.unit}
          isLabelHidden
          value={unit}
          onChange={(value) => address.set({ unit: value })}
          options={units.map((one) => ({ value: one, label: words.metrics.units[one] }))}
        />
      </div>
    </Card>
  )
}

function mergeSeries(
  queries: readonly string[],
  readings: ReturnType<typeof useRangeQueries>,
): ChartSeries[] {
  return readings.flatMap((reading, index) => {
    const all = reading.data?.series ?? []
    const common = commonLabels(all.map((one) => one.labels))
    const letter = queries.length > 1 ? `${letters[index]} ` : ''
    return all.map((one) => {
      const isUnnamed = Object.keys(one.labels).length === 0
      const name = isUnnamed ? (queries[index] ?? '') : seriesName(one.labels, common)
      return { key: `${index}${seriesName(one.labels)}`, name: letter + name, values: one.values }
    })
  })
}

function Tables(props: {
  queries: readonly string[]
  instants: ReturnType<typeof useInstantQueries>
}) {
  const words = useWords()
  const columns: Column<InstantRow>[] = [
    {
      key: 'labels',
      head: words.metrics.seriesHead,
      sortBy: (row) => seriesName(row.labels),
      cell: (row) => (
        <span className="line-wrap">
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
  return props.queries.map((query, index) => {
    const rows = props.instants[index]?.data
    return (
      // biome-ignore lint/suspicious/noArrayIndexKey: a query is its place
      <Card key={index} title={<code className="cut">{query}</code>} count={rows?.length} isFlush>
        {rows === undefined ? (
          <Skeleton rowCount={4} />
        ) : rows.length === 0 ? (
          <Empty title={words.metrics.empty}>{words.metrics.emptyHint}</Empty>
        ) : (
          <Table
            label={query}
            columns={columns}
            rows={rows.slice(0, 1000)}
            rowKey={(row) => seriesName(row.labels)}
          />
        )}
      </Card>
    )
  })
}

/** The first visit: questions that this server can answer now, made of metrics that it really has. */
function Start(props: { onPick: (query: string) => void }) {
  const words = useWords()
  const names = useLabelValues('__name__')
  const metadata = useMetadata().data
  const [filter, setFilter] = useState('')
  const have = useMemo(() => new Set(names.data ?? []), [names.data])
  const examples = (
    [
      [
        'node_cpu_seconds_total',
        '1 - avg by (instance) (rate(node_cpu_seconds_total{mode="idle"}[1m]))',
        'cpu',
      ],
      ['node_memory_MemAvailable_bytes', 'node_memory_MemAvailable_bytes', 'memory'],
      [
        'node_network_receive_bytes_total',
        'sum by (device) (rate(node_network_receive_bytes_total[1m]))',
        'network',
      ],
      [
        'http_requests_total',
        'sum by (service, version) (rate(http_requests_total[1m]))',
        'requests',
      ],
      [
        'http_requests_total',
        'sum by (service) (rate(http_requests_total{status=~"5.."}[1m])) / sum by (service) (rate(http_requests_total[1m]))',
        'errors',
      ],
      ['log_lines_total', 'sum by (level) (rate(log_lines_total[1m]))', 'logs'],
      ['up', 'up', 'up'],
    ] as const
  ).filter(([metric]) => have.has(metric))
  if (names.data?.length === 0) {
    return (
      <Card>
        <Empty title={words.metrics.nothingYet}>{words.metrics.nothingYetHint}</Empty>
      </Card>
    )
  }
  const found = (names.data ?? []).filter((name) =>
    name.toLowerCase().includes(filter.toLowerCase()),
  )
  return (
    <>
      {examples.length > 0 ? (
        <Card title={words.metrics.examples}>
          <div className="example-list">
            {examples.map(([, query, key]) => (
              <button
                key={key}
                type="button"
                className="example"
                onClick={() => props.onPick(query)}
              >
                <span>{words.metrics.example[key]}</span>
                <code>{query}</code>
              </button>
            ))}
          </div>
        </Card>
      ) : null}
      <Card title={words.metrics.all} count={names.data?.length}>
        <div className="filter-bar">
          <div className="field">
            <input
              type="search"
              className="input"
              aria-label={words.metrics.filter}
              placeholder={words.metrics.filter}
              value={filter}
              onChange={(event) => setFilter(event.target.value)}
            />
          </div>
        </div>
        {names.data === undefined ? (
          names.error ? (
            <Fault error={names.error} onRetry={names.refetch} />
          ) : (
            <Skeleton rowCount={6} />
          )
        ) : (
          <div className="example-list">
            {found.slice(0, 60).map((name) => (
              <button
                key={name}
                type="button"
                className="example"
                onClick={() => props.onPick(name)}
              >
                <code>{name}</code>
                <span className="quiet">{metadata?.[name]?.[0]?.help ?? ''}</span>
              </button>
            ))}
            {found.length > 60 ? (
              <p className="quiet">{words.metrics.more({ count: found.length - 60 })}</p>
            ) : null}
            {found.length === 0 ? <p className="mid">{words.metrics.noMatch({ filter })}</p> : null}
          </div>
        )}
      </Card>
    </>
  )
}
