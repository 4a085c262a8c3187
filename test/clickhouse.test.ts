/** A real ClickHouse server of Debian keeps samples and lines; while it is away, taking data and recent answers go on. */

import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { VirtualClock } from '../src/base/clock.ts'
import { silentLog } from '../src/base/log.ts'
import { z } from '../src/config/schema.ts'
import { type Labels, makeLabels } from '../src/model/labels.ts'
import { makeMatcher } from '../src/model/matcher.ts'
import { SampleBatchBuilder } from '../src/model/sample.ts'
import { Store, type StoreSettings, storeSettings } from '../src/store/store.ts'
import {
  fetchWhenUp,
  findFreePort,
  type Program,
  skipWithout,
  startProgram,
} from './support/programs.ts'

const root = mkdtempSync(join(tmpdir(), 'shipwatch-clickhouse-'))
after(() => rmSync(root, { recursive: true, force: true }))

const startTimeMs = 1_700_000_000_000
const dayMs = 86_400_000
const user = { name: 'keeper', password: 'p@ss/word' }

/** Writes what the server needs and starts it. */
async function startServer(port: number, tcpPort: number): Promise<Program> {
  const directory = join(root, 'server')
  mkdirSync(directory, { recursive: true })
  const config = join(directory, 'config.xml')
  const users = join(directory, 'users.xml')
  writeFileSync(
    config,
    `<yandex><logger><level>warning</level><console>1</console></logger>
    <http_port>${port}</http_port><tcp_port>${tcpPort}</tcp_port><listen_host>127.0.0.1</listen_host>
    <path>${directory}/data/</path><tmp_path>${directory}/tmp/</tmp_path>
    <users_config>${users}</users_config><default_profile>default</default_profile>
    <default_database>default</default_database><mark_cache_size>67108864</mark_cache_size></yandex>`,
  )
  writeFileSync(
    users,
    `<yandex><profiles><default></default></profiles><quotas><default></default></quotas>
    <users><${user.name}><password>${user.password}</password><networks><ip>127.0.0.1</ip></networks>
    <profile>default</profile><quota>default</quota></${user.name}></users></yandex>`,
  )
  const program = startProgram('clickhouse-server', [`--config-file=${config}`])
  await fetchWhenUp(`http://127.0.0.1:${port}/`)
  return program
}

function settingsFor(port: number): StoreSettings {
  const url = `http://${user.name}:${encodeURIComponent(user.password)}@127.0.0.1:${port}/shipwatch`
  return z.object(storeSettings.top).parse({ store: { telemetry_url: url } }) as StoreSettings
}

async function append(store: Store, labels: Labels, rows: [number, number][]): Promise<void> {
  const builder = new SampleBatchBuilder(1)
  const id = store.seriesId(labels)
  for (const [timeMs, value] of rows) builder.add(id, timeMs, value)
  const { accepted } = await store.append(builder.batch)
  assert.equal(accepted, rows.length)
}

async function valuesOf(store: Store, name: string): Promise<number[]> {
  const found = await store.select({
    matchers: [makeMatcher('__name__', '=', name)],
    startTimeMs: startTimeMs - 10 * dayMs,
    endTimeMs: startTimeMs + 10 * dayMs,
  })
  return found.flatMap(({ value, count }) => [...value.subarray(0, count)])
}

test('a server by URL has what the embedded engine would have, and may go and come back', {
  skip: skipWithout('clickhouse-server'),
}, async () => {
  const [port, tcpPort] = [await findFreePort(), await findFreePort()]
  let server = await startServer(port, tcpPort)
  const clock = new VirtualClock(startTimeMs)
  const dataDir = join(root, 'data')
  let store = await Store.open({ dataDir, settings: settingsFor(port), clock, log: silentLog })
  try {
    const name = makeLabels({ __name__: 'm', path: "it's \\ ✓" })
    const minutes = Array.from({ length: 600 }, (_, minute): [number, number] => [
      startTimeMs - (600 - minute) * 60_000,
      minute / 10,
    ])
    await append(store, name, minutes)
    await store.appendLogs({
      count: 1,
      streams: [makeLabels({ app: 'shop' })],
      stream: Uint32Array.of(0),
      timeNs: BigInt64Array.of(BigInt(startTimeMs) * 1_000_000n),
      level: Uint8Array.of(3),
      line: ['a line'],
    })
    await store.flush()
    await store.close()

    // Hours later and with another memory: only the server can tell.
    await clock.advance(6 * 3_600_000)
    store = await Store.open({ dataDir, settings: settingsFor(port), clock, log: silentLog })
    await store.flush()
    const isRecent = store.selectRecent({
      matchers: [],
      startTimeMs: startTimeMs - dayMs,
      endTimeMs: startTimeMs,
    })
    assert.equal(isRecent, undefined, 'memory does not reach so far')
    assert.deepEqual(
      await valuesOf(store, 'm'),
      minutes.map(([, value]) => value),
    )
    const lines = await store.selectLogs({
      matchers: [],
      startTimeNs: 0n,
      endTimeNs: 2n ** 62n,
      filters: [],
      limit: 10,
      direction: 'forward',
    })
    assert.deepEqual(
      lines.map(({ line }) => line),
      ['a line'],
    )

    await server.stop()
    const recent = makeLabels({ __name__: 'n' })
    await append(store, recent, [[clock.nowTimeMs(), 1]])
    assert.deepEqual(
      store
        .selectRecent({
          matchers: [makeMatcher('__name__', '=', 'n')],
          startTimeMs: clock.nowTimeMs() - 1_000,
          endTimeMs: clock.nowTimeMs(),
        })
        ?.map(({ value }) => value[0]),
      [1],
    )
    await assert.rejects(valuesOf(store, 'other'), { code: 'STORE_ENGINE_UNAVAILABLE' })
    await assert.rejects(store.flush(), { code: 'STORE_ENGINE_UNAVAILABLE' })
    server = await startServer(port, tcpPort)
    await store.flush()
    assert.equal((await valuesOf(store, 'm')).length, 600)
    assert.deepEqual(await valuesOf(store, 'n'), [1])

    // Days that are over are written anew and get rollups, as in the embedded engine.
    await clock.advance(3 * dayMs)
    await clock.advance(31_000)
    await store.flush()
    const daysIn = (file: string): unknown[] =>
      JSON.parse(readFileSync(join(dataDir, file), 'utf8')) as unknown[]
    assert.ok(daysIn('compacted.json').length > 0)
    assert.ok(daysIn('rolled.json').length > 0)
    assert.equal((await valuesOf(store, 'm')).length, 600)
    const [rolled] = await store.select({
      matchers: [makeMatcher('__name__', '=', 'm')],
      startTimeMs: startTimeMs - 10 * dayMs,
      endTimeMs: startTimeMs,
      buckets: { lengthMs: 3_600_000, areFallsNeeded: true },
    })
    assert.equal(rolled?.ordinal?.at(-1), 599)
    assert.ok(rolled.count < 60)

    // Whole days leave a server as they leave the embedded engine.
    await clock.advance(20 * dayMs)
    await append(store, recent, [[clock.nowTimeMs(), 2]])
    await store.flush()
    assert.deepEqual(await valuesOf(store, 'm'), [])
  } finally {
    await store.close()
    await server.stop()
  }
})
