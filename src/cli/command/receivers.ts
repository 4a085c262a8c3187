/** `shipwatch receivers list` and `test`: who can be told, and whether that works. */

import { apiRoot, type DeliveryView, type ReceiverList } from '../../api/api.ts'
import { makeClient } from '../client.ts'
import { formatTable, formatTime } from '../print.ts'
import { type Command, clientOptions, exitCodes, UsageError } from './command.ts'

/** Lists receivers. */
export const receiversListCommand: Command = {
  name: 'receivers list',
  summary: 'List who can be told, over which channels, and how it went last.',
  options: { ...clientOptions },
  run: async (args, output) => {
    const { receivers } = await makeClient(args).get<ReceiverList>(`${apiRoot}/receivers`)
    if (args.text('output') === 'json') output.out(`${JSON.stringify(receivers)}\n`)
    else if (receivers.length === 0) output.out('There are no receivers.\n')
    else
      output.out(
        formatTable([
          ['RECEIVER', 'CHANNELS', 'FALLBACK', 'LAST', 'OUTCOME'],
          ...receivers.map((one) => [
            one.name,
            one.channels.map(({ key }) => key).join(', ') || '-',
            one.fallback.join(', ') || '-',
            formatTime(one.last?.timeMs),
            one.last?.outcome ?? '-',
          ]),
        ]),
      )
    return exitCodes.fine
  },
}

/** Sends a test. */
export const receiversTestCommand: Command = {
  name: 'receivers test',
  summary: 'Send a test message over every channel of a receiver.',
  operands: '<name>',
  options: { ...clientOptions },
  run: async (args, output) => {
    const [name, ...more] = args.words
    if (name === undefined || more.length > 0) throw new UsageError('give the name of one receiver')
    const path = `${apiRoot}/receivers/${encodeURIComponent(name)}/test`
    const { isDelivered, failures } = await makeClient(args).post<DeliveryView>(path, {})
    for (const failure of failures) output.err(`${failure}\n`)
    output.out(isDelivered ? `"${name}" was told.\n` : `"${name}" was not told everywhere.\n`)
    return isDelivered ? exitCodes.fine : exitCodes.failed
  },
}
