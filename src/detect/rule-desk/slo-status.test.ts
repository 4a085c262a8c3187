import assert from 'node:assert/strict'
import { test } from 'node:test'
import { VirtualClock } from '../../base/clock.ts'
import { silentLog } from '../../base/log.ts'
import { z } from '../../config/schema.ts'
import { parseSeriesLine, QueryEngine, querySettings, ScriptStore } from '../../query/query.ts'
import { readSloStatus } from './slo-status.ts'

const day = 86_400_000
const nowTimeMs = 1_700_000_000_000

async function statusOf(series: readonly string[]) {
  const store = new ScriptStore()
  for (const line of series) {
    const { labels, values } = parseSeriesLine(line)
    store.add(labels, nowTimeMs, values[0] ?? 0)
  }
  const clock = new VirtualClock(nowTimeMs)
  const settings = z.object(querySettings.top).parse({})
  const engine = new QueryEngine({
    querier: store,
    logs: undefined,
    settings,
    clock,
    log: silentLog,
  })
  const slo = { id: 'a', service: 's', name: 'n', description: '' }
  const [status] = await readSloStatus([{ ...slo, objectivePercent: 99.9, periodMs: 30 * day }], {
    engine,
    clock,
  })
  return status!
}

const left = (ratio: number) => `slo:period_error_budget_remaining:ratio{sloth_id="a"} ${ratio}`
const burn = (rate: number) => `slo:current_burn_rate:ratio{sloth_id="a"} ${rate}`

test('the end of a budget follows from what is left and the present pace', async () => {
  const status = await statusOf([
    left(0.5),
    burn(5),
    'slo:period_burn_rate:ratio{sloth_id="a"} 0.5',
  ])
  assert.equal(status.budgetLeftRatio, 0.5)
  assert.equal(status.burnRate, 5)
  assert.equal(status.periodBurnRate, 0.5)
  // half of 30 days, five times too fast
  assert.equal(status.exhaustedTimeMs, nowTimeMs + 3 * day)
})

test('a budget that lasts has no end, an overspent one has ended', async () => {
  assert.equal((await statusOf([left(0.9), burn(0.1)])).exhaustedTimeMs, undefined)
  assert.equal((await statusOf([left(0.9), burn(0)])).exhaustedTimeMs, undefined)
  assert.equal((await statusOf([left(-0.2), burn(0)])).exhaustedTimeMs, nowTimeMs)
})

test('without data there are no figures, also where there was nothing to divide by', async () => {
  const status = await statusOf([burn(Number.NaN)])
  assert.equal(status.budgetLeftRatio, undefined)
  assert.equal(status.burnRate, undefined)
  assert.equal(status.exhaustedTimeMs, undefined)
})
