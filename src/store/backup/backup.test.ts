/** Sections: under write load, answers after restoring, damage, refusal of what is not empty, tar itself. */

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import {
  createWriteStream,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { open } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { systemClock } from '../../base/clock.ts'
import { silentLog } from '../../base/log.ts'
import { z } from '../../config/schema.ts'
import { type Labels, makeLabels } from '../../model/labels.ts'
import { makeMatcher } from '../../model/matcher.ts'
import { SampleBatchBuilder } from '../../model/sample.ts'
import { restoreBackup, Store, type StoreSettings, storeSettings } from '../store.ts'
import { makeTarHeader, readTar } from './tar.ts'

const root = mkdtempSync(join(tmpdir(), 'shipwatch-backup-'))
after(() => rmSync(root, { recursive: true, force: true }))
const settings = z
  .object(storeSettings.top)
  .parse({ store: { journal_segment_size: 200_000 } }) as StoreSettings

function openStore(dataDir: string): Promise<Store> {
  return Store.open({ dataDir, settings, clock: systemClock, log: silentLog })
}

async function saveBackup(store: Store, path: string): Promise<number> {
  const backup = await store.openBackup('1.2.3')
  try {
    await pipeline(Readable.from(backup.read()), createWriteStream(path))
  } finally {
    backup.close()
  }
  return backup.sizeBytes
}

async function addAt(store: Store, names: readonly Labels[], timeMs: number): Promise<void> {
  const builder = new SampleBatchBuilder()
  for (const [index, labels] of names.entries()) {
    builder.add(store.seriesId(labels), timeMs, index)
  }
  await store.append(builder.batch)
}

const startTimeMs = Date.now() - 3_600_000
const path = join(root, 'first.tar')
let lastBefore = 0

test('a backup under write load has every row that was acknowledged before it began', async (context) => {
  const store = await openStore(join(root, 'source'))
  mkdirSync(join(root, 'source', 'push-groups'))
  writeFileSync(join(root, 'source', 'push-groups', 'a.json'), '{"pushed":true}')
  const names = Array.from({ length: 500 }, (_, index) =>
    makeLabels({ __name__: 'm', series: String(index) }),
  )
  let round = 0
  let isEnough = false
  const write = async (): Promise<void> => {
    while (!isEnough) {
      await addAt(store, names, startTimeMs + round)
      await store.appendLogs({
        count: 1,
        streams: [makeLabels({ app: 'shop' })],
        stream: Uint32Array.of(0),
        timeNs: BigInt64Array.of(BigInt(startTimeMs + round) * 1_000_000n),
        level: Uint8Array.of(3),
        line: [`line ${round}`],
      })
      round++
    }
  }
  for (; round < 50; round++) await addAt(store, names, startTimeMs + round)
  await store.flush()
  await store.records.silences.save({
    id: 'silence-1',
    matchers: [{ name: 'service', value: 'shop', isRegex: false, isEqual: true }],
    startTimeMs,
    endTimeMs: startTimeMs + 1,
    updatedTimeMs: startTimeMs,
    createdBy: 'test',
    comment: 'kept',
  } as never)
  const writing = write()
  while (round < 60) await new Promise((resolve) => setImmediate(resolve))
  lastBefore = round - 1
  const sizeBytes = await saveBackup(store, path)
  const during = round - lastBefore
  isEnough = true
  await writing
  await store.close()
  context.diagnostic(`${sizeBytes} bytes while ${during} rounds were written`)
  assert.equal(statSync(path).size, sizeBytes, 'its length was known before')
  assert.deepEqual(readdirSync(join(root, 'source', 'backup')), [], 'its links are gone')
  assert.match(execFileSync('tar', ['-tf', path]).toString(), /shipwatch-backup\/records\.db\n/)
})

test('a restored directory answers samples, lines and silences as the source did', async () => {
  const dataDir = join(root, 'restored')
  const steps = new Set<string>()
  const result = await restoreBackup({
    backupPath: path,
    dataDir,
    onProgress: (step) => steps.add(step),
  })
  assert.equal(result.version, '1.2.3')
  assert.equal(result.engine, 'included')
  assert.deepEqual([...steps], ['check', 'write'])
  assert.ok(existsSync(join(dataDir, 'engine', 'store')), 'the engine is in it')
  assert.equal(readFileSync(join(dataDir, 'push-groups', 'a.json'), 'utf8'), '{"pushed":true}')
  const store = await openStore(dataDir)
  const everything = { matchers: [], startTimeMs: 0, endTimeMs: Infinity }
  const found = await store.select(everything)
  assert.equal(found.length, 500)
  for (const series of found) {
    assert.ok(series.count > lastBefore, `${series.count} of ${lastBefore + 1}`)
    for (let row = 0; row <= lastBefore; row++) {
      assert.equal(series.timeMs[row], startTimeMs + row)
      assert.equal(String(series.value[row]), series.labels.get('series'))
    }
  }
  const lines = await store.selectLogs({
    matchers: [makeMatcher('app', '=', 'shop')],
    startTimeNs: 0n,
    endTimeNs: BigInt(startTimeMs + 3_600_000) * 1_000_000n,
    filters: [],
    limit: 100_000,
    direction: 'forward',
  })
  assert.ok(lines.length > lastBefore - 50)
  for (const [index, record] of lines.entries()) assert.equal(record.line, `line ${index + 50}`)
  const [silence] = await store.records.silences.list()
  assert.equal(silence?.comment, 'kept')
  await store.close()

  // The engine alone has what was flushed before.
  for (const name of readdirSync(join(dataDir, 'journal'))) {
    if (/^\d/.test(name)) rmSync(join(dataDir, 'journal', name))
  }
  writeFileSync(join(dataDir, 'checkpoint.json'), JSON.stringify({ coveredTimeMs: Date.now() }))
  const engineOnly = await openStore(dataDir)
  const older = await engineOnly.select(everything)
  assert.equal(older.length, 500)
  for (const series of older) assert.ok(series.count >= 50, `${series.count}`)
  await engineOnly.close()
})

test('a damaged, cut or extended backup is refused before anything is written', async () => {
  const whole = readFileSync(path)
  const target = join(root, 'never')
  const refuse = async (bytes: Buffer, reason: RegExp): Promise<void> => {
    const damaged = join(root, 'damaged.tar')
    writeFileSync(damaged, bytes)
    await assert.rejects(
      restoreBackup({ backupPath: damaged, dataDir: target }),
      (error: Error) => {
        assert.match(error.message, reason)
        assert.equal((error as { code?: string }).code, 'STORE_BACKUP_INVALID')
        return true
      },
    )
    assert.ok(!existsSync(target))
  }
  const file = await open(path)
  const places = []
  for await (const place of readTar(file)) places.push(place)
  await file.close()
  const segment = places.find(
    ({ entry }) => entry.path.endsWith('.journal') || entry.path.includes('.flushed'),
  )!
  const flipped = Buffer.from(whole)
  flipped[segment.dataOffset + 20]! ^= 1
  await refuse(flipped, /is damaged: its SHA-256/)
  await refuse(whole.subarray(0, whole.length - 100_000), /./)
  await refuse(whole.subarray(0, places[3]!.dataOffset - 512), /ends at byte|cut off/)
  await refuse(Buffer.alloc(0), /ends at byte 0/)
  await refuse(Buffer.from('not a tar file'.repeat(100)), /no tar header/)
  const entry = {
    path: 'shipwatch-backup/../escape',
    kind: 'file',
    sizeBytes: 0,
    target: '',
  } as const
  await refuse(Buffer.concat([makeTarHeader(entry, 0), whole]), /leads out/)
  const link = {
    ...entry,
    path: 'shipwatch-backup/link',
    kind: 'link',
    target: '../../etc',
  } as const
  await refuse(Buffer.concat([makeTarHeader(link, 0), whole]), /leads out/)
  const extra = { ...entry, path: 'shipwatch-backup/extra' } as const
  await refuse(Buffer.concat([makeTarHeader(extra, 0), whole]), /not in its manifest/)
})

test('a directory with anything in it is not restored to', async () => {
  const dataDir = join(root, 'taken')
  mkdirSync(dataDir)
  writeFileSync(join(dataDir, 'lock'), '')
  await assert.rejects(restoreBackup({ backupPath: path, dataDir }), {
    code: 'STORE_RESTORE_NOT_EMPTY',
  })
  assert.deepEqual(readdirSync(dataDir), ['lock'])
})

test('one backup at a time, and one that was given up makes room for the next', async () => {
  const store = await openStore(join(root, 'source'))
  const first = await store.openBackup('1')
  await assert.rejects(store.openBackup('1'), { code: 'STORE_BACKUP_BUSY' })
  await first.read().next()
  first.close()
  const second = await store.openBackup('1')
  second.close()
  await store.close()
})

test('sizes beyond 8 GiB and long paths survive the header', async () => {
  const long = `shipwatch-backup/${'directory/'.repeat(12)}${'n'.repeat(90)}`
  const header = makeTarHeader({ path: long, kind: 'file', sizeBytes: 20 * 2 ** 30, target: '' }, 0)
  const name = join(root, 'header.tar')
  writeFileSync(name, Buffer.concat([header, Buffer.alloc(1_024)]))
  const file = await open(name)
  await assert.rejects(readTar(file).next(), /cut off within shipwatch-backup\/directory/)
  await file.close()
  assert.throws(() =>
    makeTarHeader({ path: 'x'.repeat(101), kind: 'file', sizeBytes: 0, target: '' }, 0),
  )
})
