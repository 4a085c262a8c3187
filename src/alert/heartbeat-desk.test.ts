/** Heartbeats over restarts and reloads. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Bench, minute, plain, second, settingsOf } from './testdata/bench.ts'

const yaml = plain('heartbeats: [{name: sync, interval: 1m, grace: 10s}]\n')
const state = (bench: Bench): string | undefined =>
  bench.desk.list().find(({ labels }) => labels.get('heartbeat') === 'sync')?.state

test('one that never called is missing after its time; a start begins the time anew', async (t) => {
  const before = new Bench(yaml)
  await before.desk.start()
  await before.clock.advance(50 * second)
  await before.desk.stop()
  await before.clock.advance(10 * minute)
  const after = await new Bench(yaml, before).start(t)
  await after.clock.advance(60 * second)
  assert.equal(state(after), undefined)
  await after.clock.advance(20 * second)
  assert.equal(state(after), 'firing')
  assert.match(after.desk.list()[0]!.annotations.get('description'), /called never/)
})

test('one that was missing before a restart is missing still, until it calls', async (t) => {
  const before = new Bench(yaml)
  await before.desk.start()
  await before.clock.advance(2 * minute)
  assert.equal(state(before), 'firing')
  await before.desk.stop()
  const after = await new Bench(yaml, before).start(t)
  await after.clock.advance(10 * minute)
  assert.equal(state(after), 'firing')
  await after.desk.heartbeats.beat('sync', { isUp: true, message: '' })
  assert.equal(state(after), 'resolved')
  await after.clock.advance(minute)
  assert.equal(state(after), 'resolved')
})

test('one that is taken out of the configuration resolves', async (t) => {
  const bench = await new Bench(yaml).start(t)
  await bench.clock.advance(2 * minute)
  bench.desk.reload(settingsOf(plain()))
  await bench.clock.advance(second)
  assert.equal(state(bench), 'resolved')
  await assert.rejects(bench.desk.heartbeats.beat('sync', { isUp: true, message: '' }), {
    code: 'ALERT_HEARTBEAT_UNKNOWN',
  })
})
