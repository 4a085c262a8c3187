/** The filter of alerts: words, conditions on labels, and what a silence of them matches. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AlertView } from '../../../src/api/api.ts'
import { isLetThrough, matchersOf, readAlertFilter, withLabel } from './alert-filter.ts'

const alert = {
  name: 'DiskFull',
  labels: { alertname: 'DiskFull', instance: 'db-1:9100', team: 'data' },
  annotations: { summary: 'The disk of db-1 is full' },
} as unknown as AlertView

function isFound(text: string): boolean {
  return isLetThrough(alert, readAlertFilter(text))
}

test('words are found anywhere, whatever their case, and all of them are wanted', () => {
  assert.ok(isFound(''))
  assert.ok(isFound('disk'))
  assert.ok(isFound('DISK data'))
  assert.ok(isFound('"of db-1 is"'))
  assert.ok(!isFound('disk checkout'))
})

test('a condition on a label is part of the value while it is typed, and the whole of it in quotes', () => {
  assert.ok(isFound('instance=db-1'))
  assert.ok(!isFound('instance="db-1"'))
  assert.ok(isFound('instance="db-1:9100" team=da'))
  assert.ok(isFound('instance="db-1:9100'.replace('9100', '9100"')))
  assert.ok(isFound('service=""'), 'a label that is not there is empty')
})

test('refusals and patterns are as in matchers; an unfinished pattern lets nothing through', () => {
  assert.ok(isFound('team!=shop'))
  assert.ok(!isFound('team!=data'))
  assert.ok(isFound('instance=~db-.+'))
  assert.ok(!isFound('instance=~db'), 'the whole value must match')
  assert.ok(isFound('team!~sh.*'))
  assert.ok(!isFound('instance=~db-('))
})

test('a label is added once, and can be read again', () => {
  const text = withLabel('disk', 'path', 'C:\\"x"')
  assert.equal(withLabel(text, 'path', 'C:\\"x"'), text)
  assert.deepEqual(readAlertFilter(text).labels, [
    { name: 'path', operator: '=', value: 'C:\\"x"', isExact: true },
  ])
})

test('a silence of what is shown matches the same labels', () => {
  assert.deepEqual(matchersOf(readAlertFilter('disk team="data" instance=db-1. job!=node')), [
    { name: 'team', operator: '=', value: 'data' },
    { name: 'instance', operator: '=~', value: '.*db-1\\..*' },
    { name: 'job', operator: '!=', value: 'node' },
  ])
})
