/** A query of the page with its answer over the range. */

import type { ChartData } from '../../data/prometheus.ts'
import type { PageQuery } from './query-state.ts'

/** A query that is drawn. */
export interface Drawn {
  /** Its place among the queries: A, B, C … */
  index: number
  query: PageQuery
  data: ChartData
}
