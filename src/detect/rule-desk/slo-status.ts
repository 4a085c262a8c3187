/** How objectives stand: what is left of the budget, how fast it goes, and when it ends at that pace. */

import type { SloStatus, SloView } from '../../api/rules.ts'
import type { Clock } from '../../base/clock.ts'
import type { QueryEngine } from '../../query/query.ts'

const figures = {
  budgetLeftRatio: 'slo:period_error_budget_remaining:ratio',
  burnRate: 'slo:current_burn_rate:ratio',
  periodBurnRate: 'slo:period_burn_rate:ratio',
} as const

type Figure = keyof typeof figures

/** Asks for the figures of all objectives at once; a figure that cannot be read is left out. */
export async function readSloStatus(
  slos: readonly SloView[],
  parts: { engine: Pick<QueryEngine, 'instant'>; clock: Clock },
): Promise<Omit<SloStatus, 'firingCount'>[]> {
  if (slos.length === 0) return []
  const timeMs = parts.clock.nowTimeMs()
  const found = new Map<string, Partial<Record<Figure, number>>>()
  for (const figure of Object.keys(figures) as Figure[]) {
    const expression = `max by (sloth_id) (${figures[figure]})`
    const { value } = await parts.engine.instant({ expression, timeMs })
    if (value.type !== 'vector') continue
    for (const element of value.elements) {
      const id = element.labels.get('sloth_id')
      if (!Number.isFinite(element.value)) continue
      found.set(id, { ...found.get(id), [figure]: element.value })
    }
  }
  return slos.map((slo) => {
    const { budgetLeftRatio, burnRate, periodBurnRate } = found.get(slo.id) ?? {}
    return {
      ...slo,
      budgetLeftRatio,
      burnRate,
      periodBurnRate,
      exhaustedTimeMs: findEnd(timeMs, slo.periodMs, { budgetLeftRatio, burnRate }),
    }
  })
}

/** At a burn rate of 1 the whole budget lasts the whole period. */
function findEnd(
  nowTimeMs: number,
  periodMs: number,
  {
    budgetLeftRatio,
    burnRate,
  }: { budgetLeftRatio: number | undefined; burnRate: number | undefined },
): number | undefined {
  if (budgetLeftRatio === undefined || burnRate === undefined) return undefined
  if (budgetLeftRatio <= 0) return nowTimeMs
  const leftMs = (budgetLeftRatio * periodMs) / burnRate
  return leftMs <= periodMs ? Math.round(nowTimeMs + leftMs) : undefined
}
