/** Maintenance windows: when they open, what they hold, what is told at their end, what is refused. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { MaintenanceWindow } from '../../model/maintenance.ts'
import { Bench, minute, plain, second, startTimeMs } from '../testdata/bench.ts'
import type { MaintenanceRequest } from './maintenance-desk.ts'
import { listOccurrences } from './occurrence.ts'

const time = (text: string): number => Date.parse(`${text.replace(' ', 'T')}Z`)

function window(change: Partial<MaintenanceWindow>): MaintenanceWindow {
  return {
    ...{ id: 'w', name: 'w', matchers: [], services: ['s'], teams: [], timeZone: 'UTC' },
    ...{ startTimeMs: 0, endTimeMs: 0, repeat: undefined, summaryReceiver: '', createdBy: '' },
    ...{ comment: '', updatedTimeMs: 0, endedTimeMs: undefined, summarisedTimeMs: 0 },
    ...change,
  }
}

function show(one: MaintenanceWindow, from: string, to: string): string[] {
  const span = { startTimeMs: time(from), endTimeMs: time(to) }
  const text = (timeMs: number): string =>
    new Date(timeMs).toISOString().slice(5, 16).replace('T', ' ')
  return listOccurrences(one, span).map((o) => `${text(o.startTimeMs)} – ${text(o.endTimeMs)}`)
}

const repeat = { interval: 1, weekdays: [], untilTimeMs: undefined }

test('a window opens once, or on its days at the same wall clock', () => {
  const once = window({
    startTimeMs: time('2026-10-20 01:00'),
    endTimeMs: time('2026-10-20 03:00'),
  })
  assert.deepEqual(show(once, '2026-10-20 02:00', '2026-10-21 00:00'), [
    '10-20 01:00 – 10-20 03:00',
  ])
  assert.deepEqual(show(once, '2026-10-20 03:00', '2026-10-21 00:00'), [])
  const daily = { ...once, timeZone: 'Europe/Madrid', repeat: { ...repeat, every: 'day' as const } }
  // 03:00 there; the clocks change on the 25th
  assert.deepEqual(show(daily, '2026-10-24 00:00', '2026-10-27 00:00'), [
    '10-24 01:00 – 10-24 03:00',
    '10-25 02:00 – 10-25 04:00',
    '10-26 02:00 – 10-26 04:00',
  ])
  const weekly = {
    ...once,
    repeat: { ...repeat, every: 'week' as const, interval: 2, weekdays: [1, 5] },
  }
  // 20 October 2026 is a Tuesday: the Monday of its week is before the start
  assert.deepEqual(show(weekly, '2026-10-01 00:00', '2026-11-10 00:00'), [
    '10-23 01:00 – 10-23 03:00',
    '11-02 01:00 – 11-02 03:00',
    '11-06 01:00 – 11-06 03:00',
  ])
  const monthly = window({
    startTimeMs: time('2026-08-31 22:00'),
    endTimeMs: time('2026-09-01 02:00'),
    repeat: { ...repeat, every: 'month', untilTimeMs: time('2026-10-31 22:00') },
  })
  assert.deepEqual(show(monthly, '2026-09-01 01:00', '2027-01-01 00:00'), [
    '08-31 22:00 – 09-01 02:00',
    '09-30 22:00 – 10-01 02:00',
    '10-31 22:00 – 11-01 02:00',
  ])
})

test('a person ends a window with all its openings', () => {
  const daily = window({
    startTimeMs: time('2026-10-20 01:00'),
    endTimeMs: time('2026-10-20 03:00'),
    repeat: { ...repeat, every: 'day' },
    endedTimeMs: time('2026-10-21 02:00'),
  })
  assert.deepEqual(show(daily, '2026-10-20 00:00', '2026-11-01 00:00'), [
    '10-20 01:00 – 10-20 03:00',
    '10-21 01:00 – 10-21 02:00',
  ])
})

function request(change: Partial<MaintenanceRequest> = {}): MaintenanceRequest {
  return {
    ...{ name: 'move', matchers: [], services: ['shop'], teams: [], timeZone: 'UTC' },
    ...{ startTimeMs, endTimeMs: startTimeMs + 10 * minute, repeat: undefined },
    ...{ summaryReceiver: 'boss', createdBy: 'me', comment: '' },
    ...change,
  }
}

test('what a window names is held while it is open, and told of when it closes', async (t) => {
  const bench = await new Bench(plain()).start(t)
  await bench.desk.maintenance.set(request())
  await bench.fire({ i: '1', service: 'shop' }, { i: '2', service: 'cart' })
  await bench.clock.advance(5 * second)
  assert.deepEqual(bench.story(), ['1 a first notification: 2f'])
  assert.deepEqual(
    bench.desk.list().map(({ held }) => held?.reason),
    ['maintenance', undefined],
  )
  await bench.fire({ i: '3', service: 'shop' })
  await bench.clock.advance(5 * second)
  await bench.resolve({ i: '3', service: 'shop' })
  await bench.clock.advance(10 * minute)
  const summary = bench.notifier.sent.find(({ notification }) => notification.receiver === 'boss')!
  assert.equal(summary.notification.reason, 'maintenance "move" ended')
  assert.deepEqual(
    summary.notification.alerts.map(({ labels, state }) => `${labels.get('i')} ${state}`),
    ['1 firing', '3 resolved'],
  )
  assert.match(bench.story().at(-1)!, /a new alerts added: 1f 2f/)
  assert.equal(bench.notifier.sent.filter((one) => one.notification.receiver === 'boss').length, 1)
})

test('a receiver may hear while a window is open what more it held, at most once a period', async (t) => {
  const bench = await new Bench(plain()).start(t)
  await bench.desk.maintenance.set(request({ summaryEveryMs: 2 * minute }))
  await bench.fire({ i: '1', service: 'shop' })
  await bench.clock.advance(5 * minute)
  await bench.fire({ i: '2', service: 'shop' })
  await bench.clock.advance(minute)
  await bench.fire({ i: '3', service: 'shop' })
  await bench.clock.advance(6 * minute)
  const summaries = bench.notifier.sent.filter((one) => one.notification.receiver === 'boss')
  assert.deepEqual(
    summaries.map(({ timeMs, notification }) => {
      const names = notification.alerts.map(({ labels }) => labels.get('i')).join(' ')
      return `${Math.round((timeMs - startTimeMs) / minute)} ${notification.reason}: ${names}`
    }),
    [
      '2 maintenance "move" goes on: 1',
      '5 maintenance "move" goes on: 1 2',
      '7 maintenance "move" goes on: 1 2 3',
      '10 maintenance "move" ended: 1 2 3',
    ],
  )
})

test('windows survive a restart', async (t) => {
  const before = new Bench(plain())
  await before.desk.start()
  await before.desk.maintenance.set(request({ services: [], matchers: [], teams: ['db'] }))
  await before.desk.stop()
  const after = await new Bench(plain(), before).start(t)
  await after.fire({ i: '1', team: 'db' })
  await after.clock.advance(5 * second)
  assert.deepEqual(after.story(), [])
  const [status] = after.desk.maintenance.list()
  assert.equal(status?.state, 'active')
})

test('what cannot be meant is refused', async (t) => {
  const { maintenance } = (await new Bench(plain()).start(t)).desk
  const refuse = async (change: Partial<MaintenanceRequest>, said: RegExp): Promise<void> => {
    await assert.rejects(maintenance.set(request(change)), said)
  }
  await refuse({ services: [] }, /needs a matcher, a service or a team/)
  await refuse({ endTimeMs: startTimeMs }, /not before its end/)
  await refuse({ timeZone: 'Mars' }, /unknown time zone/)
  await refuse({ summaryReceiver: 'nobody' }, /no receiver "nobody"/)
  await refuse({ summaryEveryMs: 1_000 }, /every minute at most/)
  await refuse({ summaryEveryMs: minute, summaryReceiver: '' }, /need a receiver/)
  await refuse({ id: 'x' }, /no maintenance window "x"/)
  await refuse({ matchers: [{ name: 'a', operator: '=~', value: '(' }] }, /invalid/)
  const long = { every: 'day' as const, ...repeat }
  await refuse({ repeat: long, endTimeMs: startTimeMs + 40 * 24 * 60 * minute }, /31 days/)
  maintenance.countMax = 0
  await refuse({}, /already/)
})
