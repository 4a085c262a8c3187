/** What silences and maintenance windows held in the past: whole or in part, once or again and again. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { makeLabels } from '../model/labels.ts'
import { Bench, minute, plain } from './testdata/bench.ts'

const hour = 60 * minute

test('a firing of the past is told with what held it, also when that is over', async (t) => {
  const bench = await new Bench(plain()).start(t)
  const beginTimeMs = bench.clock.nowTimeMs()
  const silence = await bench.desk.setSilence({
    matchers: [{ name: 'service', operator: '=', value: 'shop' }],
    startTimeMs: beginTimeMs,
    endTimeMs: beginTimeMs + hour,
    createdBy: 'ana',
    comment: 'known noise',
  })
  await bench.desk.maintenance.set({
    name: 'backup',
    matchers: [],
    services: ['db'],
    teams: [],
    startTimeMs: beginTimeMs + 10 * minute,
    endTimeMs: beginTimeMs + 20 * minute,
    timeZone: 'UTC',
    repeat: { every: 'day', interval: 1, weekdays: [], untilTimeMs: undefined },
    summaryReceiver: '',
    createdBy: 'ana',
    comment: '',
  })
  await bench.clock.advance(2 * hour)
  const span = { startTimeMs: beginTimeMs, endTimeMs: beginTimeMs + 3 * 24 * hour }
  const find = bench.desk.pastHoldsWithin(span)
  const of = (service: string, fromMs: number, toMs: number | undefined) =>
    find({
      labels: makeLabels({ alertname: 'X', service }),
      firedTimeMs: beginTimeMs + fromMs,
      endTimeMs: toMs === undefined ? undefined : beginTimeMs + toMs,
    }).map(({ kind, title, isWhole }) => `${kind} ${title} ${isWhole ? 'whole' : 'part'}`)
  assert.deepEqual(of('shop', 0, hour), ['silence known noise whole'])
  assert.deepEqual(of('shop', 30 * minute, 2 * hour), ['silence known noise part'])
  assert.deepEqual(of('shop', 30 * minute, undefined), ['silence known noise part'])
  assert.deepEqual(of('shop', hour, 2 * hour), [])
  assert.deepEqual(of('db', 12 * minute, 13 * minute), ['maintenance backup whole'])
  const nextDay = 24 * hour
  assert.deepEqual(of('db', nextDay + 12 * minute, nextDay + 30 * minute), [
    'maintenance backup part',
  ])
  assert.deepEqual(of('db', 30 * minute, 40 * minute), [])
  assert.deepEqual(of('other', 0, hour), [])
  assert.equal(
    find({
      labels: makeLabels({ service: 'shop' }),
      firedTimeMs: beginTimeMs,
      endTimeMs: beginTimeMs + 1,
    })[0]!.id,
    silence.id,
  )
})
