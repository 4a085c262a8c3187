/** What the Metrics page asks beside its queries: the tree with its costs, labels, exemplars, what runs. */

import { keepPreviousData, useQueries, useQuery, useQueryClient } from '@tanstack/react-query'
import { useMemo } from 'react'
import type { ExplainView, LabelsView, QueryList } from '../../src/api/api.ts'
import { call } from './client.ts'
import { useLink } from './live.ts'
import { type Exemplar, fetchExemplars } from './prometheus.ts'
import { type Reading, useAct } from './queries.ts'
import { stepOf, type TimeRange } from './range.ts'

function keyOf(range: TimeRange): string {
  return range.lastMs === undefined ? `${range.fromTimeMs}-${range.toTimeMs}` : `${range.lastMs}`
}

function asOfNow(range: TimeRange): TimeRange {
  if (range.lastMs === undefined) return range
  const toTimeMs = Date.now()
  return { fromTimeMs: toTimeMs - range.lastMs, toTimeMs, lastMs: range.lastMs }
}

/** What each part of a query costs, over the range or at its end. Asked once: it is a query more. */
export function useExplain(
  query: string,
  range: TimeRange,
  isInstant: boolean,
): Reading<ExplainView> {
  return useQuery({
    queryKey: ['explain', query, keyOf(range), isInstant],
    queryFn: ({ signal }) => {
      const { fromTimeMs, toTimeMs } = asOfNow(range)
      const stepMs = stepOf(range)
      const endTimeMs = Math.floor(toTimeMs / stepMs) * stepMs
      const startTimeMs = Math.ceil(fromTimeMs / stepMs) * stepMs
      const times = isInstant
        ? { timeMs: Math.round(toTimeMs) }
        : { startTimeMs, endTimeMs, stepMs }
      return call<ExplainView>('GET', '/explain', { signal, search: { query, ...times } })
    },
    enabled: query !== '',
    staleTime: 60_000,
  })
}

/** Metric names that are asked for at once. */
const metricCountMax = 5000

/** Metrics and labels of the series in memory, or of those that a selector chooses. */
export function useLabelCounts(match: string): Reading<LabelsView> {
  return useQuery({
    queryKey: ['label-counts', match],
    queryFn: ({ signal }) =>
      call<LabelsView>('GET', '/labels', { signal, search: { match, limit: metricCountMax } }),
    staleTime: 30_000,
    placeholderData: keepPreviousData,
  })
}

/** Exemplars of several queries over one range. */
export function useExemplars(queries: readonly string[], range: TimeRange): Exemplar[] {
  const answers = useQueries({
    queries: queries.map((query) => ({
      queryKey: ['exemplars', query, keyOf(range)],
      queryFn: ({ signal }: { signal: AbortSignal }) =>
        fetchExemplars(query, asOfNow(range), signal),
      staleTime: 15_000,
      // A query that cannot be read is told where it was asked.
      retry: false,
    })),
  })
  const found = answers.map((answer) => answer.data)
  // biome-ignore lint/correctness/useExhaustiveDependencies: the answers are the dependency
  return useMemo(() => found.flatMap((one) => one ?? []), found)
}

/** Stops every query of the page that is being asked; the server stops with it. */
export function useStopAsking(): () => void {
  const client = useQueryClient()
  return () => {
    for (const name of ['range', 'instant', 'explain'])
      void client.cancelQueries({ queryKey: [name] })
  }
}

/** The queries that the server answers now. */
export function useRunningQueries(isEnabled: boolean): Reading<QueryList> {
  const { isLive } = useLink()
  return useQuery({
    queryKey: ['running-queries'],
    queryFn: ({ signal }) => call<QueryList>('GET', '/queries', { signal }),
    enabled: isEnabled,
    refetchInterval: isLive ? 2000 : false,
  })
}

/** Stops one of them. */
export function useStopQuery() {
  return useAct(
    (id: string) => call<unknown>('DELETE', `/queries/${encodeURIComponent(id)}`),
    ['running-queries'],
  )
}
