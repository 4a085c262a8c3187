/** What pages read and do, as hooks over the query cache: one per resource of src/api. */

import {
  keepPreviousData,
  QueryClient,
  QueryClientProvider,
  useMutation,
  useQueries,
  useQuery,
  useQueryClient,
} from '@tanstack/react-query'
import type {
  AlertList,
  DeploymentList,
  DeploymentView,
  IncidentList,
  IncidentView,
  LogList,
  NowView,
  SessionView,
  SettingsView,
  SignInRequest,
  SilenceList,
  SilencePreview,
  SilenceRequest,
  SilenceView,
  SourceList,
  TokenView,
} from '../../src/api/api.ts'
import type { Decision } from '../../src/model/deployment.ts'
import type { Incident } from '../../src/model/incident.ts'
import type { SilenceMatcher } from '../../src/model/silence.ts'
import { ApiError, call } from './client.ts'
import { useNowTimeMs } from './clock.ts'
import { useLink } from './live.ts'
import {
  type ChartData,
  fetchInstant,
  fetchLabelNames,
  fetchLabelValues,
  fetchMetadata,
  fetchRange,
  fetchRules,
} from './prometheus.ts'
import { stepOf, type TimeRange } from './range.ts'

export { QueryClientProvider }

/** What a page knows of something it reads. */
export interface Reading<T> {
  data: T | undefined
  error: unknown
  isLoading: boolean
  isFetching: boolean
  refetch: () => unknown
}

/** The cache of the page. Calls are retried only when nobody answered. */
export function makeQueryClient(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: {
        staleTime: 2000,
        gcTime: 300_000,
        refetchOnWindowFocus: true,
        retry: (count, error) => error instanceof ApiError && error.status === 0 && count < 2,
        retryDelay: (count) => 400 * 2 ** count,
        networkMode: 'always',
      },
      mutations: { networkMode: 'always', retry: false },
    },
  })
}

/** The beat at which pages read again while live, besides what the live stream tells. */
function useBeatMs(beatMs: number): number | false {
  return useLink().isLive ? beatMs : false
}

/** Who is signed in. */
export function useSession(): Reading<SessionView> {
  return useQuery({
    queryKey: ['session'],
    queryFn: ({ signal }) => call<SessionView>('GET', '/session', { signal }),
    staleTime: 60_000,
  })
}

/** The first page. */
export function useNow(): Reading<NowView> {
  return useQuery({
    queryKey: ['now'],
    queryFn: ({ signal }) => call<NowView>('GET', '/now', { signal }),
    refetchInterval: useBeatMs(10_000),
  })
}

/** Incidents of a state, newest first. */
export function useIncidents(
  state: 'open' | 'resolved' | 'all',
  limit = 100,
): Reading<IncidentList> {
  return useQuery({
    queryKey: ['incidents', state, limit],
    queryFn: ({ signal }) =>
      call<IncidentList>('GET', '/incidents', { signal, search: { state, limit } }),
    refetchInterval: useBeatMs(15_000),
    placeholderData: keepPreviousData,
  })
}

/** One incident. */
export function useIncident(id: string): Reading<IncidentView> {
  return useQuery({
    queryKey: ['incident', id],
    queryFn: ({ signal }) =>
      call<IncidentView>('GET', `/incidents/${encodeURIComponent(id)}`, { signal }),
    refetchInterval: useBeatMs(10_000),
  })
}

/** Alerts of all states. */
export function useAlerts(): Reading<AlertList> {
  return useQuery({
    queryKey: ['alerts'],
    queryFn: ({ signal }) => call<AlertList>('GET', '/alerts', { signal }),
    refetchInterval: useBeatMs(10_000),
  })
}

/** Silences: running, to come, and ended lately. */
export function useSilences(): Reading<SilenceList> {
  return useQuery({
    queryKey: ['silences'],
    queryFn: ({ signal }) => call<SilenceList>('GET', '/silences', { signal }),
    refetchInterval: useBeatMs(10_000),
  })
}

/** What a silence with these matchers would hold. */
export function useSilencePreview(matchers: readonly SilenceMatcher[]): Reading<SilencePreview> {
  return useQuery({
    queryKey: ['silence-preview', matchers],
    queryFn: ({ signal }) =>
      call<SilencePreview>('POST', '/silences/preview', { signal, body: { matchers } }),
    enabled: matchers.length > 0,
    placeholderData: keepPreviousData,
  })
}

/** Deployments, newest first; within a range when given. */
export function useDeployments(
  o: { service?: string | undefined; range?: TimeRange; limit?: number } = {},
): Reading<DeploymentList> {
  // Rounded so that a moving range does not fetch at each beat.
  const round = (timeMs: number | undefined): number | undefined =>
    timeMs === undefined ? undefined : Math.round(timeMs / 15_000) * 15_000
  const search = {
    service: o.service,
    fromTimeMs: round(o.range?.fromTimeMs),
    toTimeMs: round(o.range?.toTimeMs),
    limit: o.limit ?? 200,
  }
  return useQuery({
    queryKey: ['deployments', search],
    queryFn: ({ signal }) => call<DeploymentList>('GET', '/deployments', { signal, search }),
    refetchInterval: useBeatMs(15_000),
    placeholderData: keepPreviousData,
  })
}

/** One delivery. */
export function useDeployment(id: string): Reading<DeploymentView> {
  return useQuery({
    queryKey: ['deployment', id],
    queryFn: ({ signal }) =>
      call<DeploymentView>('GET', `/deployments/${encodeURIComponent(id)}`, { signal }),
    refetchInterval: useBeatMs(5_000),
  })
}

/** Where data comes from. */
export function useSources(): Reading<SourceList> {
  return useQuery({
    queryKey: ['sources'],
    queryFn: ({ signal }) => call<SourceList>('GET', '/sources', { signal }),
    refetchInterval: useBeatMs(10_000),
  })
}

/** Settings, tokens, figures of the store. */
export function useSettings(): Reading<SettingsView> {
  return useQuery({
    queryKey: ['settings'],
    queryFn: ({ signal }) => call<SettingsView>('GET', '/settings', { signal }),
    refetchInterval: useBeatMs(30_000),
  })
}

/** Rules by group. */
export function useRules() {
  return useQuery({
    queryKey: ['rules'],
    queryFn: ({ signal }) => fetchRules(signal),
    refetchInterval: useBeatMs(15_000),
  })
}

/** Metric names with type and help. */
export function useMetadata() {
  return useQuery({
    queryKey: ['metadata'],
    queryFn: ({ signal }) => fetchMetadata(signal),
    staleTime: 60_000,
  })
}

/** Values of a label; of metric names for `__name__`. */
export function useLabelValues(label: string, match?: string, isEnabled = true) {
  return useQuery({
    queryKey: ['label-values', label, match ?? ''],
    queryFn: ({ signal }) => fetchLabelValues(label, match, signal),
    enabled: isEnabled,
    staleTime: 30_000,
  })
}

/** What the query editor asks for completion, through the cache. */
export function useCompletionSource() {
  const client = useQueryClient()
  const read = <T>(queryKey: unknown[], queryFn: () => Promise<T>): Promise<T> =>
    client.fetchQuery({ queryKey, queryFn, staleTime: 60_000 })
  return {
    metadata: () => read(['metadata'], () => fetchMetadata()),
    labelNames: (match?: string) =>
      read(['label-names', match ?? ''], () => fetchLabelNames(match)),
    labelValues: (label: string, match?: string) =>
      read(['label-values', label, match ?? ''], () => fetchLabelValues(label, match)),
  }
}

/** The range of a page as of now: moving ranges move with the beat while live. */
export function useMovingRange(range: TimeRange): TimeRange {
  const nowTimeMs = useNowTimeMs()
  const { isLive } = useLink()
  if (range.lastMs === undefined || !isLive) return range
  return { fromTimeMs: nowTimeMs - range.lastMs, toTimeMs: nowTimeMs, lastMs: range.lastMs }
}

/** A range query for a chart. Moving ranges are read again at each step (at least every 10 s). */
export function useRangeQuery(
  query: string,
  range: TimeRange,
  isEnabled = true,
): Reading<ChartData> {
  return useRangeQueries(query === '' || !isEnabled ? [] : [query], range)[0] ?? emptyReading
}

const emptyReading = {
  data: undefined,
  error: null,
  isLoading: false,
  isFetching: false,
  refetch: () => undefined,
}

/** Several range queries over one range. */
export function useRangeQueries(
  queries: readonly string[],
  range: TimeRange,
  o: { stepMs?: number; isPolled?: boolean; hasStats?: boolean; limit?: number } = {},
): Reading<ChartData>[] {
  const stepMs = o.stepMs ?? stepOf(range)
  const key =
    range.lastMs === undefined
      ? `${Math.round(range.fromTimeMs)}-${Math.round(range.toTimeMs)}`
      : `last-${range.lastMs}`
  const beatMs = useBeatMs(Math.min(60_000, Math.max(10_000, stepMs)))
  return useQueries({
    queries: queries.map((query) => ({
      queryKey: ['range', query, key, stepMs, o.hasStats ?? false, o.limit ?? 0],
      queryFn: ({ signal }: { signal: AbortSignal }) => {
        const toTimeMs = range.lastMs === undefined ? range.toTimeMs : Date.now()
        const fromTimeMs = range.lastMs === undefined ? range.fromTimeMs : toTimeMs - range.lastMs
        const span = { fromTimeMs, toTimeMs, lastMs: range.lastMs }
        const { hasStats = false, limit } = o
        return fetchRange(query, span, { signal, stepMs, hasStats, ...(limit ? { limit } : {}) })
      },
      refetchInterval: range.lastMs === undefined && !o.isPolled ? (false as const) : beatMs,
      placeholderData: keepPreviousData,
      staleTime: 5000,
    })),
  })
}

/** Instant queries, at the end of a range. */
export function useInstantQueries(queries: readonly string[], range: TimeRange) {
  const timeMs = range.lastMs === undefined ? range.toTimeMs : undefined
  const beatMs = useBeatMs(10_000)
  return useQueries({
    queries: queries.map((query) => ({
      queryKey: ['instant', query, timeMs ?? 'now'],
      queryFn: ({ signal }: { signal: AbortSignal }) => fetchInstant(query, timeMs, signal),
      refetchInterval: timeMs === undefined ? beatMs : (false as const),
      placeholderData: keepPreviousData,
    })),
  })
}

/** Log lines of a query within a range, latest first, and their volume. */
export function useLogs(o: {
  query: string
  range: TimeRange
  limit: number
  isEnabled: boolean
}): Reading<LogList> {
  const beatMs = useBeatMs(10_000)
  const { range } = o
  const key = range.lastMs === undefined ? `${range.fromTimeMs}-${range.toTimeMs}` : range.lastMs
  return useQuery({
    queryKey: ['logs', o.query, key, o.limit],
    queryFn: ({ signal }) => {
      const toTimeMs = range.lastMs === undefined ? range.toTimeMs : Date.now()
      return fetchLogs({
        query: o.query,
        startTimeMs: range.lastMs === undefined ? range.fromTimeMs : toTimeMs - range.lastMs,
        endTimeMs: toTimeMs,
        limit: o.limit,
        signal,
      })
    },
    enabled: o.isEnabled,
    refetchInterval: range.lastMs === undefined ? false : beatMs,
    placeholderData: keepPreviousData,
  })
}

/** Reads log lines once, latest first. */
export function fetchLogs(o: {
  query: string
  startTimeMs: number
  endTimeMs: number
  limit: number
  signal?: AbortSignal
}): Promise<LogList> {
  return call<LogList>('GET', '/logs', {
    search: {
      query: o.query,
      startTimeMs: Math.round(o.startTimeMs),
      endTimeMs: Math.round(o.endTimeMs),
      limit: o.limit,
      direction: 'backward',
    },
    ...(o.signal ? { signal: o.signal } : {}),
  })
}

/** Something a person does: run it, see whether it runs, see why it failed. */
export interface Act<I> {
  run: (input: I, o?: { onDone?: () => void }) => void
  isRunning: boolean
  error: unknown
  reset: () => void
}

/** Something a person does, and what is read again after it. */
export function useAct<I, O>(
  act: (input: I) => Promise<O>,
  touched: readonly string[],
): Act<I> & { answer: O | undefined; ask: (input: I) => Promise<O | undefined> } {
  const client = useQueryClient()
  const mutation = useMutation({
    mutationFn: act,
    onSettled: () =>
      client.invalidateQueries({
        predicate: (query) => touched.includes(String(query.queryKey[0])),
      }),
  })
  return {
    run: (input, o) => mutation.mutate(input, o?.onDone ? { onSuccess: o.onDone } : {}),
    isRunning: mutation.isPending,
    error: mutation.error,
    answer: mutation.data,
    // A failure is shown as `error`, so that nobody has to catch it.
    ask: (input) => mutation.mutateAsync(input).catch(() => undefined),
    reset: mutation.reset,
  }
}

/** Signs in. */
export function useSignIn() {
  const client = useQueryClient()
  return useMutation({
    mutationFn: (body: SignInRequest) => call<SessionView>('POST', '/session', { body }),
    onSuccess: (session) => client.setQueryData(['session'], session),
  })
}

/** Signs out. */
export function useSignOut(): Act<void> {
  const client = useQueryClient()
  const act = useAct(() => call<unknown>('DELETE', '/session'), ['session'])
  return { ...act, run: () => act.run(undefined, { onDone: () => client.clear() }) }
}

const incidentKeys = ['incident', 'incidents', 'now', 'alerts']

/** Acts on an incident. */
export function useIncidentActs(id: string) {
  const at = `/incidents/${encodeURIComponent(id)}`
  return {
    acknowledge: useAct(
      () => call<Incident>('POST', `${at}/acknowledge`, { body: {} }),
      incidentKeys,
    ),
    comment: useAct(
      (message: string) => call<Incident>('POST', `${at}/comment`, { body: { message } }),
      incidentKeys,
    ),
    resolve: useAct(
      (message: string) => call<Incident>('POST', `${at}/resolve`, { body: { message } }),
      incidentKeys,
    ),
    savePostMortem: useAct(
      (text: string) => call<Incident>('PUT', `${at}/post-mortem`, { body: { text } }),
      incidentKeys,
    ),
  }
}

const silenceKeys = ['silences', 'alerts', 'now']

/** Makes a silence. */
export function useMakeSilence() {
  return useAct(
    (body: SilenceRequest) => call<SilenceView>('POST', '/silences', { body }),
    silenceKeys,
  )
}

/** Ends a silence. */
export function useExpireSilence(id: string) {
  return useAct(
    (_reason: string) =>
      call<SilenceView>('POST', `/silences/${encodeURIComponent(id)}/expire`, { body: {} }),
    silenceKeys,
  )
}

/** Acts on a delivery. */
export function useDeploymentActs(id: string) {
  const at = `/deployments/${encodeURIComponent(id)}`
  const touched = ['deployment', 'deployments', 'now', 'incident']
  return {
    rollBack: useAct(
      (reason: string) => call<Decision>('POST', `${at}/rollback`, { body: { reason } }),
      touched,
    ),
    hold: useAct(
      (reason: string) => call<Decision>('POST', `${at}/hold`, { body: { reason } }),
      touched,
    ),
  }
}

/** Makes a token; the answer holds its secret once. */
export function useMakeToken() {
  return useAct(
    (body: { name: string; scope: TokenView['scope'] }) =>
      call<{ token: string; view: TokenView }>('POST', '/tokens', { body }),
    ['settings'],
  )
}

/** Takes a token back. */
export function useRevokeToken() {
  return useAct(
    (id: string) => call<unknown>('DELETE', `/tokens/${encodeURIComponent(id)}`),
    ['settings'],
  )
}

/** Sets the administrator's password. */
export function useSetPassword() {
  return useAct(
    (password: string) => call<unknown>('PUT', '/password', { body: { password } }),
    ['settings', 'session'],
  )
}
