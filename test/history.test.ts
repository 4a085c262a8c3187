/** Sections: import of OpenMetrics, its mistakes by line, deleting series by command and by Prometheus's API, the audit. */

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { after, before, test } from 'node:test'
import { promisify } from 'node:util'
import { type Served, startServe } from './support/serve.ts'

const run = promisify(execFile)
const root = resolve(import.meta.dirname, '..')
const directory = mkdtempSync(join(tmpdir(), 'shipwatch-history-'))
let served: Served
before(async () => {
  served = await startServe({ config: 'rule_files: []\n' })
})
after(async () => {
  await served.stop()
  rmSync(directory, { recursive: true, force: true })
})

/** Runs the program; answers what it printed, and its exit code. */
async function shipwatch(...words: string[]) {
  const options = ['--url', served.base, '--token', served.token()]
  const args = ['src/main.ts', ...words, ...options]
  try {
    const { stdout, stderr } = await run(process.execPath, args, { cwd: root })
    return { code: 0, stdout, stderr }
  } catch (thrown) {
    return thrown as { code: number; stdout: string; stderr: string }
  }
}

function write(name: string, lines: readonly string[]): string {
  const path = join(directory, name)
  writeFileSync(path, lines.map((line) => `${line}\n`).join(''))
  return path
}

async function ask(query: string, timeMs: number): Promise<string[]> {
  const reply = await fetch(
    `${served.base}/api/v1/query?query=${encodeURIComponent(query)}&time=${timeMs / 1_000}`,
    { headers: { authorization: `Bearer ${served.token()}` } },
  )
  const { data } = (await reply.json()) as { data: { result: { value: [number, string] }[] } }
  return data.result.map(({ value }) => value[1])
}

const nowMs = Date.now()
const dayMs = 86_400_000
const startMs = Math.floor((nowMs - 5 * dayMs) / 60_000) * 60_000

test('a file of history is brought in whole, in several requests, and readable at its own times', async () => {
  const lines = ['# TYPE history counter', '# HELP history What was.']
  const stepCount = 1_440
  for (let series = 0; series < 60; series++) {
    for (let step = 0; step < stepCount; step++) {
      const labels = `series="${series}",path="/a/rather/long/path/to/fill/pages"`
      lines.push(`history_total{${labels}} ${step} ${startMs / 1_000 + step * 60}`)
    }
  }
  const path = write('history.om', [...lines, '# EOF'])
  const imported = await shipwatch('import', 'openmetrics', path)
  assert.equal(imported.stdout, '86400 of 86400 samples are in the store.\n', imported.stderr)
  const atMs = startMs + 720 * 60_000
  assert.deepEqual(await ask('count(history_total)', atMs), ['60'])
  assert.deepEqual(await ask('sum(increase(history_total[1h]))', atMs), [String(60 * 60)])
  const again = await shipwatch('import', 'openmetrics', path)
  assert.equal(again.code, 0, again.stderr)
  assert.deepEqual(await ask('sum(count_over_time(history_total[5m]))', atMs), [String(60 * 5)])
})

test('mistakes are told with their line, before anything is sent', async () => {
  const good = Array.from({ length: 10 }, (_, index) => `wrong ${index} ${startMs / 1_000 + index}`)
  const cases: [string[], RegExp][] = [
    [['# TYPE wrong gauge', ...good, 'wrong 1', '# EOF'], /line 12: the sample has no timestamp/],
    [['# TYPE wrong gauge', ...good, 'wrong{ 1 2', '# EOF'], /line 12: /],
    [['# TYPE wrong gauge', ...good], /line 11: the file does not end in "# EOF"/],
    [[], /line 0: the file does not end/],
  ]
  for (const [index, [lines, expected]] of cases.entries()) {
    const { code, stderr } = await shipwatch('import', 'openmetrics', write(`${index}.om`, lines))
    assert.equal(code, 1)
    assert.match(stderr, expected)
  }
  assert.deepEqual(await ask('wrong', startMs + 5_000), [])
})

test('samples older than the retention are told and not kept', async () => {
  const path = write('old.om', [
    '# TYPE old gauge',
    `old 1 ${(nowMs - 20 * dayMs) / 1_000}`,
    `old 2 ${(nowMs - 60_000) / 1_000}`,
    '# EOF',
  ])
  const { code, stdout, stderr } = await shipwatch('import', 'openmetrics', path)
  assert.equal(code, 1)
  assert.match(stdout, /^1 of 2 samples/)
  assert.match(stderr, /too old sample/)
})

test('shipwatch delete series counts, deletes with --yes, and the audit has who and how much', async () => {
  const atMs = startMs + 720 * 60_000
  const counted = await shipwatch('delete', 'series', 'history_total{series=~"1.?"}')
  assert.match(counted.stdout, /^11 series would be touched/)
  assert.deepEqual(await ask('count(history_total)', atMs), ['60'])
  const gone = await shipwatch('delete', 'series', 'history_total{series=~"1.?"}', '--yes')
  assert.match(gone.stdout, /^Deleted: 11 series, \d+ samples in memory, \d+ in the engine\.\n$/)
  assert.deepEqual(await ask('count(history_total)', atMs), ['49'])
  const wrong = await shipwatch('delete', 'series', '{job=~".*"}', '--yes')
  assert.equal(wrong.code, 1)
  assert.match(wrong.stderr, /at least one non-empty matcher/)
  const { stdout } = await shipwatch('delete', 'series', 'history_total', '--end', '-30d')
  assert.match(stdout, /^0 series/)
})

test("Prometheus's own calls delete too, for administrators alone", async () => {
  const call = (path: string, token = served.token()): Promise<Response> =>
    fetch(`${served.base}/api/v1/admin/tsdb/${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}` },
    })
  assert.equal((await call('delete_series?match[]=history_total', 'wrong')).status, 401)
  assert.equal((await call('delete_series')).status, 400)
  const end = (startMs + 600 * 60_000) / 1_000
  const reply = await call(`delete_series?match[]=history_total{series="2"}&end=${end}`)
  assert.equal(reply.status, 204, await reply.text())
  assert.deepEqual(await ask('history_total{series="2"}', startMs + 500 * 60_000), [])
  assert.deepEqual(await ask('history_total{series="2"}', startMs + 700 * 60_000), ['700'])
  assert.equal((await call('clean_tombstones')).status, 204)
  assert.deepEqual(await ask('history_total{series="2"}', startMs + 500 * 60_000), [])
})

test('shipwatch delete logs counts, and deletes with --yes, in memory and engine', async () => {
  const push = async (app: string, line: string): Promise<void> => {
    const values = [[String(BigInt(Date.now() - 1_000) * 1_000_000n), line]]
    const reply = await fetch(`${served.base}/loki/api/v1/push`, {
      method: 'POST',
      headers: { authorization: `Bearer ${served.token()}`, 'content-type': 'application/json' },
      body: JSON.stringify({ streams: [{ stream: { app }, values }] }),
    })
    assert.equal(reply.status, 204)
  }
  const lines = async (): Promise<string[]> => {
    const reply = await fetch(
      `${served.base}/api/shipwatch/v1/logs?query=${encodeURIComponent('{app=~"keep|drop"}')}`,
      { headers: { authorization: `Bearer ${served.token()}` } },
    )
    const view = (await reply.json()) as { lines: { line: string }[] }
    return view.lines.map(({ line }) => line).sort()
  }
  await push('keep', 'keep 1')
  await push('drop', 'drop 1')
  await fetch(`${served.base}/-/flush`, {
    method: 'POST',
    headers: { authorization: `Bearer ${served.token()}` },
  })
  await push('drop', 'drop 2')
  await push('keep', 'keep 2')
  const counted = await shipwatch('delete', 'logs', '{app="drop"}')
  assert.equal(counted.stdout, '2 lines of 1 streams would be deleted; --yes deletes.\n')
  assert.deepEqual(await lines(), ['drop 1', 'drop 2', 'keep 1', 'keep 2'])
  const gone = await shipwatch('delete', 'logs', '{app="drop"}', '--yes')
  assert.equal(gone.stdout, 'Deleted 2 lines of 1 streams.\n', gone.stderr)
  assert.deepEqual(await lines(), ['keep 1', 'keep 2'])
  const labels = await fetch(`${served.base}/loki/api/v1/label/app/values`, {
    headers: { authorization: `Bearer ${served.token()}` },
  })
  const { data } = (await labels.json()) as { data: string[] }
  assert.ok(data.includes('keep') && !data.includes('drop'), String(data))
  await push('drop', 'drop 3')
  await fetch(`${served.base}/-/flush`, {
    method: 'POST',
    headers: { authorization: `Bearer ${served.token()}` },
  })
  assert.deepEqual(await lines(), ['drop 3', 'keep 1', 'keep 2'])
})
