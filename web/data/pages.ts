/** Pages, the groups of alerts that people answer for, as hooks over the query cache. */

import { useQuery } from '@tanstack/react-query'
import type { PageDetail, PageList, PageView } from '../../src/api/on-call.ts'
import { call } from './client.ts'
import { type Reading, useAct } from './queries.ts'

const beatMs = 10_000
const keys = ['pages', 'page', 'alerts', 'now', 'incident']

/** What a person does with a page. */
export type PageAct = 'acknowledge' | 'unacknowledge' | 'escalate' | 'resolve' | 'note'

/** Pages of a state, newest first. */
export function usePages(state: 'open' | 'resolved' | 'all'): Reading<PageList> {
  return useQuery({
    queryKey: ['pages', state],
    queryFn: ({ signal }) => call<PageList>('GET', '/pages', { signal, search: { state } }),
    refetchInterval: beatMs,
  })
}

/** One page with its story; not asked without an id. */
export function usePage(id: string | undefined): Reading<PageDetail> {
  return useQuery({
    queryKey: ['page', id],
    queryFn: ({ signal }) => call<PageDetail>('GET', pathOf(id ?? ''), { signal }),
    enabled: id !== undefined,
    refetchInterval: beatMs,
  })
}

/** Does something with a page; the input is the reason. */
export function usePageAct(id: string, act: PageAct) {
  return useAct(
    (reason: string) => call<PageView>('POST', `${pathOf(id)}/${act}`, { body: { reason } }),
    keys,
  )
}

/** Gives a page to a person. */
export function useReassign(id: string) {
  return useAct(
    (person: string) => call<PageView>('POST', `${pathOf(id)}/reassign`, { body: { person } }),
    keys,
  )
}

/** Acknowledges several pages, one after the other. */
export function useAcknowledgeAll(ids: readonly string[]) {
  return useAct(async (reason: string) => {
    for (const id of ids) {
      await call<PageView>('POST', `${pathOf(id)}/acknowledge`, { body: { reason } })
    }
  }, keys)
}

function pathOf(id: string): string {
  return `/pages/${encodeURIComponent(id)}`
}
