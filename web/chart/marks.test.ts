import assert from 'node:assert/strict'
import { test } from 'node:test'
import { findMissing } from './marks.ts'

test('data is missing where no series has a sample; one series suffices to be known', () => {
  const times = [0, 1, 2, 3, 4, 5]
  assert.deepEqual(findMissing([times, [1, null, null, 4, 5, 6]]), [[0, 3]])
  assert.deepEqual(findMissing([times, [1, null, null, 4, 5, 6], [null, 1, 1, null, 1, 1]]), [])
})

test('the newest points may not have arrived yet; a longer silence at the end is missing', () => {
  const times = [0, 1, 2, 3, 4, 5]
  assert.deepEqual(findMissing([times, [1, 2, 3, 4, 5, null]]), [])
  assert.deepEqual(findMissing([times, [1, 2, null, null, null, null]]), [[1, 5]])
  assert.deepEqual(findMissing([times]), [])
})
