/** Settings of notifying, under Alertmanager's own names: receivers with their channels, and templates. */

import {
  durationOr,
  flagOr,
  numberOr,
  type SettingsOf,
  type SettingsPart,
  text,
  z,
} from '../config/schema.ts'
import { allChannels } from './channel/all.ts'
import { heartbeatSchema } from './heartbeat.ts'
import { httpConfig } from './http-config.ts'
import { type ReceiverOptions, receiverOptions } from './receiver-settings.ts'

const channelShape: Record<string, z.ZodType<unknown[] | null | undefined>> = Object.fromEntries(
  allChannels.map(({ kind, settingsKey, schema }) => [
    settingsKey,
    z
      .array(schema)
      .nullish()
      .meta({ description: `Channels of the kind ${kind}.`, typeText: 'list' }),
  ]),
)

const receiverSchema = z.strictObject({
  name: z.string().min(1, 'a receiver needs a name').meta({
    description: 'The name that routes use.',
    typeText: 'string',
  }),
  ...receiverOptions,
  ...channelShape,
})

/** One receiver: its name, and lists of channels below their keys. */
export type ReceiverSettings = { name: string } & Record<string, unknown>

const receiversSchema = z.array(receiverSchema).superRefine((receivers, context) => {
  const seen = new Set<string>()
  for (const [index, { name }] of receivers.entries()) {
    if (seen.has(name)) {
      context.addIssue({
        code: 'custom',
        path: [index, 'name'],
        message: `notification config name "${name}" is not unique`,
      })
    }
    seen.add(name)
  }
  for (const [index, receiver] of receivers.entries()) {
    const { include, fallback } = receiver as unknown as ReceiverOptions
    for (const [key, names] of Object.entries({ include, fallback })) {
      for (const [place, name] of names.entries()) {
        if (seen.has(name) || (key === 'include' && name === '*')) continue
        const message = `there is no receiver "${name}"`
        context.addIssue({ code: 'custom', path: [index, key, place], message })
      }
    }
  }
})

const globalShape: z.ZodRawShape = Object.assign({}, ...allChannels.map(({ global }) => global), {
  http_config: httpConfig,
})

const notifySection = z
  .strictObject({
    alarm_receivers: z.array(z.string()).default([]).meta({
      description:
        'Receivers that are told when messages to another one reach nobody, and when they do again.',
      typeText: 'list of names',
      defaultText: '[]',
    }),
    heartbeat: heartbeatSchema,
    ledger_rows_max: numberOr(
      300_000,
      { min: 1_000, max: 100_000_000 },
      'Most attempts that stand in the ledger, of about two kilobytes each.',
    ),
    ledger_retention: durationOr('180d', 'How long attempts stand in the ledger.'),
    dead_letter_retention: durationOr('30d', 'How long messages that reached nobody are kept.'),
    push_private_addresses: flagOr(
      false,
      'Whether browsers may be pushed to at addresses of this machine and of private networks, as push services of your own need.',
    ),
    push_browsers_per_user_max: numberOr(
      50,
      { min: 1, max: 2_000 },
      'Most browsers that one user, or the holder of one token, registers for pushes.',
    ),
    chart_span: durationOr('3h', 'How much the charts in messages show; 0s sends none.'),
  })
  .prefault({})
  .meta({ description: 'What concerns all messages.' })

/** The folder's part of the configuration. */
export const notifySettings = {
  global: globalShape,
  top: {
    receivers: receiversSchema
      .transform((receivers) => receivers as ReceiverSettings[])
      .default([])
      .meta({
        description: 'Who is told, and over which channels.',
        typeText: 'list',
        defaultText: '[]',
      }),
    notify: notifySection,
    templates: z.array(text('A path or glob.')).default([]).meta({
      description: 'Files with message templates in Go template language, as for Alertmanager.',
      typeText: 'list of paths',
      defaultText: '[]',
    }),
  },
} satisfies SettingsPart

/** Settings as notifying sees them. */
export type NotifySettings = SettingsOf<typeof notifySettings>
