/** Followed files: lines, rotation in every way, restarts, cut and joined lines, unreadable files. */

import assert from 'node:assert/strict'
import {
  appendFile,
  copyFile,
  mkdir,
  mkdtemp,
  readFile,
  rename,
  rm,
  truncate,
  unlink,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { type Clock, systemClock } from '../../base/clock.ts'
import { silentLog } from '../../base/log.ts'
import type { LogBatch } from '../../model/log-line.ts'
import { DropLedger } from '../drops.ts'
import { collectSettings, type LogFilesConfig } from '../settings.ts'
import { Tailer } from './tail.ts'

interface Bench {
  folder: string
  path: string
  lines: string[]
  drops: DropLedger
  tailer: Tailer
  failNext: () => void
  /** Lets 6 s pass and reads: longer than the pause between looks for files. */
  turn(): Promise<void>
  take(): string[]
  restart(): Promise<void>
}

async function withBench(
  options: Partial<LogFilesConfig>,
  action: (bench: Bench) => Promise<void>,
  prepare?: (bench: Bench) => Promise<void>,
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'shipwatch-tail-'))
  let nowTimeMs = Date.now()
  // Timers never fire: turns are taken one by one.
  const clock: Clock = {
    ...systemClock,
    nowTimeMs: () => nowTimeMs,
    monotonicMs: () => nowTimeMs,
    after: () => ({ cancel: () => undefined }),
    sleep: () => Promise.resolve(),
  }
  const drops = new DropLedger()
  const lines: string[] = []
  let isFailing = false
  const configs = collectSettings.top.logs.parse({
    files: [{ paths: [join(folder, '*.log')], service: 'shop', ...options }],
  }).files
  const makeTailer = (): Tailer =>
    new Tailer({
      clock,
      log: silentLog,
      drops,
      dataDir: join(folder, 'data'),
      append: async (batch: LogBatch) => {
        if (isFailing) {
          isFailing = false
          throw new Error('the store is full')
        }
        for (let row = 0; row < batch.count; row++) {
          if (row > 0) assert.ok(batch.timeNs[row]! > batch.timeNs[row - 1]!)
          lines.push(batch.line[row]!)
        }
      },
      onChange: () => undefined,
    })
  const bench: Bench = {
    folder,
    path: join(folder, 'app.log'),
    lines,
    drops,
    tailer: makeTailer(),
    failNext: () => {
      isFailing = true
    },
    turn: async () => {
      nowTimeMs += 6000
      await bench.tailer.turn()
    },
    take: () => lines.splice(0),
    restart: async () => {
      await bench.tailer.stop()
      bench.tailer = makeTailer()
      await bench.tailer.start(configs)
    },
  }
  await mkdir(join(folder, 'data'))
  try {
    await prepare?.(bench)
    await bench.tailer.start(configs)
    await action(bench)
  } finally {
    await bench.tailer.stop()
    await rm(folder, { recursive: true, force: true })
  }
}

test('a file that was there is followed from its end, a new one from its beginning', () =>
  withBench(
    {},
    async (bench) => {
      await appendFile(bench.path, 'one\ntwo\npart')
      await writeFile(join(bench.folder, 'new.log'), 'first\r\n')
      await bench.turn()
      assert.deepEqual(bench.take(), ['one', 'two', 'first'])
      await appendFile(bench.path, 'ial\n\n')
      await bench.turn()
      assert.deepEqual(bench.take(), ['partial', ''])
      const [state] = bench.tailer.list()
      assert.equal(state?.labels.toString(), `{filename="${bench.path}", service_name="shop"}`)
      assert.equal(state?.lineCount, 4)
    },
    (bench) => writeFile(bench.path, 'old\n'),
  ))

test('start_at: beginning reads what was there', () =>
  withBench({ start_at: 'beginning' }, async (bench) => {
    await writeFile(bench.path, 'old\n')
    await bench.turn()
    assert.deepEqual(bench.take(), ['old'])
  }))

test('a renamed file is read to its end, also when its writer notices late', () =>
  withBench({ start_at: 'beginning' }, async (bench) => {
    await writeFile(bench.path, 'one\n')
    await bench.turn()
    await appendFile(bench.path, 'two\n')
    await rename(bench.path, `${bench.path}.1`)
    await writeFile(bench.path, 'three\n')
    await bench.turn()
    assert.deepEqual(bench.take().sort(), ['one', 'three', 'two'])
    await appendFile(`${bench.path}.1`, 'late')
    await appendFile(bench.path, 'four\n')
    await bench.turn()
    await bench.turn()
    await bench.turn()
    assert.deepEqual(bench.take().sort(), ['four', 'late'])
  }))

test('a file that is renamed and comes back later is followed again', () =>
  withBench({ start_at: 'beginning' }, async (bench) => {
    await writeFile(bench.path, 'one\n')
    await bench.turn()
    await rename(bench.path, `${bench.path}.1`)
    await bench.turn()
    await bench.turn()
    await writeFile(bench.path, 'two\n')
    await bench.turn()
    await unlink(bench.path)
    await bench.turn()
    await writeFile(bench.path, 'three\n')
    await bench.turn()
    await bench.turn()
    assert.deepEqual(bench.take(), ['one', 'two', 'three'])
  }))

test('a truncated file is read from its beginning', () =>
  withBench({ start_at: 'beginning' }, async (bench) => {
    await writeFile(bench.path, 'a long first line\n')
    await bench.turn()
    await truncate(bench.path, 0)
    await appendFile(bench.path, 'short\n')
    await bench.turn()
    assert.deepEqual(bench.take(), ['a long first line', 'short'])
  }))

test('a file that was copied, truncated and written beyond our position is read from its beginning', () =>
  withBench({ start_at: 'beginning' }, async (bench) => {
    await writeFile(bench.path, '10:00 one\n')
    await bench.turn()
    await copyFile(bench.path, `${bench.path}.1`)
    await truncate(bench.path, 0)
    await appendFile(bench.path, '10:01 two\n10:01 three\n')
    await bench.turn()
    assert.deepEqual(bench.take(), ['10:00 one', '10:01 two', '10:01 three'])
  }))

test('a restart neither loses nor repeats, whatever happened to the file meanwhile', () =>
  withBench(
    { start_at: 'end' },
    async (bench) => {
      await appendFile(bench.path, 'one\n')
      await bench.turn()
      await bench.tailer.stop()
      await appendFile(bench.path, 'two\n')
      await bench.restart()
      await bench.turn()
      assert.deepEqual(bench.take(), ['one', 'two'])
      await bench.tailer.stop()
      await appendFile(bench.path, 'three\n')
      await rename(bench.path, `${bench.path}.1`)
      await writeFile(bench.path, 'four\n')
      await bench.restart()
      await bench.turn()
      await bench.turn()
      assert.deepEqual(bench.take().sort(), ['four', 'three'])
      await bench.tailer.stop()
      await truncate(bench.path, 0)
      await appendFile(bench.path, 'five, longer than before\n')
      await bench.restart()
      await bench.turn()
      assert.deepEqual(bench.take(), ['five, longer than before'])
    },
    (bench) => writeFile(bench.path, 'old\n'),
  ))

test('lines that the store did not take are read again', () =>
  withBench({ start_at: 'beginning' }, async (bench) => {
    await writeFile(bench.path, 'one\ntwo\n')
    bench.failNext()
    await bench.turn()
    assert.deepEqual(bench.take(), [])
    assert.match(bench.tailer.list()[0]!.lastError, /the store is full/)
    await bench.turn()
    assert.deepEqual(bench.take(), ['one', 'two'])
    assert.equal(bench.tailer.list()[0]!.lastError, '')
  }))

test('long lines are cut and counted, and the line after them is whole', () =>
  withBench({ start_at: 'beginning', line_size_limit: 1000 as never }, async (bench) => {
    await writeFile(
      bench.path,
      `${'a'.repeat(999)}\n${'b'.repeat(1001)}\n${'c'.repeat(1_000_000)}\nlast\n`,
    )
    await bench.turn()
    const found = bench.take()
    assert.deepEqual(
      found.map((line) => `${line[0]}${line.length}`),
      ['a999', 'b1000', 'c1000', 'l4'],
    )
    assert.deepEqual(bench.drops.list(), [{ source: bench.path, reason: 'line-cut', count: 2 }])
  }))

test('lines of a stack trace are joined to the line before, also across turns', () =>
  withBench({ start_at: 'beginning', join_lines: true }, async (bench) => {
    await writeFile(bench.path, 'plain\nError: boom\n    at f (x.js:1)\n')
    await bench.turn()
    assert.deepEqual(bench.take(), ['plain'])
    await appendFile(bench.path, 'Caused by: y\n  at g\nnext\n')
    await bench.turn()
    assert.deepEqual(bench.take(), ['Error: boom\n    at f (x.js:1)\nCaused by: y\n  at g'])
    // Nothing came any more: the line that waited is let go.
    await bench.turn()
    assert.deepEqual(bench.take(), ['next'])
  }))

test('a hundred thousand lines written between rotations all arrive once', () =>
  withBench({ start_at: 'beginning' }, async (bench) => {
    const expected: string[] = []
    for (let round = 0; round < 10; round++) {
      let text = ''
      for (let index = 0; index < 10_000; index++) {
        const line = `round ${round} line ${index}`
        expected.push(line)
        text += `${line}\n`
      }
      await appendFile(bench.path, text)
      await bench.turn()
      if (round % 3 === 2) await rename(bench.path, `${bench.path}.${round}`)
      if (round % 4 === 3) await bench.restart()
    }
    await bench.turn()
    await bench.turn()
    assert.deepEqual(bench.take().sort(), expected.sort())
  }))

test('a folder in the place of a file and broken positions are told, and nothing stops', () =>
  withBench({ start_at: 'beginning' }, async (bench) => {
    await mkdir(bench.path)
    await writeFile(join(bench.folder, 'ok.log'), 'fine\n')
    await bench.turn()
    assert.deepEqual(bench.take(), ['fine'])
    assert.match(
      bench.tailer.list().find(({ path }) => path === bench.path)!.lastError,
      /not a file/,
    )
    await bench.tailer.stop()
    await writeFile(join(bench.folder, 'data', 'tail-positions.json'), '{"files": 3')
    await bench.restart()
    await bench.turn()
    const saved = JSON.parse(
      await readFile(join(bench.folder, 'data', 'tail-positions.json'), 'utf8'),
    )
    assert.ok(Array.isArray(saved.files))
  }))
