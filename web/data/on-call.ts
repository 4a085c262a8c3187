/** On-call duty as hooks over the query cache: who is on call, shifts, policies, overrides. */

import { useQueries, useQuery } from '@tanstack/react-query'
import type {
  CalendarFeed,
  HeartbeatList,
  OnCallNow,
  OverrideBody,
  OverrideList,
  PolicyList,
  ShiftList,
} from '../../src/api/on-call.ts'
import type { OnCallOverride } from '../../src/model/on-call.ts'
import { call } from './client.ts'
import { type Reading, useAct } from './queries.ts'

const beatMs = 30_000
const keys = ['on-call', 'shifts', 'policies']

/** Who is on call now, and the people and teams that are set up. */
export function useOnCall(): Reading<OnCallNow> {
  return useQuery({
    queryKey: ['on-call'],
    queryFn: ({ signal }) => call<OnCallNow>('GET', '/on-call', { signal }),
    refetchInterval: beatMs,
  })
}

/** The shifts of several schedules within a span, in the order of the names. */
export function useShifts(
  schedules: readonly string[],
  span: { startTimeMs: number; endTimeMs: number },
): { data: ShiftList | undefined; error: unknown }[] {
  return useQueries({
    queries: schedules.map((name) => ({
      queryKey: ['shifts', name, span.startTimeMs, span.endTimeMs],
      queryFn: ({ signal }: { signal: AbortSignal }) =>
        call<ShiftList>('GET', `/on-call/schedules/${encodeURIComponent(name)}/shifts`, {
          signal,
          search: { ...span },
        }),
      refetchInterval: beatMs,
    })),
  }).map(({ data, error }) => ({ data, error }))
}

/** Who is told after whom. */
export function usePolicies(): Reading<PolicyList> {
  return useQuery({
    queryKey: ['policies'],
    queryFn: ({ signal }) => call<PolicyList>('GET', '/on-call/policies', { signal }),
    refetchInterval: beatMs,
  })
}

/** Programs that have to call regularly. */
export function useHeartbeats(): Reading<HeartbeatList> {
  return useQuery({
    queryKey: ['heartbeats'],
    queryFn: ({ signal }) => call<HeartbeatList>('GET', '/heartbeats', { signal }),
    refetchInterval: beatMs,
  })
}

/** Who stands in for whom, newest first. */
export function useOverrides(): Reading<OverrideList> {
  return useQuery({
    queryKey: ['shifts', 'overrides'],
    queryFn: ({ signal }) => call<OverrideList>('GET', '/on-call/overrides', { signal }),
  })
}

/** Puts somebody else on call for a while. */
export function useMakeOverride() {
  return useAct(
    (body: OverrideBody) => call<OnCallOverride>('POST', '/on-call/overrides', { body }),
    keys,
  )
}

/** Takes an override back. */
export function useRemoveOverride(id: string) {
  return useAct(
    (_reason: string) =>
      call<unknown>('DELETE', `/on-call/overrides/${encodeURIComponent(id)}`, { body: {} }),
    keys,
  )
}

/** Asks for the address of a calendar that other programs can subscribe to. */
export function useCalendarFeed(schedule: string) {
  return useAct(
    () => call<CalendarFeed>('GET', `/on-call/schedules/${encodeURIComponent(schedule)}/feed`),
    [],
  )
}
