/**
 * The functions of PromQL: argument types, result type, and whether upstream calls them experimental.
 * `variadic` is 0 for a fixed number of arguments, n > 0 when the last may be left out or repeated up
 * to n times, -1 when the last may be repeated without limit or left out.
 * Source: prometheus promql/parser/functions.go (Apache-2.0), facts only.
 */

import type { ValueType } from './tree.ts'

/** What a function takes and gives. */
export interface Signature {
  name: string
  parameters: readonly ValueType[]
  variadic: number
  result: ValueType
  isExperimental: boolean
}

const signatures = new Map<string, Signature>()

function declare(names: string, shape: string, variadic = 0, isExperimental = false): void {
  const [taken, given] = shape.split('->').map((part) => part.trim()) as [string, string]
  const parameters = (taken === '' ? [] : taken.split(/\s+/)) as ValueType[]
  for (const name of names.split(/\s+/)) {
    signatures.set(name, {
      name,
      parameters,
      variadic,
      result: given as ValueType,
      isExperimental,
    })
  }
}

declare(
  'abs acos acosh asin asinh atan atanh ceil cos cosh deg exp floor ln log10',
  'vector->vector',
)
declare('log2 rad sgn sin sinh sort sort_desc sqrt tan tanh timestamp absent', 'vector->vector')
declare('histogram_avg histogram_count histogram_sum', 'vector->vector')
declare('histogram_stddev histogram_stdvar', 'vector->vector')
declare('start_timestamp', 'vector->vector', 0, true)
declare(
  'day_of_month day_of_week day_of_year days_in_month hour minute month year',
  'vector->vector',
  1,
)
declare('absent_over_time avg_over_time changes count_over_time delta deriv', 'matrix->vector')
declare('idelta increase irate last_over_time max_over_time min_over_time', 'matrix->vector')
declare('present_over_time rate resets stddev_over_time stdvar_over_time', 'matrix->vector')
declare('sum_over_time', 'matrix->vector')
declare('first_over_time mad_over_time ts_of_first_over_time', 'matrix->vector', 0, true)
declare('ts_of_last_over_time ts_of_max_over_time ts_of_min_over_time', 'matrix->vector', 0, true)
declare('clamp', 'vector scalar scalar->vector')
declare('clamp_max clamp_min', 'vector scalar->vector')
declare('double_exponential_smoothing', 'matrix scalar scalar->vector', 0, true)
declare('histogram_fraction', 'scalar scalar vector->vector')
declare('histogram_quantile', 'scalar vector->vector')
declare('histogram_quantiles', 'vector string scalar scalar->vector', 9, true)
declare('info', 'vector vector->vector', 1, true)
declare('label_join', 'vector string string string->vector', -1)
declare('label_replace', 'vector string string string string->vector')
declare('pi time', '->scalar')
declare('start end range step', '->scalar', 0, true)
declare('min_of max_of', 'scalar scalar->scalar', 0, true)
declare('predict_linear', 'matrix scalar->vector')
declare('quantile_over_time', 'scalar matrix->vector')
declare('round', 'vector scalar->vector', 1)
declare('scalar', 'vector->scalar')
declare('sort_by_label sort_by_label_desc', 'vector string->vector', -1, true)
declare('vector', 'scalar->vector')

/** Names of all functions and whether upstream calls them experimental. */
export function listFunctions(): { name: string; isExperimental: boolean }[] {
  return [...signatures.values()].map(({ name, isExperimental }) => ({ name, isExperimental }))
}

/** The signature of a function, or `undefined` when there is no such function. */
export function findSignature(name: string): Signature | undefined {
  return signatures.get(name)
}
