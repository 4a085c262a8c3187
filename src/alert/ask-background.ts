/** The background of a notification, if it comes in time: nobody waits long for a better sentence. */

import type { Clock, Timer } from '../base/clock.ts'
import { messageOf } from '../base/error.ts'
import type { Log } from '../base/log.ts'
import type { AlertBackground, AlertContext } from '../model/flow.ts'
import { contextMissedTotal } from './metrics.ts'

/** How long it may take. */
const patienceMs = 2_000

/** Asks; `undefined` when nothing is known, nobody is there to ask, or it is late. */
export async function askBackground(
  context: AlertContext | undefined,
  fingerprints: readonly string[],
  parts: { clock: Clock; log: Log },
): Promise<AlertBackground | undefined> {
  if (context === undefined) return undefined
  let timer: Timer | undefined
  const late = new Promise<'late'>((resolve) => {
    timer = parts.clock.after(patienceMs, () => resolve('late'))
  })
  try {
    const answer = await Promise.race([context.describe(fingerprints), late])
    if (answer !== 'late') return answer
    parts.log.warn({}, 'a notification goes out without its background: it came too late')
  } catch (thrown) {
    parts.log.warn(
      { error: messageOf(thrown) },
      'a notification goes out without its background: it failed',
    )
  } finally {
    timer?.cancel()
  }
  contextMissedTotal.inc()
  return undefined
}
