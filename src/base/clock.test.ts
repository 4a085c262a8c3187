/** The virtual clock: order of timers, cancelling, sleeping. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { VirtualClock } from './clock.ts'

test('timers fire in order of due time, then of creation, and only once due', async () => {
  const clock = new VirtualClock(1_000)
  const fired: string[] = []
  clock.after(20, () => fired.push(`late ${clock.nowTimeMs()}`))
  clock.after(10, () => fired.push(`early ${clock.nowTimeMs()}`))
  clock.after(10, () => fired.push('second'))
  clock.after(15, () => fired.push('never')).cancel()
  await clock.advance(9)
  assert.deepEqual(fired, [])
  await clock.advance(11)
  assert.deepEqual(fired, ['early 1010', 'second', 'late 1020'])
})

test('a timer set by a timer fires in the same advance when it falls due', async () => {
  const clock = new VirtualClock()
  let count = 0
  const turn = (): void => {
    if (++count < 5) clock.after(10, turn)
  }
  clock.after(10, turn)
  await clock.advance(100)
  assert.equal(count, 5)
})
