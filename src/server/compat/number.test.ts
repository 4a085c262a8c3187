/** Numbers as Go writes them: values, times, alert values; and reading them back. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  formatExponent,
  formatSample,
  formatSeconds,
  formatValue,
  parseFloatText,
} from './number.ts'

test('values are written without exponent, as strconv does with f and -1', () => {
  const check = (value: number, expected: string): void =>
    assert.equal(formatValue(value), expected)
  check(0, '0')
  check(-0, '-0')
  check(1, '1')
  check(-17, '-17')
  check(2 ** 31, '2147483648')
  check(0.1 + 0.2, '0.30000000000000004')
  check(1e21, '1000000000000000000000')
  check(1.5e22, '15000000000000000000000')
  check(-1.234e25, '-12340000000000000000000000')
  check(1e-7, '0.0000001')
  check(-1.5e-7, '-0.00000015')
  check(Number.MAX_SAFE_INTEGER, '9007199254740991')
  check(5e-324, `0.${'0'.repeat(323)}5`)
  check(NaN, 'NaN')
  check(Infinity, '+Inf')
  check(-Infinity, '-Inf')
})

test('every value reads back as itself and has no exponent', () => {
  fc.assert(
    fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
      const text = formatValue(value)
      return Object.is(Number(text), value) && /^-?\d+(\.\d+)?$/.test(text)
    }),
  )
})

test('samples have an exponent where Prometheus’s API writes one', () => {
  const check = (value: number, expected: string): void =>
    assert.equal(formatSample(value), expected)
  // As Prometheus 2.42 answers vector(…).
  check(1e-7, '1e-07')
  check(1e-6, '0.000001')
  check(-2.9e-39, '-2.9e-39')
  check(1.5e21, '1.5e+21')
  check(123_456_789_012_345_680_000, '123456789012345680000')
  check(0, '0')
  check(-0, '-0')
  check(7, '7')
  check(NaN, 'NaN')
  check(-Infinity, '-Inf')
})

test('times are seconds with three decimals when there is a fraction', () => {
  const check = (timeMs: number, expected: string): void =>
    assert.equal(formatSeconds(timeMs), expected)
  check(1_435_781_451_781, '1435781451.781')
  check(1_435_781_451_000, '1435781451')
  check(1_435_781_451_500, '1435781451.500')
  check(1_007, '1.007')
  check(50, '0.050')
  check(0, '0')
  check(-5, '-0.005')
  check(-62_135_596_800_000, '-62135596800')
})

test('alert values are written as strconv does with e', () => {
  const check = (value: number, expected: string): void =>
    assert.equal(formatExponent(value), expected)
  check(1, '1e+00')
  check(0, '0e+00')
  check(-0, '-0e+00')
  check(0.25, '2.5e-01')
  check(123456, '1.23456e+05')
  check(1e-7, '1e-07')
  check(1e100, '1e+100')
  check(NaN, 'NaN')
  check(Infinity, '+Inf')
})

test('decimals are read as ParseFloat reads them, and nothing else is', () => {
  const check = (text: string, expected: number | undefined): void =>
    assert.equal(parseFloatText(text), expected)
  check('1.5', 1.5)
  check('.5', 0.5)
  check('5.', 5)
  check('-1e3', -1000)
  check('+Inf', Infinity)
  check('-inf', -Infinity)
  check('NaN', NaN)
  check('', undefined)
  check(' 1', undefined)
  check('0x10', undefined)
  check('1_000', undefined)
  check('5m', undefined)
  check('1e999', undefined)
})
