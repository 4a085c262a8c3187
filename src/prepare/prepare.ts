/** The door of `prepare/`: what happens to data between its arrival and the store. */

export { findLevel, isLevelName, parseLevel } from './level.ts'
export {
  compileRelabel,
  dropHiddenLabels,
  hashModulo,
  type RelabelConfig,
  type RelabelRule,
  relabel,
  relabelConfig,
} from './relabel.ts'
export {
  describeLabels,
  type LabelFault,
  type LabelVerdict,
  labelNameBytesMax,
  labelsBytesMax,
  labelValueBytesMax,
  validateLabels,
  validateLimits,
} from './validate.ts'
