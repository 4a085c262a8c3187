/** What a receiver is besides its channels: its language, its quiet hours, and who is told instead. */

import { isTimeZone } from '../base/time-zone.ts'
import { durationOr, text, textOr, z } from '../config/schema.ts'
import { languages } from './words.ts'

const weekdayNames = [
  'sunday',
  'monday',
  'tuesday',
  'wednesday',
  'thursday',
  'friday',
  'saturday',
] as const

const clock = (description: string) =>
  text(description).regex(
    /^(?:[01]\d|2[0-3]):[0-5]\d$|^24:00$/,
    'must be a time of day such as "22:00"',
  )

const quietHours = z
  .strictObject({
    start_time: clock('First quiet minute, such as "22:00".'),
    end_time: clock('First minute no more quiet; before the start, it is that of the next day.'),
    weekdays: z.array(z.enum(weekdayNames)).optional().meta({
      description: 'Days on which quiet hours begin; all when absent.',
      typeText: 'list of weekdays',
    }),
    except_severities: z.array(z.string()).default(['critical', 'page']).meta({
      description: 'A message with a firing alert of such a severity is sent all the same.',
      typeText: 'list',
      defaultText: '[critical, page]',
    }),
  })
  .refine(({ start_time, end_time }) => start_time !== end_time, {
    error: 'start_time and end_time must differ',
  })
  .optional()
  .meta({ description: 'When messages wait, to go out as one at the end of the hours.' })

/** Keys of a receiver beside its name and channels. */
export const receiverOptions = {
  escalation_policy: text(
    'Policy of "escalation_policies" that begins when this receiver is told, until somebody acts.',
  ).optional(),
  include: z.array(z.string()).default([]).meta({
    description: 'Receivers whose channels are told as well; "*" is all others, for a broadcast.',
    typeText: 'list of names',
    defaultText: '[]',
  }),
  fallback: z.array(z.string()).default([]).meta({
    description: 'Receivers that are told, in turn until one is reached, when a channel fails.',
    typeText: 'list of names',
    defaultText: '[]',
  }),
  fallback_after: durationOr(
    '3m',
    'How long a channel may try in vain before the fallback is told as well.',
  ),
  language: z
    .enum(languages)
    .default('en')
    .meta({ description: 'Language of the built-in messages.', defaultText: 'en' }),
  time_zone: textOr(
    'UTC',
    'Zone of the times in the built-in messages, and of quiet hours.',
  ).refine(isTimeZone, 'must be a time zone such as Asia/Shanghai'),
  quiet_hours: quietHours,
}

const schema = z.object(receiverOptions)

/** The options of a receiver, checked. */
export type ReceiverOptions = z.output<typeof schema>

/** When a receiver's messages wait. */
export type QuietHours = NonNullable<ReceiverOptions['quiet_hours']>

/** 0 is Sunday. */
export function weekdayNumber(name: (typeof weekdayNames)[number]): number {
  return weekdayNames.indexOf(name)
}
