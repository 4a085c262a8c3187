/** The deliveries within a range as marks for a chart. */

import { useMemo } from 'react'
import type { DeliveryMark } from '../chart/marks.ts'
import { useDeployments } from '../data/queries.ts'
import type { TimeRange } from '../data/range.ts'

/** Marks that stay the same objects until the deliveries change. */
export function useDeliveryMarks(range: TimeRange): readonly DeliveryMark[] {
  const deployments = useDeployments({ range }).data?.deployments
  return useMemo(
    () =>
      (deployments ?? []).map((one) => ({
        timeMs: one.startTimeMs,
        label: `${one.service} ${one.version}`,
      })),
    [deployments],
  )
}
