/** `shipwatch slo list`: every objective, what is left of its budget, and how fast it goes. */

import { apiRoot } from '../../api/api.ts'
import type { SloStatus, SloStatusList } from '../../api/rules.ts'
import { formatDuration } from '../../base/duration.ts'
import { makeClient } from '../client.ts'
import { formatTable, formatTime } from '../print.ts'
import { type Command, clientOptions, exitCodes } from './command.ts'

/** Exit code 1 when a budget is overspent. */
export const sloListCommand: Command = {
  name: 'slo list',
  summary: 'List objectives and what is left of their budgets.',
  details:
    'Exit code 1 when any budget is overspent, so that a pipeline can stop before a release.',
  options: { ...clientOptions },
  run: async (args, output) => {
    const { slos } = await makeClient(args).get<SloStatusList>(`${apiRoot}/slos`)
    if (args.text('output') === 'json') output.out(`${JSON.stringify(slos)}\n`)
    else if (slos.length === 0) output.out('No objective.\n')
    else output.out(formatTable([head, ...slos.map(rowOf)]))
    const isOverspent = slos.some(({ budgetLeftRatio }) => (budgetLeftRatio ?? 1) < 0)
    return isOverspent ? exitCodes.failed : exitCodes.fine
  },
}

const head = ['OBJECTIVE', 'TARGET', 'OVER', 'LEFT', 'BURN', 'ENDS', 'ALERTS']

function rowOf(slo: SloStatus): string[] {
  const { budgetLeftRatio, burnRate, exhaustedTimeMs } = slo
  return [
    slo.id,
    `${slo.objectivePercent} %`,
    formatDuration(slo.periodMs),
    budgetLeftRatio === undefined ? 'no data' : `${(budgetLeftRatio * 100).toFixed(1)} %`,
    burnRate === undefined ? '-' : `${burnRate.toFixed(2)}x`,
    formatTime(exhaustedTimeMs),
    String(slo.firingCount),
  ]
}
