/** The records contract over SQLite, and what is particular to its file. */

import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, test } from 'node:test'
import { systemClock } from '../../base/clock.ts'
import { silentLog } from '../../base/log.ts'
import { testRecords } from './records-contract.ts'
import { type OpenRecords, openSqliteRecords } from './sql-records.ts'

const root = mkdtempSync(join(tmpdir(), 'shipwatch-records-'))
after(() => rmSync(root, { recursive: true, force: true }))
let fileCount = 0

function openAt(path: string): Promise<OpenRecords> {
  return openSqliteRecords({ path, clock: systemClock, log: silentLog })
}

testRecords('sqlite', async () => {
  const path = join(root, `records-${fileCount++}.db`)
  return { records: await openAt(path), again: () => openAt(path) }
})

test('records of a newer version are refused by name', async () => {
  const path = join(root, 'newer.db')
  await (await openAt(path)).close()
  const database = new DatabaseSync(path)
  database.exec("INSERT INTO kysely_migration (name, timestamp) VALUES ('9999-later', 'x')")
  database.close()
  await assert.rejects(openAt(path), { code: 'STORE_RECORDS_NEWER' })
})

test('a file that is no database is refused with its code and left as it was', async () => {
  const path = join(root, 'text.db')
  const text = 'this is not a database, and longer than a header needs to be'.repeat(20)
  writeFileSync(path, text)
  await assert.rejects(openAt(path), { code: 'STORE_RECORDS_CORRUPT' })
  assert.equal(readFileSync(path, 'utf8'), text)
})

test('a second opener is kept out until the first has closed', async () => {
  const path = join(root, 'locked.db')
  const first = await openAt(path)
  const options = { path, clock: systemClock, log: silentLog, lockWaitMs: 1 }
  await assert.rejects(openSqliteRecords(options), { code: 'STORE_DATA_DIR_IN_USE' })
  await first.close()
  await (await openSqliteRecords(options)).close()
})
