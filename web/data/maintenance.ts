/** Maintenance windows as hooks over the query cache. */

import { keepPreviousData, useQuery } from '@tanstack/react-query'
import type { SilencePreview } from '../../src/api/api.ts'
import type { MaintenanceBody, MaintenanceList, MaintenanceView } from '../../src/api/on-call.ts'
import { call } from './client.ts'
import { type Reading, useAct } from './queries.ts'

const keys = ['maintenance', 'alerts', 'now']

/** All windows, newest first. */
export function useMaintenance(): Reading<MaintenanceList> {
  return useQuery({
    queryKey: ['maintenance'],
    queryFn: ({ signal }) => call<MaintenanceList>('GET', '/maintenance', { signal }),
    refetchInterval: 30_000,
  })
}

/** What a window would hold if it were open now; not asked without a body. */
export function useMaintenancePreview(body: MaintenanceBody | undefined): Reading<SilencePreview> {
  return useQuery({
    queryKey: ['maintenance-preview', body],
    queryFn: ({ signal }) => call<SilencePreview>('POST', '/maintenance/preview', { body, signal }),
    enabled: body !== undefined,
    placeholderData: keepPreviousData,
  })
}

/** Makes a window, or changes the one whose id it has. */
export function useSetMaintenance() {
  return useAct(
    (body: MaintenanceBody) => call<MaintenanceView>('POST', '/maintenance', { body }),
    keys,
  )
}

/** Ends a window for good. */
export function useEndMaintenance(id: string) {
  return useAct(
    (_reason: string) =>
      call<MaintenanceView>('POST', `/maintenance/${encodeURIComponent(id)}/end`, { body: {} }),
    keys,
  )
}
