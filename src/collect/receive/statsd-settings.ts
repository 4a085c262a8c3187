/** Settings of StatsD: where it is taken, what becomes of timers, and how names are mapped. */

import { compilePattern } from '../../base/regexp.ts'
import { messageOf } from '../../base/error.ts'
import { durationOr, labelMap, textOr, z } from '../../config/schema.ts'

/** Upper bounds in seconds: the defaults of Prometheus's client libraries. */
const defaultBounds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]
const defaultQuantiles = [0.5, 0.9, 0.99]

const address = (description: string) =>
  textOr('', description).refine((value) => value === '' || /^[^\s]*:\d{1,5}$/.test(value), {
    error: 'must be an address and a port such as 127.0.0.1:8125',
  })

const mapping = z
  .strictObject({
    match: z.string().min(1).max(1000).meta({
      description: 'Names as they are sent, with * for one part between dots; or an expression.',
    }),
    match_type: z.enum(['glob', 'regex']).default('glob').meta({
      description: 'How match is read.',
      defaultText: 'glob',
    }),
    name: textOr('', 'Name to keep instead; $1, $2 … are what the stars or groups stood for.'),
    labels: labelMap('Labels to add; $1, $2 … as in the name.').default({}),
    action: z.enum(['map', 'drop']).default('map').meta({
      description: 'Whether what matches is named so, or left out.',
      defaultText: 'map',
    }),
  })
  .superRefine((rule, context) => {
    const refuse = (path: string, message: string): void => {
      context.addIssue({ code: 'custom', path: [path], message })
    }
    if (rule.action === 'map' && rule.name === '') refuse('name', 'map needs a name')
    if (rule.match_type !== 'regex') return
    try {
      compilePattern(rule.match)
    } catch (thrown) {
      refuse('match', `not an RE2 expression: ${messageOf(thrown)}`)
    }
  })

/** The section `statsd`. */
export const statsdSettings = z
  .strictObject({
    listen: address(
      'Where StatsD is taken over UDP, as address:port such as 127.0.0.1:8125; "" for nowhere. UDP knows no sender: whoever reaches the port may send.',
    ),
    listen_tcp: address('Where StatsD is taken over TCP, line by line; "" for nowhere.'),
    flush_interval: durationOr('10s', 'Time from writing to writing of what was gathered.'),
    timer_type: z.enum(['histogram', 'summary']).default('histogram').meta({
      description: 'What timers and histograms become: buckets, or quantiles of each interval.',
      defaultText: 'histogram',
    }),
    buckets: z
      .array(z.number())
      .min(1)
      .max(200)
      .default(defaultBounds)
      .refine(
        (bounds) => bounds.every((bound, place) => place === 0 || bound > bounds[place - 1]!),
        {
          error: 'must grow from bound to bound',
        },
      )
      .meta({ description: 'Upper bounds of buckets; of timers in seconds.', typeText: 'list' }),
    quantiles: z
      .array(z.number().min(0).max(1))
      .max(20)
      .default(defaultQuantiles)
      .meta({ description: 'Quantiles of summaries.', typeText: 'list' }),
    mappings: z.array(mapping).max(1000).default([]).meta({
      description: 'How names become names and labels; the first that matches decides.',
    }),
  })
  .refine((config) => config.flush_interval > 0, {
    path: ['flush_interval'],
    error: 'must be above 0',
  })
  .prefault({})
  .meta({ description: 'Metrics of StatsD clients.' })

/** The section, checked. */
export type StatsdSettings = z.output<typeof statsdSettings>
