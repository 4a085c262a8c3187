/** A query engine with default settings over any samples, for checks and measures that run without a server. */

import { type Clock, systemClock } from '../base/clock.ts'
import { silentLog } from '../base/log.ts'
import { z } from '../config/schema.ts'
import type { Querier } from '../model/flow.ts'
import { QueryEngine, querySettings, ScriptStore } from '../query/query.ts'

/** The engine; over nothing unless told, which is enough to parse. */
export function makeEngine(querier: Querier = new ScriptStore()): QueryEngine {
  const clock: Clock = systemClock
  const settings = z.object(querySettings.top).parse({})
  return new QueryEngine({ querier, logs: undefined, settings, clock, log: silentLog })
}
