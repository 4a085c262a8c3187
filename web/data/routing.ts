/** Who is told, as hooks over the query cache: routes, receivers, the ledger of attempts, and what reached nobody. */

import { keepPreviousData, useInfiniteQuery, useQuery } from '@tanstack/react-query'
import type {
  DeadLetterList,
  DeliveryView,
  NotificationList,
  NotificationView,
  ReceiverList,
} from '../../src/api/api.ts'
import type { RoutePreview, RouteTree } from '../../src/api/rules.ts'
import { call } from './client.ts'
import { useLink } from './live.ts'
import { type Reading, useAct } from './queries.ts'

function useBeat(beatMs: number): number | false {
  return useLink().isLive ? beatMs : false
}

/** The tree of routes. */
export function useRouteTree(): Reading<RouteTree> {
  return useQuery({
    queryKey: ['settings', 'routes'],
    queryFn: ({ signal }) => call<RouteTree>('GET', '/routes', { signal }),
    refetchInterval: useBeat(30_000),
  })
}

/** Who would be told of an alert with these labels; nothing is asked without labels. */
export function useRoutePreview(
  labels: Readonly<Record<string, string>> | undefined,
): Reading<RoutePreview> {
  return useQuery({
    queryKey: ['alerts', 'route-preview', labels],
    queryFn: ({ signal }) =>
      call<RoutePreview>('POST', '/routes/preview', { signal, body: { labels } }),
    enabled: labels !== undefined,
    placeholderData: keepPreviousData,
  })
}

/** Who can be told, and how. */
export function useReceivers(): Reading<ReceiverList> {
  return useQuery({
    queryKey: ['notifications', 'receivers'],
    queryFn: ({ signal }) => call<ReceiverList>('GET', '/receivers', { signal }),
    refetchInterval: useBeat(30_000),
  })
}

/** Tells a receiver something, to see whether it arrives. */
export function useTestReceiver() {
  return useAct(
    (name: string) => call<DeliveryView>('POST', `/receivers/${encodeURIComponent(name)}/test`),
    ['notifications'],
  )
}

/** What is looked for in the ledger; `withinMs` is counted back from now. */
export interface LedgerFilter {
  receiver?: string | undefined
  channel?: string | undefined
  outcome?: NotificationView['outcome'] | undefined
  incidentId?: string | undefined
  pageId?: string | undefined
  label?: string | undefined
  text?: string | undefined
  withinMs?: number | undefined
}

/** A part of the ledger, and a way to its older part. */
export interface LedgerReading extends Reading<NotificationView[]> {
  hasOlder: boolean
  readOlder: () => void
}

/** Attempts in one answer. */
const pageCount = 100

/** The ledger, newest first, in parts. */
export function useLedger(filter: LedgerFilter): LedgerReading {
  const { withinMs, ...search } = filter
  const reading = useInfiniteQuery({
    queryKey: ['notifications', 'ledger', filter],
    queryFn: ({ signal, pageParam }) =>
      call<NotificationList>('GET', '/notifications', {
        signal,
        search: {
          ...search,
          limit: pageCount,
          after: pageParam,
          from: withinMs === undefined ? undefined : Date.now() - withinMs,
        },
      }),
    initialPageParam: '',
    getNextPageParam: (last) => last.next,
    placeholderData: keepPreviousData,
    refetchInterval: useBeat(15_000),
  })
  return {
    data: reading.data?.pages.flatMap((page) => page.notifications),
    error: reading.error,
    isLoading: reading.isLoading,
    isFetching: reading.isFetching,
    refetch: reading.refetch,
    hasOlder: reading.hasNextPage,
    readOlder: () => void reading.fetchNextPage(),
  }
}

/** Messages that reached nobody. */
export function useDeadLetters(): Reading<DeadLetterList> {
  return useQuery({
    queryKey: ['notifications', 'letters'],
    queryFn: ({ signal }) => call<DeadLetterList>('GET', '/dead-letters', { signal }),
    refetchInterval: useBeat(30_000),
  })
}

/** Ends a message that reached nobody without sending it. */
export function useDismiss(id: string) {
  return useAct(
    (_reason: string) =>
      call<unknown>('POST', `/dead-letters/${encodeURIComponent(id)}/dismiss`, { body: {} }),
    ['notifications'],
  )
}

/** Sends a message again that reached nobody. */
export function useResend() {
  return useAct(
    (id: string) => call<DeliveryView>('POST', `/dead-letters/${encodeURIComponent(id)}/resend`),
    ['notifications'],
  )
}
