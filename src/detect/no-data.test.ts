/**
 * The truth table of missing data: for each way in which data can fail to come, and each policy, what
 * an alert that fires, one that waits, and a series that is well become. "firing?" is kept firing and
 * known to be without data.
 */

import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { makeLabels } from '../model/labels.ts'
import { SampleBatchBuilder } from '../model/sample.ts'
import { Bench } from './testdata/bench.ts'

const second = 1000
const minute = 60_000

type Policy = 'keep' | 'alert' | 'ok'

const rooms = ['fires', 'waits', 'well']

function rulesOf(policy: Policy): string {
  return `groups:
- name: g
  interval: 15s
  rules:
  - alert: Hot
    expr: heat > 30
    for: 10m
    annotations:
      shipwatch: '{ no_data: ${policy} }'
`
}

/** Feeds for a while: one room is hot from the beginning, one since 4 minutes, one never. */
async function prepare(t: TestContext, policy: Policy): Promise<Bench> {
  const bench = await new Bench(rulesOf(policy)).start(t)
  await bench.feedFor(8 * minute, samplesOf({ waits: 10 }))
  await bench.feedFor(4 * minute, samplesOf())
  assert.deepEqual(statesOf(bench), { fires: 'firing', waits: 'pending', well: '-' })
  return bench
}

function samplesOf(change: Record<string, number> = {}): Record<string, number> {
  const heat: Record<string, number> = { fires: 40, waits: 40, well: 10, ...change }
  const samples: Record<string, number> = {}
  for (const room of rooms) {
    samples[`heat{job=j,instance=${room},room=${room}}`] = heat[room]!
    samples[`up{job=j,instance=${room}}`] = 1
  }
  return samples
}

function statesOf(bench: Bench): Record<string, string> {
  const rule = bench.rule('Hot')
  assert.ok(rule.type === 'alerting')
  const states: Record<string, string> = { fires: '-', waits: '-', well: '-' }
  for (const { labels, state, noDataSinceTimeMs } of rule.alerts)
    states[labels['room']!] = state + (noDataSinceTimeMs === undefined ? '' : '?')
  return states
}

/** Each way in which data fails to come, lasting 20 minutes. */
const failures: Record<string, (bench: Bench) => Promise<void>> = {
  'a scrape fails': async (bench) => {
    const gone: Record<string, number | undefined> = {}
    const down: Record<string, number> = {}
    for (const room of rooms) {
      gone[`heat{job=j,instance=${room},room=${room}}`] = undefined
      down[`up{job=j,instance=${room}}`] = 0
    }
    bench.feed({ ...gone, ...down })
    await bench.clock.advance(15 * second)
    await bench.feedFor(20 * minute, down)
  },
  'a target vanishes': async (bench) => {
    const gone: Record<string, undefined> = {}
    for (const name of Object.keys(samplesOf())) gone[name] = undefined
    bench.feed(gone)
    await bench.feedFor(20 * minute, { other: 1 })
  },
  'a series stops': async (bench) => {
    const up = Object.entries(samplesOf()).filter(([name]) => name.startsWith('up'))
    await bench.feedFor(20 * minute, Object.fromEntries(up))
  },
  'nothing comes in': (bench) => bench.clock.advance(20 * minute),
  'the store cannot be read': async (bench) => {
    const { selectRecent } = bench.store
    bench.store.selectRecent = () => {
      throw new Error('the disk is gone')
    }
    await bench.feedFor(20 * minute, samplesOf())
    bench.store.selectRecent = selectRecent
  },
}

type Row = [failure: string, policy: Policy, during: string, whenWell: string]

/** Rooms in the order fires, waits, well; `whenWell`: a minute after the data came back and was fine. */
const table: Row[] = [
  ['a scrape fails', 'keep', 'firing? pending? -', '- - -'],
  ['a scrape fails', 'alert', 'firing? firing? firing?', '- - -'],
  ['a scrape fails', 'ok', '- - -', '- - -'],
  ['a target vanishes', 'keep', '- - -', '- - -'],
  ['a target vanishes', 'alert', '- - -', '- - -'],
  ['a target vanishes', 'ok', '- - -', '- - -'],
  ['a series stops', 'keep', 'firing? pending? -', '- - -'],
  ['a series stops', 'alert', 'firing? firing? firing?', '- - -'],
  ['a series stops', 'ok', '- - -', '- - -'],
  ['nothing comes in', 'keep', 'firing? pending? -', '- - -'],
  ['nothing comes in', 'alert', 'firing? firing? firing?', '- - -'],
  ['nothing comes in', 'ok', '- - -', '- - -'],
  // Not knowing changes nothing: neither up nor down.
  ['the store cannot be read', 'keep', 'firing pending -', '- - -'],
  ['the store cannot be read', 'alert', 'firing pending -', '- - -'],
  ['the store cannot be read', 'ok', 'firing pending -', '- - -'],
]

for (const [failure, policy, during, whenWell] of table) {
  test(`when ${failure}, "${policy}" makes of firing, waiting and well: ${during}`, async (t) => {
    const bench = await prepare(t, policy)
    const sentCount = bench.sent.length
    await failures[failure]!(bench)
    assert.equal(Object.values(statesOf(bench)).join(' '), during)
    const resolved = bench.sent.slice(sentCount).filter((alert) => alert.state === 'resolved')
    assert.equal(resolved.length > 0, during.startsWith('-'), 'resolved only where the table says')
    await bench.feedFor(minute, samplesOf({ fires: 10, waits: 10 }))
    assert.equal(Object.values(statesOf(bench)).join(' '), whenWell)
  })
}

test('"alert" says since when data is missing, and counts "for" before it says so', async (t) => {
  const bench = await prepare(t, 'alert')
  await bench.clock.advance(5 * minute + 20 * second)
  assert.deepEqual(statesOf(bench), { fires: 'firing?', waits: 'pending?', well: 'pending?' })
  await bench.clock.advance(10 * minute)
  const rule = bench.rule('Hot')
  assert.ok(rule.type === 'alerting')
  const well = rule.alerts.find((alert) => alert.labels['room'] === 'well')!
  assert.equal(well.state, 'firing')
  assert.match(well.annotations['no_data']!, /^no data since 2023-11-14T22:3\d/)
})

test('"alert" ends when the source took its leave after all', async (t) => {
  const bench = await prepare(t, 'alert')
  await bench.clock.advance(20 * minute)
  assert.equal(statesOf(bench)['well'], 'firing?')
  const gone: Record<string, undefined> = {}
  for (const name of Object.keys(samplesOf())) gone[name] = undefined
  bench.feed(gone)
  await bench.clock.advance(minute)
  assert.deepEqual(statesOf(bench), { fires: '-', waits: '-', well: '-' })
})

for (const lateMinutes of [1, 2, 4, 7, 10]) {
  test(`data that comes ${lateMinutes} min late resolves nothing and starts no "for" anew`, async (t) => {
    const bench = await prepare(t, 'keep')
    const sentCount = bench.sent.length
    await bench.clock.advance(lateMinutes * minute)
    // what was missed comes at once, with the times at which it was measured
    const builder = new SampleBatchBuilder()
    const nowTimeMs = bench.clock.nowTimeMs()
    for (let ageMs = lateMinutes * minute - 15 * second; ageMs >= 0; ageMs -= 15 * second) {
      for (const room of rooms) {
        const heat = room === 'well' ? 10 : 40
        const labels = makeLabels({ __name__: 'heat', job: 'j', instance: room, room })
        builder.add(bench.store.seriesId(labels), nowTimeMs - ageMs, heat)
      }
    }
    bench.store.appendNow(builder.batch)
    await bench.clock.advance(15 * second)
    const states = statesOf(bench)
    assert.equal(states['fires'], 'firing')
    assert.match(states['waits']!, /^(pending|firing)$/)
    assert.equal(states['well'], '-')
    assert.ok(bench.sent.slice(sentCount).every((alert) => alert.state === 'firing'))
    // at the latest after what was left of "for" when the data stopped
    await bench.feedFor(6 * minute, samplesOf())
    assert.equal(statesOf(bench)['waits'], 'firing')
  })
}

test('a sample out of order changes nothing', async (t) => {
  const bench = await prepare(t, 'keep')
  const builder = new SampleBatchBuilder()
  for (const room of rooms) {
    const labels = makeLabels({ __name__: 'heat', job: 'j', instance: room, room })
    builder.add(bench.store.seriesId(labels), bench.clock.nowTimeMs() - 5 * minute, 1)
  }
  bench.store.appendNow(builder.batch)
  await bench.clock.advance(15 * second)
  assert.deepEqual(statesOf(bench), { fires: 'firing', waits: 'pending', well: '-' })
})

test('of many series that are asked about one by one, the silent ones are kept and their "for" stands still', async (t) => {
  const plain = rulesOf('keep').replace(/ {4}annotations:[\s\S]*$/, '')
  const bench = await new Bench(plain).start(t)
  const others: Record<string, number> = {}
  for (let room = 0; room < 300; room++) others[`heat{job=j,instance=x,room=r${room}}`] = 10
  const feed = async (spanMs: number, samples: Record<string, number>): Promise<void> => {
    for (let passedMs = 0; passedMs < spanMs; passedMs += 15 * second) {
      // all series live on, and a few of them at a time make the rule be asked
      bench.feed({ ...others, ...samples })
      for (let room = 0; room < 3; room++) {
        await bench.clock.advance(5 * second)
        bench.feed({ [`heat{job=j,instance=x,room=r${room}}`]: 11 + room })
      }
    }
  }
  await feed(8 * minute, samplesOf({ waits: 10 }))
  await feed(4 * minute, samplesOf())
  assert.deepEqual(statesOf(bench), { fires: 'firing', waits: 'pending', well: '-' })
  const down: Record<string, number> = {}
  for (const room of rooms) {
    bench.feed({ [`up{job=j,instance=${room}}`]: 0 })
    bench.feed({ [`heat{job=j,instance=${room},room=${room}}`]: undefined })
    down[`up{job=j,instance=${room}}`] = 0
  }
  await feed(20 * minute, down)
  assert.deepEqual(statesOf(bench), { fires: 'firing?', waits: 'pending?', well: '-' })
  await feed(5 * minute, samplesOf())
  assert.deepEqual(statesOf(bench), { fires: 'firing', waits: 'pending', well: '-' })
  await feed(2 * minute, samplesOf())
  assert.deepEqual(statesOf(bench), { fires: 'firing', waits: 'firing', well: '-' })
})
