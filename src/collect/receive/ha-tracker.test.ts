/** Pairs of senders: one is taken, the other follows when it falls silent, and series go on. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { VirtualClock } from '../../base/clock.ts'
import { silentLog } from '../../base/log.ts'
import { makeMatcher } from '../../model/matcher.ts'
import { MemoryStore } from '../../store/store.ts'
import { DropLedger } from '../drops.ts'
import { collectSettings, type HaSettings } from '../settings.ts'
import { encodeWriteRequest, snap } from '../testdata/write-request.ts'
import { HaTracker } from './ha-tracker.ts'
import { RemoteWriteReceiver } from './remote-write.ts'

const startTimeMs = 1_700_000_000_000

function makeBench(written: Partial<HaSettings> = { enabled: true }) {
  const clock = new VirtualClock(startTimeMs)
  const store = new MemoryStore({ clock })
  const drops = new DropLedger()
  const settings = collectSettings.top.ha_tracker.parse({}) as HaSettings
  const receiver = new RemoteWriteReceiver({
    appender: store,
    drops,
    log: silentLog,
    onReceived: () => undefined,
    ha: new HaTracker({ ...settings, ...written }, clock),
  })
  /** Two series of the cluster `c`, unless another is given; answers the status. */
  const send = async (replica: string, value: number, cluster = 'c'): Promise<number> => {
    const external: [string, string][] = []
    if (replica !== '') external.push(['__replica__', replica])
    if (cluster !== '') external.push(['cluster', cluster])
    const body = encodeWriteRequest(
      ['x', 'y'].map((job) => ({
        labels: [['__name__', 'm'], ...external, ['job', job]],
        samples: [[value, clock.nowTimeMs()]],
      })),
    )
    const reply = await receiver.receive({ headers: {}, body: snap(body) })
    return reply.status
  }
  const read = async (): Promise<Record<string, string>> => {
    const found = await store.select({
      matchers: [makeMatcher('job', '=', 'x')],
      startTimeMs: 0,
      endTimeMs: startTimeMs * 2,
    })
    const rows: Record<string, string> = {}
    for (const { labels, count, value } of found) {
      rows[labels.toString()] = [...value.subarray(0, count)].join(' ')
    }
    return rows
  }
  return { clock, drops, receiver, settings, send, read }
}

test('one replica is taken, the other is left out until the first falls silent', async () => {
  const { clock, drops, send, read } = makeBench()
  assert.equal(await send('a', 1), 204)
  assert.equal(await send('b', 101), 202)
  await clock.advance(15_000)
  assert.equal(await send('b', 102), 202)
  assert.equal(await send('a', 2), 204)
  await clock.advance(29_999)
  assert.equal(await send('b', 103), 202)
  await clock.advance(1)
  assert.equal(await send('b', 104), 204)
  assert.equal(await send('a', 3), 202)
  assert.deepEqual(await read(), { 'm{cluster="c", job="x"}': '1 2 104' })
  assert.deepEqual(drops.list(), [{ source: 'remote-write', reason: 'ha-duplicate', count: 8 }])
})

test('clusters do not concern each other, and senders without the labels are all taken', async () => {
  const { send, clock } = makeBench()
  assert.equal(await send('a', 1, 'c'), 204)
  assert.equal(await send('b', 1, 'd'), 204)
  assert.equal(await send('b', 1, 'c'), 202)
  assert.equal(await send('', 1, 'e'), 204)
  await clock.advance(1)
  assert.equal(await send('', 1, ''), 204)
  assert.equal(await send('b', 1, ''), 204)
})

test('a sender that lacks one of the two labels keeps the other', async () => {
  const { send, read } = makeBench()
  await send('b', 1, '')
  assert.deepEqual(await read(), { 'm{__replica__="b", job="x"}': '1' })
})

test('switched off, every replica is taken with its label; switching on counts from then', async () => {
  const { clock, receiver, settings, send, read } = makeBench({})
  assert.equal(await send('a', 1), 204)
  assert.equal(await send('b', 2), 204)
  receiver.reload({ ...settings, enabled: true })
  await clock.advance(1000)
  assert.equal(await send('b', 3), 204)
  assert.equal(await send('a', 4), 202)
  assert.deepEqual(await read(), {
    'm{__replica__="a", cluster="c", job="x"}': '1',
    'm{__replica__="b", cluster="c", job="x"}': '2',
    'm{cluster="c", job="x"}': '3',
  })
})
