/** The series log gives back every number and label set, through removal, reuse and rewriting. */

import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { silentLog } from '../../base/log.ts'
import { makeSeededRandom } from '../../base/random.ts'
import { labelsFromPairs } from '../../model/labels.ts'
import { Head } from '../head/head.ts'
import { type JournalFile, makeDiskFile } from './journal-file.ts'
import { SeriesLog } from './series-log.ts'

const directory = mkdtempSync(join(tmpdir(), 'shipwatch-series-'))
after(() => rmSync(directory, { recursive: true, force: true }))

function open(head: Head, change?: (file: JournalFile) => JournalFile): SeriesLog {
  const makeFile = async (path: string): Promise<JournalFile> => {
    const file = await makeDiskFile(path)
    return change === undefined ? file : change(file)
  }
  return new SeriesLog({ directory, head, log: silentLog, makeFile })
}

function namesOf(head: Head): [number, string][] {
  return [...head.index.all()].map((id) => [id, head.index.makeLabelsOf(id).toString()])
}

test('random additions, removals, failures and rewrites are read back the same', async () => {
  const random = makeSeededRandom(7)
  let isFull = false
  let head = new Head({ isTimeChecked: true })
  const shape = (file: JournalFile): JournalFile => ({
    ...file,
    write: async (bytes, offset) => {
      await file.write(isFull ? bytes.subarray(0, bytes.length >> 1) : bytes, offset)
      if (isFull) throw new Error('ENOSPC')
    },
  })
  let log = open(head, shape)
  let serial = 0
  for (let step = 0; step < 120; step++) {
    for (let count = Math.floor(random() * 20); count > 0; count--) {
      const labels = labelsFromPairs(['__name__', 'm', '__proto__', `v${serial++}`])
      log.add(head.seriesId(labels).id)
    }
    if (random() < 0.2) {
      const removed = [...head.index.all()].filter(() => random() < 0.5)
      head.index.remove(removed)
      log.remove(removed)
    }
    if (random() < 0.2) {
      isFull = true
      const hasChange = await log.write().then(
        () => false,
        () => true,
      )
      isFull = false
      if (hasChange) await log.write()
    }
    if (random() < 0.1) {
      const rewritten = log.rewrite()
      log.add(head.seriesId(labelsFromPairs(['__name__', `during ${step}`])).id)
      await log.write()
      await rewritten
    }
    if (random() < 0.1) {
      await log.close()
      const reopened = new Head({ isTimeChecked: true })
      log = open(reopened, shape)
      await log.recover()
      assert.deepEqual(namesOf(reopened), namesOf(head), `step ${step}`)
      head = reopened
    }
    await log.write()
  }
  await log.rewrite()
  await log.close()
  assert.equal(readdirSync(directory).length, 1, 'rewriting leaves one file')
})
