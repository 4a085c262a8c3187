/** The door of `prepare/`: what happens to data between its arrival and the store. */

export { type AggregatedSample, Aggregation } from './aggregation.ts'
export { findLevel, isLevelName, parseLevel } from './level.ts'
export { type AdmitDerived, Normalization } from './normalization.ts'
export { compileRelabel, type RelabelRule, relabel, relabelConfig } from './relabel.ts'
export { type SeriesCensus, SeriesGuard, type SourceSeries } from './series-guard.ts'
export {
  describeLabels,
  type LabelVerdict,
  validateLabels,
  validateLimits,
  validateNames,
} from './validate.ts'
export { type PrepareSettings, prepareShape } from './settings.ts'
export { type ConvertedSeries, convertValue, UnitRules } from './unit-rules.ts'
export type { Conversion } from './units.ts'
export { copyRow, ValueRules } from './value-rules.ts'
