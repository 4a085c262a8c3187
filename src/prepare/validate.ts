/**
 * What a label set may be. The limits are constants, not settings: they protect the index and the
 * journal from one broken sender, and no honest metric comes near them (Prometheus's own rule sets
 * stay below 40 labels and 4 KB). Lower limits per scrape job are settings of `collect/`.
 */

import type { Labels } from '../model/labels.ts'
import { isLegacyLabelName, isLegacyMetricName, metricNameLabel } from '../model/labels.ts'

/** Labels of one series at most. */
const labelCountMax = 128
/** UTF-8 bytes of a label's name at most. */
const labelNameBytesMax = 1024
/** UTF-8 bytes of a label's value at most. */
const labelValueBytesMax = 64 * 1024
/** UTF-8 bytes of all names and values of one series at most. */
const labelsBytesMax = 256 * 1024

/** Why a label set is refused; the words are label values of our drop counters. */
export type LabelFault =
  | 'metric-name-missing'
  | 'too-many-labels'
  | 'label-name-empty'
  | 'label-name-too-long'
  | 'label-value-too-long'
  | 'labels-too-large'
  | 'name-not-legacy'

/** The verdict on a label set: `undefined` when it may pass, else the reason and a sentence about it. */
export interface LabelVerdict {
  reason: LabelFault
  message: string
}

/** Checks the limits that hold for every series, whatever brought it. */
export function validateLabels(labels: Labels): LabelVerdict | undefined {
  if (!labels.has(metricNameLabel)) {
    return { reason: 'metric-name-missing', message: 'the series has no metric name' }
  }
  return validateLimits(labels)
}

/** The same without asking for a metric name: for log streams. */
export function validateLimits(labels: Labels): LabelVerdict | undefined {
  if (labels.size > labelCountMax) {
    return {
      reason: 'too-many-labels',
      message: `${labels.size} labels, more than the limit of ${labelCountMax}`,
    }
  }
  return isSurelySmall(labels.pairs) ? undefined : validateBytes(labels)
}

/** Whether no limit of bytes can be broken, counting three for each UTF-16 unit: nearly always. */
function isSurelySmall(pairs: readonly string[]): boolean {
  let length = 0
  for (let index = 0; index < pairs.length; index += 2) {
    const nameLength = pairs[index]!.length
    const valueLength = pairs[index + 1]!.length
    if (nameLength === 0 || nameLength * 3 > labelNameBytesMax) return false
    if (valueLength * 3 > labelValueBytesMax) return false
    length += nameLength + valueLength
  }
  return length * 3 <= labelsBytesMax
}

function validateBytes(labels: Labels): LabelVerdict | undefined {
  let totalBytes = 0
  for (let index = 0; index < labels.pairs.length; index += 2) {
    const name = labels.pairs[index]!
    const nameBytes = Buffer.byteLength(name)
    const valueBytes = Buffer.byteLength(labels.pairs[index + 1]!)
    totalBytes += nameBytes + valueBytes
    if (name === '') return { reason: 'label-name-empty', message: 'a label has an empty name' }
    if (nameBytes > labelNameBytesMax) {
      return {
        reason: 'label-name-too-long',
        message: `the label name ${shorten(name)} has ${nameBytes} bytes, more than the limit of ${labelNameBytesMax}`,
      }
    }
    if (valueBytes > labelValueBytesMax) {
      return {
        reason: 'label-value-too-long',
        message: `the value of label ${shorten(name)} has ${valueBytes} bytes, more than the limit of ${labelValueBytesMax}`,
      }
    }
  }
  if (totalBytes > labelsBytesMax) {
    return {
      reason: 'labels-too-large',
      message: `the labels have ${totalBytes} bytes, more than the limit of ${labelsBytesMax}`,
    }
  }
  return undefined
}

/** Checks that names have only letters, digits, `_`, and `:` in that of the metric. */
export function validateNames(labels: Labels): LabelVerdict | undefined {
  const metric = labels.get(metricNameLabel)
  let wrong = isLegacyMetricName(metric) ? undefined : metric
  for (let index = 0; index < labels.pairs.length && wrong === undefined; index += 2) {
    if (!isLegacyLabelName(labels.pairs[index]!)) wrong = labels.pairs[index]!
  }
  if (wrong === undefined) return undefined
  return {
    reason: 'name-not-legacy',
    message: `invalid metric name or label names: ${shorten(wrong)} has characters that the legacy scheme does not allow`,
  }
}

/** A label set for an error text: never more than a few hundred characters. */
export function describeLabels(labels: Labels): string {
  const pairs: string[] = []
  for (const text of labels.pairs.slice(0, 40)) pairs.push(text)
  const shown = pairs.map((text) => (text.length > 64 ? `${text.slice(0, 61)}...` : text))
  const inner: string[] = []
  let metric = ''
  for (let index = 0; index < shown.length; index += 2) {
    if (shown[index] === metricNameLabel) metric = shown[index + 1]!
    else inner.push(`${shown[index]}=${JSON.stringify(shown[index + 1])}`)
  }
  if (labels.pairs.length > 40) inner.push('...')
  return `${metric}{${inner.join(', ')}}`
}

function shorten(text: string): string {
  return JSON.stringify(text.length > 64 ? `${text.slice(0, 61)}...` : text)
}
