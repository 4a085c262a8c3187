/** Hands over one by one the series of an answer that is there as a whole. */

import type { SeriesColumns, SeriesVisitor } from './flow.ts'

/** Visits all series; resolves after the last. */
export async function visitAll(
  series: readonly SeriesColumns[],
  visitor: SeriesVisitor,
): Promise<void> {
  visitor.expect(series.length)
  for (const one of series) {
    const rest = visitor.visit(one)
    if (rest !== undefined) await rest
  }
}
