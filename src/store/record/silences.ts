/** Silences in SQL. */

import type { Silence } from '../../model/silence.ts'
import type { SilenceRecords } from './records.ts'
import type { Run } from './tables.ts'

/** Keeper of silences. */
export function makeSilenceRecords(run: Run): SilenceRecords {
  return {
    save: (silence) =>
      run(async (database) => {
        const rest = { end_time_ms: silence.endTimeMs, body: JSON.stringify(silence) }
        await database
          .insertInto('silence')
          .values({ id: silence.id, ...rest })
          .onConflict((conflict) => conflict.column('id').doUpdateSet(rest))
          .execute()
      }),
    removeBefore: (timeMs) =>
      run(async (database) => {
        await database.deleteFrom('silence').where('end_time_ms', '<', timeMs).execute()
      }),
    list: () =>
      run(async (database) => {
        const rows = await database.selectFrom('silence').select('body').orderBy('id').execute()
        return rows.map((row) => JSON.parse(row.body) as Silence)
      }),
  }
}
