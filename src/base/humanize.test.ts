import assert from 'node:assert/strict'
import { test } from 'node:test'
import { humanize, humanizeBinary, humanizeRatio, humanizeSeconds } from './humanize.ts'
import { replaceMatches } from './regexp.ts'
import { floatOf, textFunctions } from './template/text-functions.ts'
import { parseTemplate } from './template/template.ts'

test('figures get the prefix that keeps four digits', () => {
  const check = (value: number, expected: string) => assert.equal(humanize(value), expected)
  check(0, '0')
  check(7, '7')
  check(999.96, '1000')
  check(12_345_678, '12.35M')
  check(360_050, '360.1k')
  check(1000.5, '1k')
  check(-0.0042, '-4.2m')
  check(Number.NaN, 'NaN')
  assert.equal(humanizeBinary(3 * 1024 ** 3), '3Gi')
  assert.equal(humanizeBinary(0.25), '0.25')
  assert.equal(humanizeRatio(0.0834), '8.34%')
  // exactly between two: to the even one
  assert.equal(humanizeRatio(1000.5), '1e+05%')
  assert.equal(humanizeRatio(1001.5), '1.002e+05%')
})

test('spans are written in the units that a person counts in', () => {
  const check = (value: number, expected: string) => assert.equal(humanizeSeconds(value), expected)
  check(0, '0s')
  check(0.25, '250ms')
  check(59.5, '59.5s')
  check(61, '1m 1s')
  check(-7200, '-2h 0m 0s')
  check(90_061, '1d 1h 1m 1s')
  check(Infinity, '+Inf')
})

test('a replacement knows numbered and named submatches and a doubled dollar', () => {
  const check = (pattern: string, replacement: string, expected: string) =>
    assert.equal(replaceMatches(pattern, 'host-17:9100', replacement), expected)
  check(':.*', '', 'host-17')
  check('(\\w+)-(\\d+)', '$2/$1', '17/host:9100')
  // biome-ignore lint/suspicious/noTemplateCurlyInString: the replacement's own syntax
  check('(?P<port>\\d{4})', '<${port}>', 'host-17:<9100>')
  check('\\d', '$$', 'host-$$:$$$$')
  check('(\\d+)', '$1x', 'host-:')
  assert.throws(() => replaceMatches('(', 'x', ''), SyntaxError)
})

test('text that spells a number counts as one, other text does not', () => {
  assert.equal(floatOf('+Inf'), Infinity)
  assert.equal(floatOf('1e3'), 1000)
  assert.equal(floatOf(7n), 7)
  assert.throws(() => floatOf('12 apples'), /invalid syntax/)
  assert.throws(() => floatOf(''), /invalid syntax/)
})

test('the shared functions are reached from a template', () => {
  const check = (text: string, expected: string) =>
    assert.equal(parseTemplate(text, { name: 't', functions: textFunctions }).execute({}), expected)
  check('{{ "disk full" | title }}', 'Disk Full')
  check('{{ 90 | humanizeDuration }}', '1m 30s')
  check('{{ parseDuration "1h30m" }}', '5400')
  check('{{ 1.5 | toTime }}', '1970-01-01 00:00:01.5 +0000 UTC')
  check('{{ match "^a" "abc" }}', 'true')
})
