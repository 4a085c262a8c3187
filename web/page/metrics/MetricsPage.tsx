/** Metrics: what does this query say? Several queries, drawn, listed and explained; the address holds it all. */

import { useMemo, useRef } from 'react'
import { useStopAsking } from '../../data/explore.ts'
import { useInstantQueries, useRangeQueries } from '../../data/queries.ts'
import type { TimeRange } from '../../data/range.ts'
import { Button } from '../../kit/Button.tsx'
import { Card, Columns, PageHead } from '../../kit/Card.tsx'
import { CopyButton } from '../../kit/Copy.tsx'
import { Empty, Skeleton } from '../../kit/Feedback.tsx'
import { Segments } from '../../kit/Field.tsx'
import { useFormat } from '../../kit/format.tsx'
import {
  ChartIcon,
  HeatIcon,
  LabelsIcon,
  RawIcon,
  RunningIcon,
  TableIcon,
} from '../../kit/icons.ts'
import { useAddress } from '../../route/router.tsx'
import { useKeys } from '../../shell/keys.ts'
import { useRange } from '../../shell/RangePicker.tsx'
import { useWords } from '../../word/word.tsx'
import { useDeliveryMarks } from '../delivery-marks.ts'
import { usePageTitle } from '../page-title.ts'
import { addMatcher, type LabelMatcher, selectorText } from './add-matcher.ts'
import { ChartView } from './ChartView.tsx'
import type { Drawn } from './drawn.ts'
import { type Answered, Editors } from './Editors.tsx'
import { ExplainCard } from './ExplainCard.tsx'
import { HeatView } from './HeatView.tsx'
import { LabelExplorer } from './LabelExplorer.tsx'
import './metrics.css'
import {
  areSame,
  emptyQuery,
  letters,
  type PageQuery,
  queryCountMax,
  readQueries,
  writeQueries,
} from './query-state.ts'
import { RunningQueries } from './RunningQueries.tsx'
import { Start } from './Start.tsx'
import { type Listed, RawView, TableView } from './TableView.tsx'

/** Series of one query that are asked for: more than a chart can show. The server says that there are more. */
const seriesCountMax = 2000

const views = ['chart', 'table', 'heat', 'raw'] as const
type View = (typeof views)[number]

/** The page. */
export default function MetricsPage() {
  const words = useWords()
  usePageTitle(words.place.metrics)
  const address = useAddress()
  const { range } = useRange()
  const queries = useMemo(() => readQueries(address.search), [address.search])
  const view = readView(address.search)
  const answers = useAnswers(queries, view, range)
  const stopAsking = useStopAsking()
  const touched = useRef(0)
  const explained = readExplained(address.search, queries)
  const setView = (next: View): void =>
    address.set({ view: next === 'chart' ? undefined : next, 'g0.tab': undefined })
  const ask = (next: readonly PageQuery[]): void => {
    const kept = next.filter((query) => query.expression.trim() !== '')
    if (areSame(kept, queries)) answers.refetch()
    else address.set(writeQueries(kept), true)
  }
  const explain = (index: number | undefined): void =>
    address.set({ explain: index === undefined ? undefined : letters[index] })
  const isExploring = address.search['labels'] !== undefined
  const open = (metric: string, label: string): void =>
    address.set({ labels: metric === '' ? 'all' : `metric:${metric}`, label: label || undefined })
  usePageKeys({ view, setView, queries, touched, explained, explain })
  const verdict = useVerdict(queries, answers.list, view)
  const explorer = isExploring ? (
    <LabelExplorer
      metric={address.search['labels']?.replace(/^(metric:|all$)/, '') ?? ''}
      label={address.search['label'] ?? ''}
      onOpen={open}
      onAsk={(metric) => ask(withQuery(queries, selectorText(metric)))}
      onMatch={(metric, matcher) => ask(withMatcher(queries, touched.current, metric, matcher))}
      onClose={() => address.set({ labels: undefined, label: undefined })}
    />
  ) : undefined
  return (
    <>
      <PageHead
        verdict={verdict}
        actions={
          <>
            {queries.length > 0 ? <ViewChoice view={view} onChange={setView} /> : null}
            <Button
              icon={<LabelsIcon size={15} />}
              isPressed={isExploring}
              onClick={() =>
                isExploring ? address.set({ labels: undefined, label: undefined }) : open('', '')
              }
            >
              {words.metrics.explorer}
            </Button>
            <Button
              weight="quiet"
              label={words.metrics.running}
              icon={<RunningIcon size={16} />}
              onClick={() => address.set({ running: '1' })}
            />
            {queries.length > 0 ? (
              <CopyButton text={location.href} label={words.metrics.copyLink} />
            ) : null}
          </>
        }
      />
      <Columns side={explorer}>
        <Editors
          queries={queries}
          answers={answers.list}
          explained={explained}
          onRun={ask}
          onStop={stopAsking}
          onExplain={explain}
          onTouch={(index) => {
            touched.current = index
          }}
        />
        {explained === undefined ? null : (
          <ExplainCard
            key={explained}
            expression={queries[explained]!.expression}
            letter={letters[explained] ?? ''}
            range={range}
            isInstant={view === 'table' || view === 'raw'}
            onClose={() => explain(undefined)}
          />
        )}
        {queries.length === 0 ? (
          <Start onPick={(query) => ask([{ ...emptyQuery, expression: query }])} />
        ) : (
          <Answers {...{ queries, answers, view, range, setView, ask }} />
        )}
      </Columns>
      <RunningQueries
        isOpen={address.search['running'] !== undefined}
        onClose={() => address.set({ running: undefined })}
      />
    </>
  )
}

function readView(search: Readonly<Record<string, string>>): View {
  const view = search['view'] as View | undefined
  if (view !== undefined && views.includes(view)) return view
  return search['g0.tab'] === '1' ? 'table' : 'chart'
}

function readExplained(
  search: Readonly<Record<string, string>>,
  queries: readonly PageQuery[],
): number | undefined {
  const index = letters.indexOf(search['explain'] ?? '-')
  return index >= 0 && index < queries.length ? index : undefined
}

function withQuery(queries: readonly PageQuery[], expression: string): PageQuery[] {
  const added = { ...emptyQuery, expression }
  return queries.length < queryCountMax ? [...queries, added] : [...queries.slice(0, -1), added]
}

/** The matcher goes to the query that the reader works on, else to one that has the metric, else to a new one. */
function withMatcher(
  queries: readonly PageQuery[],
  touched: number,
  metric: string,
  matcher: LabelMatcher,
): PageQuery[] {
  const order = [touched, ...queries.keys()].filter((index) => queries[index] !== undefined)
  for (const index of order) {
    const expression = addMatcher(queries[index]!.expression, metric, matcher)
    if (expression === undefined) continue
    return queries.map((query, at) => (at === index ? { ...query, expression } : query))
  }
  return withQuery(queries, selectorText(metric, [matcher]))
}

function usePageKeys(o: {
  view: View
  setView: (view: View) => void
  queries: readonly PageQuery[]
  touched: { current: number }
  explained: number | undefined
  explain: (index: number | undefined) => void
}): void {
  const words = useWords()
  const { view, setView, queries, explained, explain } = o
  const toggle = (other: View) => (): void => setView(view === other ? 'chart' : other)
  useKeys([
    { keys: 't', label: words.key.table, run: toggle('table') },
    { keys: 'h', label: words.metrics.heat, run: toggle('heat') },
    {
      keys: 'x',
      label: words.metrics.explain,
      run: () => {
        const index = queries[o.touched.current] === undefined ? 0 : o.touched.current
        if (queries.length > 0) explain(explained === index ? undefined : index)
      },
    },
  ])
}

function ViewChoice(props: { view: View; onChange: (view: View) => void }) {
  const words = useWords()
  const icons = { chart: ChartIcon, table: TableIcon, heat: HeatIcon, raw: RawIcon }
  return (
    <Segments
      label={words.metrics.view}
      value={props.view}
      onChange={props.onChange}
      options={views.map((value) => {
        const Icon = icons[value]
        return {
          value,
          label: (
            <>
              <Icon size={14} />
              {words.metrics[value]}
            </>
          ),
        }
      })}
    />
  )
}

interface PageAnswers {
  list: (Answered | undefined)[]
  drawn: Drawn[]
  listed: Listed[]
  refetch: () => void
}

/** What came for each query; hidden ones are not asked. */
function useAnswers(queries: readonly PageQuery[], view: View, range: TimeRange): PageAnswers {
  const shown = queries.flatMap((query, index) => (query.isHidden ? [] : [{ query, index }]))
  const expressions = shown.map(({ query }) => query.expression)
  const isInstant = view === 'table' || view === 'raw'
  const readings = useRangeQueries(isInstant ? [] : expressions, range, {
    hasStats: true,
    limit: seriesCountMax,
  })
  const instants = useInstantQueries(isInstant ? expressions : [], range)
  const list: (Answered | undefined)[] = queries.map(() => undefined)
  const drawn: Drawn[] = []
  const listed: Listed[] = []
  shown.forEach(({ query, index }, at) => {
    const reading = readings[at]
    const instant = instants[at]
    const { error, isFetching } = (isInstant ? instant : reading) ?? {
      error: null,
      isFetching: false,
    }
    const data = reading?.data
    list[index] = {
      error,
      isFetching,
      seriesCount: isInstant
        ? instant?.data?.rows.length
        : data && data.series.length + data.histograms.length,
      sampleCount: data?.sampleCount,
      elapsedMs: data?.elapsedMs,
    }
    if (data !== undefined) drawn.push({ index, query, data })
    if (isInstant)
      listed.push({ index, query, data: instant?.data, hasFailed: Boolean(instant?.error) })
  })
  const refetch = (): void => {
    for (const one of isInstant ? instants : readings) void one.refetch()
  }
  return { list, drawn, listed, refetch }
}

function useVerdict(
  queries: readonly PageQuery[],
  answers: readonly (Answered | undefined)[],
  view: View,
): string {
  const words = useWords()
  const format = useFormat()
  if (queries.length === 0) return words.metrics.ask
  const asked = answers.filter((answer) => answer !== undefined)
  if (asked.length === 0) return words.metrics.allHidden
  const failed = asked.filter((answer) => answer.error).length
  if (failed > 0) return words.metrics.failed({ count: failed })
  if (asked.some((answer) => answer.seriesCount === undefined))
    return asked.some((answer) => answer.isFetching) ? words.metrics.asking : words.metrics.stopped
  const count = asked.reduce((sum, answer) => sum + (answer.seriesCount ?? 0), 0)
  if (view === 'table' || view === 'raw') return words.metrics.rows({ count })
  const samples = asked.reduce((sum, answer) => sum + (answer.sampleCount ?? 0), 0)
  const elapsedMs = Math.max(0, ...asked.map((answer) => answer.elapsedMs ?? 0))
  return words.metrics.series({
    count,
    samples: format.value(samples, 'count'),
    elapsed: format.value(elapsedMs / 1000, 'seconds'),
  })
}

function Answers(props: {
  queries: readonly PageQuery[]
  answers: PageAnswers
  view: View
  range: TimeRange
  setView: (view: View) => void
  ask: (queries: readonly PageQuery[]) => void
}) {
  const { queries, answers, view, range, ask } = props
  const words = useWords()
  const { setRange } = useRange()
  const deliveries = useDeliveryMarks(range)
  const { drawn, listed, list } = answers
  if (view === 'table') return <TableView listed={listed} />
  if (view === 'raw') return <RawView listed={listed} />
  if (drawn.length === 0) {
    if (list.some((answer) => answer?.isFetching)) {
      return (
        <Card>
          <Skeleton heightPx={320} />
        </Card>
      )
    }
    if (list.some((answer) => answer?.error)) return null
    const isHidden = list.every((answer) => answer === undefined)
    return (
      <Card>
        <Empty
          title={isHidden ? words.metrics.allHidden : words.metrics.stopped}
          action={
            isHidden ? undefined : (
              <Button onClick={() => answers.refetch()}>{words.metrics.run}</Button>
            )
          }
        >
          {isHidden ? words.metrics.allHiddenHint : words.metrics.stoppedHint}
        </Empty>
      </Card>
    )
  }
  const shared = { drawn, range, deliveries, onZoom: setRange }
  if (view === 'chart') return <ChartView {...shared} onTable={() => props.setView('table')} />
  return (
    <HeatView
      {...shared}
      onReplace={(index, expression) =>
        ask(queries.map((query, at) => (at === index ? { ...query, expression } : query)))
      }
    />
  )
}
