/** A query engine over a script's data, for the tests of this folder. */

import { type Clock, systemClock } from '../../base/clock.ts'
import { type Log, silentLog } from '../../base/log.ts'
import { z } from '../../config/schema.ts'
import type { LogQuerier, Querier } from '../../model/flow.ts'
import { QueryEngine } from '../query.ts'
import { ScriptStore } from '../script/script-store.ts'
import { type QuerySettings, querySettings } from '../settings.ts'

/** Makes one; `settings` are keys of `query` as written in the file. */
export function makeTestEngine(
  parts: {
    settings?: Record<string, unknown>
    clock?: Clock
    querier?: Querier
    logs?: LogQuerier
    log?: Log
  } = {},
): { engine: QueryEngine; store: ScriptStore; settings: QuerySettings } {
  const store = new ScriptStore()
  const settings = z.object(querySettings.top).parse({ query: parts.settings ?? {} })
  const engine = new QueryEngine({
    querier: parts.querier ?? store,
    logs: parts.logs,
    settings,
    clock: parts.clock ?? systemClock,
    log: parts.log ?? silentLog,
  })
  return { engine, store, settings }
}
