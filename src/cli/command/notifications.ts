/** `shipwatch notifications list` and `resend`: what was said to whom, and saying again what reached nobody. */

import {
  apiRoot,
  type DeadLetterList,
  type DeliveryView,
  type NotificationList,
} from '../../api/api.ts'
import { makeClient } from '../client.ts'
import { formatTable, formatTime } from '../print.ts'
import { type Command, clientOptions, exitCodes, UsageError } from './command.ts'

/** Searches the ledger. */
export const notificationsListCommand: Command = {
  name: 'notifications list',
  summary: 'List attempts to tell somebody, newest first, or what reached nobody.',
  details: 'Example: shipwatch notifications list --outcome failed --label service=checkout',
  options: {
    undelivered: { type: 'boolean', description: 'List messages that reached nobody instead.' },
    receiver: { type: 'string', valueName: 'NAME', description: 'Only those to this receiver.' },
    channel: { type: 'string', valueName: 'KIND', description: 'Only those over this channel.' },
    outcome: {
      type: 'string',
      valueName: 'WORD',
      description: 'delivered, retrying, failed or held.',
    },
    label: { type: 'string', valueName: 'NAME=VALUE', description: 'A label of the alerts.' },
    text: { type: 'string', valueName: 'WORDS', description: 'Words said or answered.' },
    limit: { type: 'string', valueName: 'N', description: 'At most so many. Default 50.' },
    ...clientOptions,
  },
  run: async (args, output) => {
    const client = makeClient(args)
    const limit = args.text('limit') ?? '50'
    const receiver = args.text('receiver')
    const isJson = args.text('output') === 'json'
    if (args.has('undelivered')) {
      const path = `${apiRoot}/dead-letters`
      const { deadLetters } = await client.get<DeadLetterList>(path, {
        state: 'open',
        receiver,
        limit,
      })
      const rows = deadLetters.map((one) => [
        one.id,
        formatTime(one.timeMs),
        one.receiver,
        one.channel,
        String(one.attemptCount),
        one.failure,
      ])
      if (isJson) output.out(`${JSON.stringify(deadLetters)}\n`)
      else if (rows.length === 0) output.out('Every message reached somebody.\n')
      else
        output.out(
          formatTable([['ID', 'TIME', 'RECEIVER', 'CHANNEL', 'TRIED', 'FAILURE'], ...rows]),
        )
      return exitCodes.fine
    }
    const { notifications } = await client.get<NotificationList>(`${apiRoot}/notifications`, {
      receiver,
      channel: args.text('channel'),
      outcome: args.text('outcome'),
      label: args.text('label'),
      text: args.text('text'),
      limit,
    })
    const rows = notifications.map((one) => [
      formatTime(one.timeMs),
      one.outcome,
      one.receiver,
      one.channelKey ?? one.channel,
      `${one.latencyMs} ms`,
      one.reason,
      one.answer.replace(/\s+/g, ' '),
    ])
    if (isJson) output.out(`${JSON.stringify(notifications)}\n`)
    else if (rows.length === 0) output.out('No such attempt.\n')
    else
      output.out(
        formatTable([
          ['TIME', 'OUTCOME', 'RECEIVER', 'CHANNEL', 'TOOK', 'REASON', 'ANSWER'],
          ...rows,
        ]),
      )
    return exitCodes.fine
  },
}

/** Ends what reached nobody without sending it. */
export const notificationsDismissCommand: Command = {
  name: 'notifications dismiss',
  summary: 'Say of messages that reached nobody that they are of no use any more.',
  operands: '<id>…',
  details: 'The ids are those of shipwatch notifications list --undelivered.',
  options: { ...clientOptions },
  run: async (args, output) => {
    if (args.words.length === 0) throw new UsageError('say which messages: give their ids')
    const client = makeClient(args)
    for (const id of args.words) {
      const path = `${apiRoot}/dead-letters/${encodeURIComponent(id)}/dismiss`
      await client.post<{ id: string }>(path, {})
      output.out(`${id}: dismissed\n`)
    }
    return exitCodes.fine
  },
}

/** Sends again what reached nobody. */
export const notificationsResendCommand: Command = {
  name: 'notifications resend',
  summary: 'Send messages again that reached nobody.',
  operands: '<id>…',
  details: 'The ids are those of shipwatch notifications list --undelivered.',
  options: { ...clientOptions },
  run: async (args, output) => {
    if (args.words.length === 0) throw new UsageError('say which messages: give their ids')
    const client = makeClient(args)
    let isFine = true
    for (const id of args.words) {
      const path = `${apiRoot}/dead-letters/${encodeURIComponent(id)}/resend`
      const { isDelivered, failures } = await client.post<DeliveryView>(path, {})
      if (!isDelivered) isFine = false
      output.out(`${id}: ${isDelivered ? 'delivered' : failures.join('; ')}\n`)
    }
    return isFine ? exitCodes.fine : exitCodes.failed
  },
}
