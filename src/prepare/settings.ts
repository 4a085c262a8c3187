/** Settings of preparing: rules for values, and aggregation of streams. */

import { messageOf } from '../base/error.ts'
import { duration, flagOr, z } from '../config/schema.ts'
import { parseSelector } from './selector.ts'
import { type UnitName, units } from './units.ts'

const selector = z
  .string()
  .superRefine((text, context) => {
    try {
      parseSelector(text)
    } catch (thrown) {
      context.addIssue({ code: 'custom', message: `not a selector: ${messageOf(thrown)}` })
    }
  })
  .meta({
    description: 'Which series, as name{label="value", label=~"expression"}.',
    typeText: 'selector',
  })

const bound = (description: string) =>
  z.number().optional().meta({ description, typeText: 'number' })

const valueRule = z
  .strictObject({
    match: selector,
    min: bound('Smallest value that makes sense.'),
    max: bound('Largest value that makes sense.'),
    action: z.enum(['clamp', 'drop']).default('drop').meta({
      description: 'Whether values outside become the bound, or are left out.',
      defaultText: 'drop',
    }),
    drop_nan: flagOr(false, 'Leaves out values that are not a number.'),
  })
  .superRefine((rule, context) => {
    const { min = Number.NEGATIVE_INFINITY, max = Number.POSITIVE_INFINITY } = rule
    const refuse = (path: string, message: string): void => {
      context.addIssue({ code: 'custom', path: [path], message })
    }
    if (min > max) refuse('max', 'must not be below min')
    if (rule.min === undefined && rule.max === undefined && !rule.drop_nan) {
      refuse('min', 'the rule does nothing; give min, max or drop_nan')
    }
  })

const unitRule = z.strictObject({
  match: selector.optional().meta({
    description:
      'Which series, as name{label="value"}; all whose name bears a word of the unit, such as _ms or _milliseconds, when left out.',
    typeText: 'selector',
  }),
  from: z.enum(Object.keys(units) as [UnitName, ...UnitName[]]).meta({
    description: 'The unit that the values come in; they are kept in its base unit.',
    typeText: 'unit',
  }),
  rename: flagOr(
    true,
    'Puts the base unit into the name: request_duration_milliseconds becomes request_duration_seconds.',
  ),
})

/** What one output of an aggregation is; of quantiles with their numbers. */
const plainOutputs = [
  'sum_samples',
  'sum_samples_total',
  'avg',
  'count_samples',
  'count_samples_total',
  'count_series',
  'unique_samples',
  'min',
  'max',
  'last',
  'stddev',
  'stdvar',
  'total',
  'increase',
  'rate_sum',
  'rate_avg',
] as const
/** One of the outputs without numbers. */
export type PlainOutput = (typeof plainOutputs)[number]

const output = z
  .string()
  .superRefine((text, context) => {
    if (readOutput(text) !== undefined) return
    const known = [...plainOutputs, 'quantiles(0.5, 0.99)'].join(', ')
    context.addIssue({
      code: 'custom',
      message: `"${text.slice(0, 100)}" is not an output; there are ${known}`,
    })
  })
  .meta({ description: 'An output.' })

/** An output as written: its name, or the quantiles asked for. */
export function readOutput(text: string): PlainOutput | number[] | undefined {
  const plain = plainOutputs.find((name) => name === text)
  if (plain !== undefined) return plain
  const inner = /^quantiles\((.+)\)$/.exec(text)?.[1]
  const quantiles = inner
    ?.split(',')
    .map((part) => (part.trim() === '' ? Number.NaN : Number(part)))
  const isRight = quantiles?.every((quantile) => quantile >= 0 && quantile <= 1)
  return isRight === true ? quantiles : undefined
}

const labelNames = (description: string) =>
  z.array(z.string().min(1)).default([]).meta({ description, typeText: 'list' })

const aggregationRule = z
  .strictObject({
    match: selector,
    interval: duration('Span over which samples are taken together.').refine(
      (span) => span >= 1000,
      { error: 'must be 1s at least' },
    ),
    by: labelNames('Labels that are kept; all of them when neither by nor without is given.'),
    without: labelNames('Labels that are left out.'),
    outputs: z
      .array(output)
      .min(1)
      .meta({
        description: `What is written of each group: ${plainOutputs.join(', ')}, quantiles(0.5, 0.99). total, increase and the rates are of counters.`,
        typeText: 'list',
      }),
    keep_input: flagOr(true, 'Keeps the samples themselves too.'),
    ignore_old_samples: flagOr(
      false,
      'Leaves out samples whose time is before the interval in which they arrive.',
    ),
    staleness_interval: duration(
      'Silence after which a counter begins anew and running totals end; two intervals when left out.',
    ).optional(),
  })
  .refine((rule) => rule.by.length === 0 || rule.without.length === 0, {
    error: 'by and without exclude each other',
    path: ['without'],
  })

const normalizationRule = z.strictObject({
  match: selector,
  window: duration('Span of which mean, deviation, smallest and largest are taken.').refine(
    (span) => span >= 60_000 && span <= 7 * 86_400_000,
    { error: 'must be 1m at least and 7d at most' },
  ),
  methods: z
    .array(z.enum(['zscore', 'minmax']))
    .min(1)
    .default(['zscore'])
    .meta({
      description:
        'zscore: deviations from the mean; minmax: place between the smallest, 0, and the largest, 1.',
      defaultText: '[zscore]',
      typeText: 'list',
    }),
})

/** Preparing's part of the configuration, joined into that of collecting. */
export const prepareShape = {
  value_rules: z.array(valueRule).max(100).default([]).meta({
    description:
      'Values that cannot be true, of all that is collected: the first rule that matches a series decides.',
  }),
  unit_rules: z.array(unitRule).max(100).default([]).meta({
    description:
      'Units brought to base units, of all that is collected, before the other rules: the first rule that matches a series decides. Native histograms with exponential buckets have no other unit and are left out.',
  }),
  stream_aggregation: z.array(aggregationRule).max(100).default([]).meta({
    description:
      'Series written from others as they arrive, named metric:interval_by_labels_output: fewer to keep, quick to ask.',
  }),
  normalization: z.array(normalizationRule).max(100).default([]).meta({
    description:
      'Series on one scale, written beside those they are made of, named metric:window_zscore or metric:window_minmax; of at most 10000 series for each rule.',
  }),
}

const prepareSchema = z.object(prepareShape)
/** Preparing's settings, checked. */
export type PrepareSettings = z.output<typeof prepareSchema>
/** One entry of `value_rules`, checked. */
export type ValueRuleSettings = PrepareSettings['value_rules'][number]
/** One entry of `unit_rules`, checked. */
export type UnitRuleSettings = PrepareSettings['unit_rules'][number]
/** One entry of `stream_aggregation`, checked. */
export type AggregationSettings = PrepareSettings['stream_aggregation'][number]
/** One entry of `normalization`, checked. */
export type NormalizationSettings = PrepareSettings['normalization'][number]
