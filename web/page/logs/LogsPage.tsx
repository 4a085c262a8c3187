/** Logs: what did it say? A query, levels, the volume over time, and the lines, live while it ends now. */

import { useVirtualizer } from '@tanstack/react-virtual'
import { useEffect, useMemo, useRef, useState } from 'react'
import { apiRoot, type LogLineView, type LogList } from '../../../src/api/api.ts'
import type { LogLevel } from '../../../src/model/log-line.ts'
import { VolumeChart } from '../../chart/VolumeChart.tsx'
import { useLink } from '../../data/live.ts'
import { fetchLogs, useLogs } from '../../data/queries.ts'
import { Button } from '../../kit/Button.tsx'
import { Card, PageHead } from '../../kit/Card.tsx'
import { CopyBlock, CopyButton } from '../../kit/Copy.tsx'
import { ActFault, Empty, Fault, Skeleton } from '../../kit/Feedback.tsx'
import { TextField } from '../../kit/Field.tsx'
import { useFormat } from '../../kit/format.tsx'
import { PlayIcon, SearchIcon } from '../../kit/icons.ts'
import { Labels } from '../../kit/Labels.tsx'
import { Link, useAddress } from '../../route/router.tsx'
import { useRange } from '../../shell/RangePicker.tsx'
import { useWords } from '../../word/word.tsx'
import { usePageTitle } from '../page-title.ts'
import { addMatcher, searchedTexts, toQuery } from './log-query.ts'

const levelGroups: readonly {
  key: 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'unknown'
  levels: readonly LogLevel[]
}[] = [
  { key: 'fatal', levels: ['fatal'] },
  { key: 'error', levels: ['error'] },
  { key: 'warn', levels: ['warn'] },
  { key: 'info', levels: ['info'] },
  { key: 'debug', levels: ['debug', 'trace'] },
  { key: 'unknown', levels: ['unknown'] },
]
const pageLineCount = 500
const filteredLineCount = 2000
const lineCountMax = 20_000
const liveLineCountMax = 2000

/** The page. */
export default function LogsPage() {
  const words = useWords()
  usePageTitle(words.place.logs)
  const address = useAddress()
  const { range, setRange } = useRange()
  const query = address.search['query'] ?? '{}'
  const shown = (address.search['level'] ?? '').split(',').filter((one) => one !== '')
  const isFiltered = shown.length > 0
  const link = useLink()
  const isLive = link.isLive && range.lastMs !== undefined
  const reading = useLogs({
    query: toQuery(query),
    range,
    limit: isFiltered ? filteredLineCount : pageLineCount,
    isEnabled: true,
  })
  const older = useOlder(toQuery(query), range.fromTimeMs)
  const live = useTail(toQuery(query), isLive, reading.data)
  const allLines = useMemo(
    () => joinLines(live, reading.data?.lines ?? [], older.lines),
    [live, reading.data, older.lines],
  )
  const levels = address.search['level'] ?? ''
  const levelSet = useMemo(() => {
    const keys = levels.split(',')
    return new Set(
      levelGroups.filter((group) => keys.includes(group.key)).flatMap((group) => group.levels),
    )
  }, [levels])
  const lines = isFiltered ? allLines.filter((line) => levelSet.has(line.level)) : allLines
  const volume = reading.data?.volume ?? []
  const counts = useMemo(() => countLevels(volume), [volume])
  const total = [...counts.values()].reduce((sum, count) => sum + count, 0)
  const wrong = (counts.get('error') ?? 0) + (counts.get('fatal') ?? 0)
  const format = useFormat()
  return (
    <>
      <PageHead
        verdict={
          reading.error && !reading.data
            ? words.logs.failed
            : reading.data === undefined
              ? words.logs.asking
              : words.logs.verdict({
                  total,
                  wrong,
                  span: format.span(range.toTimeMs - range.fromTimeMs),
                })
        }
      />
      <div className="stack">
        <QueryBar
          query={query}
          error={reading.error}
          isBusy={reading.isFetching}
          onRun={(next) => {
            older.reset()
            address.set({ query: next === '{}' ? undefined : next }, true)
            if (next === query) void reading.refetch()
          }}
        />
        <Card isFlush label={words.place.logs}>
          <div className="card-body log-top">
            <div className="filter-bar">
              {levelGroups.map((group) => {
                const count = group.levels.reduce((sum, level) => sum + (counts.get(level) ?? 0), 0)
                const isOn = shown.length === 0 || shown.includes(group.key)
                return (
                  <button
                    key={group.key}
                    type="button"
                    className="level-toggle"
                    aria-pressed={isOn}
                    onClick={() => address.set({ level: toggleLevel(shown, group.key) })}
                  >
                    <span className="level-dot" data-level={group.key} />
                    {words.logs.levels[group.key]}
                    <span className="quiet">{format.value(count, 'count')}</span>
                  </button>
                )
              })}
            </div>
            <VolumeChart
              bars={volume.filter((bar) => !isFiltered || levelSet.has(bar.level))}
              stepMs={reading.data?.stepMs ?? 60_000}
              range={range}
              onZoom={setRange}
            />
          </div>
          {reading.error && !reading.data ? (
            <Fault what={words.logs.failed} error={reading.error} onRetry={reading.refetch} />
          ) : reading.data === undefined ? (
            <Skeleton rowCount={10} />
          ) : lines.length === 0 ? (
            <NoLines
              isAnything={query !== '{}' || isFiltered}
              searched={allLines.length}
              isFiltered={isFiltered}
            />
          ) : (
            <Lines
              lines={lines}
              texts={searchedTexts(query)}
              onPick={(name, value) => address.set({ query: addMatcher(query, name, value) }, true)}
            />
          )}
          {reading.data && allLines.length > 0 ? (
            <div className="log-foot">
              <span className="grow">
                {isFiltered
                  ? words.logs.searched({
                      shown: lines.length,
                      count: allLines.length,
                      from: format.dateTime(oldestTimeMs(allLines)),
                    })
                  : words.logs.shown({
                      count: allLines.length,
                      from: format.dateTime(oldestTimeMs(allLines)),
                    })}
                {isLive ? ` ${words.logs.following}` : ''}
                <ActFault error={older.error} />
              </span>
              {older.isDone || allLines.length >= lineCountMax ? (
                <span className="quiet">
                  {older.isDone ? words.logs.allShown : words.logs.enough}
                </span>
              ) : (
                <Button
                  size="small"
                  isRunning={older.isRunning}
                  onClick={() => older.load(oldestTimeMs(allLines))}
                >
                  {words.logs.older}
                </Button>
              )}
            </div>
          ) : null}
        </Card>
      </div>
    </>
  )
}

function toggleLevel(shown: readonly string[], key: string): string | undefined {
  // The first press on one of all shows that one alone; the next ones add and take away.
  if (shown.length === 0) return key
  const next = shown.includes(key) ? shown.filter((one) => one !== key) : [...shown, key]
  return next.length === 0 || next.length === levelGroups.length ? undefined : next.join(',')
}

function countLevels(volume: LogList['volume']): Map<LogLevel, number> {
  const out = new Map<LogLevel, number>()
  for (const { level, count } of volume) out.set(level, (out.get(level) ?? 0) + count)
  return out
}

function oldestTimeMs(lines: readonly LogLineView[]): number {
  const last = lines.at(-1)
  return last ? Number(BigInt(last.timeNs) / 1_000_000n) : 0
}

/** One list from the live tail, the page and what was loaded later; no line twice. */
function joinLines(...parts: readonly (readonly LogLineView[])[]): LogLineView[] {
  const seen = new Set<string>()
  const out: LogLineView[] = []
  for (const part of parts) {
    for (const line of part) {
      const key = lineKey(line)
      if (seen.has(key)) continue
      seen.add(key)
      out.push(line)
    }
  }
  return out.sort((a, b) => (BigInt(a.timeNs) < BigInt(b.timeNs) ? 1 : -1))
}

function lineKey(line: LogLineView): string {
  return `${line.timeNs} ${JSON.stringify(line.labels)} ${line.line}`
}

function useOlder(query: string, fromTimeMs: number) {
  const [state, setState] = useState<{
    query: string
    lines: LogLineView[]
    isRunning: boolean
    isDone: boolean
    error: unknown
  }>({ query, lines: [], isRunning: false, isDone: false, error: undefined })
  const current =
    state.query === query ? state : { ...state, lines: [], isDone: false, error: undefined }
  return {
    ...current,
    reset: () => setState({ query, lines: [], isRunning: false, isDone: false, error: undefined }),
    load: async (beforeTimeMs: number) => {
      setState({ ...current, query, isRunning: true, error: undefined })
      try {
        // The oldest ms is asked again, since more lines may share it; joining drops what is known.
        const { lines } = await fetchLogs({
          query,
          startTimeMs: fromTimeMs,
          endTimeMs: beforeTimeMs + 1,
          limit: filteredLineCount,
        })
        const isDone = lines.length < filteredLineCount
        setState({
          query,
          lines: [...current.lines, ...lines],
          isRunning: false,
          isDone,
          error: undefined,
        })
      } catch (error) {
        setState({ ...current, query, isRunning: false, error })
      }
    },
  }
}

/** Lines as they arrive, newest first. */
function useTail(query: string, isLive: boolean, page: LogList | undefined): LogLineView[] {
  const [lines, setLines] = useState<LogLineView[]>([])
  const isReady = page !== undefined
  useEffect(() => {
    setLines([])
    if (!isLive || !isReady) return
    const stream = new EventSource(`${apiRoot}/logs/live?query=${encodeURIComponent(query)}`)
    let waiting: LogLineView[] = []
    stream.addEventListener('line', (event) => {
      waiting.push(JSON.parse(String(event.data)) as LogLineView)
    })
    // A burst is drawn once per beat, not once per line.
    const timer = setInterval(() => {
      if (waiting.length === 0) return
      const fresh = waiting.reverse()
      waiting = []
      setLines((old) => [...fresh, ...old].slice(0, liveLineCountMax))
    }, 500)
    return () => {
      clearInterval(timer)
      stream.close()
    }
  }, [query, isLive, isReady])
  return lines
}

function QueryBar(props: {
  query: string
  error: unknown
  isBusy: boolean
  onRun: (query: string) => void
}) {
  const words = useWords()
  const [draft, setDraft] = useState(props.query === '{}' ? '' : props.query)
  useEffect(() => setDraft(props.query === '{}' ? '' : props.query), [props.query])
  const run = (): void => props.onRun(draft.trim() === '' ? '{}' : draft.trim())
  return (
    <Card label={words.logs.query}>
      <div className="query-row" style={{ gridTemplateColumns: 'minmax(0, 1fr) auto' }}>
        <TextField
          label={words.logs.query}
          isLabelHidden
          isMono
          icon={<SearchIcon size={15} />}
          value={draft}
          placeholder={words.logs.placeholder}
          onChange={setDraft}
          onEnter={run}
          fault={props.error instanceof Error ? props.error.message : undefined}
        />
        <Button weight="main" icon={<PlayIcon size={12} />} isRunning={props.isBusy} onClick={run}>
          {words.logs.run}
        </Button>
      </div>
    </Card>
  )
}

function NoLines(props: { isAnything: boolean; isFiltered: boolean; searched: number }) {
  const words = useWords()
  const address = useAddress()
  if (!props.isAnything) {
    return (
      <Empty title={words.logs.none}>
        <div className="stack">
          <p>{words.logs.noneHint}</p>
          <CopyBlock
            label={words.logs.none}
            text={`curl -H 'Content-Type: application/json' ${location.origin}/loki/api/v1/push \\\n  -d '{"streams":[{"stream":{"service":"hello"},"values":[["'$(date +%s%N)'","level=info msg=hello"]]}]}'`}
          />
          <p>
            <Link to="/sources">{words.logs.otherWays}</Link>
          </p>
        </div>
      </Empty>
    )
  }
  return (
    <Empty
      title={
        props.isFiltered && props.searched > 0
          ? words.logs.noneOfLevel({ count: props.searched })
          : words.logs.noMatch
      }
      action={
        <>
          {props.isFiltered ? (
            <Button onClick={() => address.set({ level: undefined }, true)}>
              {words.logs.allLevels}
            </Button>
          ) : null}
          <Button onClick={() => address.set({ from: '1d', to: undefined }, true)}>
            {words.logs.wider}
          </Button>
        </>
      }
    >
      {words.logs.noMatchHint}
    </Empty>
  )
}

function Lines(props: {
  lines: readonly LogLineView[]
  texts: readonly string[]
  onPick: (name: string, value: string) => void
}) {
  const { lines } = props
  const words = useWords()
  const frame = useRef<HTMLDivElement>(null)
  const [open, setOpen] = useState<ReadonlySet<string>>(new Set())
  const virtual = useVirtualizer({
    count: lines.length,
    getScrollElement: () => frame.current,
    estimateSize: () => 22,
    overscan: 20,
    getItemKey: (index) => lineKey(lines[index]!),
  })
  const toggle = (key: string): void => {
    const next = new Set(open)
    if (!next.delete(key)) next.add(key)
    setOpen(next)
  }
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a frame that scrolls must be reachable by keyboard
    <section ref={frame} className="log-frame" tabIndex={0} aria-label={words.logs.lines}>
      <div style={{ height: virtual.getTotalSize(), position: 'relative' }}>
        {virtual.getVirtualItems().map((item) => {
          const line = lines[item.index]!
          const key = lineKey(line)
          return (
            <div
              key={item.key}
              data-index={item.index}
              ref={virtual.measureElement}
              style={{
                position: 'absolute',
                insetInline: 0,
                transform: `translateY(${item.start}px)`,
              }}
            >
              <Line
                line={line}
                texts={props.texts}
                isOpen={open.has(key)}
                onToggle={() => toggle(key)}
                onPick={props.onPick}
              />
            </div>
          )
        })}
      </div>
    </section>
  )
}

function Line(props: {
  line: LogLineView
  texts: readonly string[]
  isOpen: boolean
  onToggle: () => void
  onPick: (name: string, value: string) => void
}) {
  const { line, isOpen } = props
  const words = useWords()
  const format = useFormat()
  const timeMs = Number(BigInt(line.timeNs) / 1_000_000n)
  const ms = String(timeMs % 1000).padStart(3, '0')
  return (
    <>
      <button
        type="button"
        className="log-line"
        data-row=""
        data-level={line.level}
        aria-expanded={isOpen}
        onClick={() => {
          if (getSelection()?.isCollapsed !== false) props.onToggle()
        }}
      >
        <span className="log-edge" />
        <time className="log-time" title={format.dateTime(timeMs)}>
          {format.time(timeMs)}.{ms}
        </time>
        <span className="log-level">{line.level === 'unknown' ? '' : line.level}</span>
        <span className="log-text">
          {isOpen ? line.line : highlight(line.line.slice(0, 1000), props.texts)}
        </span>
      </button>
      {isOpen ? (
        <div className="log-more">
          <Labels
            labels={line.labels}
            onPick={props.onPick}
            pickLabel={(label) => words.logs.pick({ label })}
          />
          {Object.keys(line.metadata).length > 0 ? <Labels labels={line.metadata} /> : null}
          <span className="line">
            <span className="quiet">
              {format.dateTime(timeMs)}.{ms} {format.zone}
            </span>
            <CopyButton text={line.line} label={words.logs.copyLine} />
          </span>
        </div>
      ) : null}
    </>
  )
}

function highlight(text: string, texts: readonly string[]): React.ReactNode {
  const found = texts.find((one) => one !== '' && text.includes(one))
  if (found === undefined) return text
  const at = text.indexOf(found)
  return (
    <>
      {text.slice(0, at)}
      <mark>{found}</mark>
      {text.slice(at + found.length)}
    </>
  )
}
