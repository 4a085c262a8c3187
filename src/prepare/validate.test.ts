/** The limits of a label set. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { labelsFromPairs } from '../model/labels.ts'
import { describeLabels, validateLabels } from './validate.ts'

const reasonOf = (pairs: string[]): string | undefined =>
  validateLabels(labelsFromPairs(pairs))?.reason

test('each limit refuses with its own reason', () => {
  assert.equal(reasonOf(['__name__', 'up', 'job', 'x']), undefined)
  assert.equal(reasonOf(['job', 'x']), 'metric-name-missing')
  assert.equal(reasonOf(['', 'x', '__name__', 'up']), 'label-name-empty')
  assert.equal(reasonOf(['__name__', 'up', 'n'.repeat(1025), 'x']), 'label-name-too-long')
  assert.equal(reasonOf(['__name__', 'up', 'a', 'é'.repeat(32_769)]), 'label-value-too-long')
  assert.equal(reasonOf(['__name__', 'up', 'a', 'x'.repeat(65_536)]), undefined)
  const many = ['__name__', 'up']
  for (let index = 0; index < 128; index++) many.push(`l${index}`, 'x')
  assert.equal(reasonOf(many), 'too-many-labels')
  const large = ['__name__', 'up']
  for (let index = 0; index < 5; index++) large.push(`l${index}`, 'x'.repeat(60_000))
  assert.equal(reasonOf(large), 'labels-too-large')
  assert.equal(reasonOf(['__name__', 'up', '__proto__', 'x']), undefined)
})

test('a huge label set has a short description', () => {
  const text = describeLabels(labelsFromPairs(['__name__', 'm', 'a', 'x'.repeat(1_000_000)]))
  assert.ok(text.length < 200)
  assert.match(text, /^m\{a="xxx/)
})
