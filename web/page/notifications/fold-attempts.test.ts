/** Attempts at the same message are one line, and nothing else is. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { NotificationView } from '../../../src/api/api.ts'
import { alertNamesOf, foldAttempts } from './fold-attempts.ts'

function attempt(id: string, part: Partial<NotificationView>): NotificationView {
  return {
    id,
    receiver: 'room',
    channel: 'webhook',
    groupKey: 'g',
    reason: 'r',
    ...part,
  } as NotificationView
}

test('the tries of a message are folded below the latest, also when others come between', () => {
  const folded = foldAttempts([
    attempt('c', { attempt: 3 }),
    attempt('x', { attempt: 1, receiver: 'mail' }),
    attempt('b', { attempt: 2 }),
    attempt('a', { attempt: 1 }),
  ])
  assert.deepEqual(
    folded.map(({ latest, earlier }) => [latest.id, ...earlier.map(({ id }) => id)]),
    [['c', 'b', 'a'], ['x']],
  )
})

test('another message of the same group stays apart', () => {
  const folded = foldAttempts([
    attempt('d', { attempt: 1 }),
    attempt('c', { attempt: 2 }),
    attempt('b', { attempt: 1 }),
    attempt('a', { attempt: 1, reason: 'other' }),
    attempt('p', { attempt: 1, person: 'ann' }),
  ])
  assert.deepEqual(
    folded.map(({ latest, earlier }) => [latest.id, ...earlier.map(({ id }) => id)]),
    [['d'], ['c', 'b'], ['a'], ['p']],
  )
})

test('alerts are named once each', () => {
  assert.deepEqual(alertNamesOf('alertname=A\njob=x\nalertname=B\nalertname=A'), ['A', 'B'])
  assert.deepEqual(alertNamesOf(undefined), [])
})
