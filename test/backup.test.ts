/** A backup of the running product, by its command, restored by its command, answers the same. */

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { after, test } from 'node:test'
import { promisify } from 'node:util'
import { type Served, startServe } from './support/serve.ts'

const run = promisify(execFile)
const root = resolve(import.meta.dirname, '..')
const directory = mkdtempSync(join(tmpdir(), 'shipwatch-backup-command-'))
const running: Served[] = []
after(async () => {
  for (const served of running) await served.stop()
  rmSync(directory, { recursive: true, force: true })
})

function shipwatch(...words: string[]) {
  return run(process.execPath, ['src/main.ts', ...words], { cwd: root })
}

interface Answer {
  data: { result: unknown[] }
}

async function ask(served: Served, path: string): Promise<Answer> {
  const reply = await fetch(served.base + path, {
    headers: { authorization: `Bearer ${served.token()}` },
  })
  assert.equal(reply.status, 200, path)
  return (await reply.json()) as Answer
}

test('shipwatch backup and restore carry samples, lines, silences and tokens to a new directory', async () => {
  const config = 'rule_files: []\n'
  const served = await startServe({ config })
  running.push(served)
  const headers = { authorization: `Bearer ${served.token()}` }
  const nowMs = Date.now()
  const page = Array.from(
    { length: 100 },
    (_, index) => `m{n="${index}"} ${index} ${nowMs - 60_000}`,
  )
  const post = async (path: string, body: string, type = 'application/json'): Promise<void> => {
    const reply = await fetch(served.base + path, {
      method: 'POST',
      headers: { ...headers, 'content-type': type },
      body,
    })
    assert.ok(reply.ok, `${path}: ${reply.status} ${await reply.text()}`)
  }
  await post('/api/v1/import/prometheus', `${page.join('\n')}\n`, 'text/plain')
  await post('/-/flush', '')
  await post('/api/v1/import/prometheus', `late 7 ${nowMs - 30_000}\n`, 'text/plain')
  const line = [String(BigInt(nowMs) * 1_000_000n), 'a line to keep']
  await post(
    '/loki/api/v1/push',
    JSON.stringify({ streams: [{ stream: { app: 'shop' }, values: [line] }] }),
  )
  await post('/api/shipwatch/v1/tokens', JSON.stringify({ name: 'pipeline', scope: 'ingest' }))

  const target = join(directory, 'saved.tar')
  const options = ['--url', served.base, '--token', served.token()]
  const saved = await shipwatch('backup', target, ...options)
  assert.match(saved.stdout, /^Saved and checked .*saved\.tar: [\d.]+ [KM]iB, \d+ files\.\n$/)
  await assert.rejects(shipwatch('backup', target, ...options), /exists; it is not overwritten/)
  await shipwatch('backup', directory, ...options)
  assert.equal(readdirSync(directory).filter((name) => /^shipwatch-.*Z\.tar$/.test(name)).length, 1)

  const questions = [
    `/api/v1/query?query=sum(m)&time=${nowMs / 1_000}`,
    `/api/v1/query?query=late&time=${nowMs / 1_000}`,
    `/loki/api/v1/query_range?query=${encodeURIComponent('{app="shop"}')}&start=${nowMs - 60_000}000000&end=${nowMs + 60_000}000000`,
  ]
  const before: Answer[] = []
  for (const question of questions) before.push(await ask(served, question))
  const dataDir = join(directory, 'restored')
  const restored = await shipwatch('restore', target, '--data-dir', dataDir)
  assert.match(restored.stdout, /^Restored \d+ files/)
  await assert.rejects(shipwatch('restore', target, '--data-dir', dataDir), /is not empty/)

  const second = await startServe({ config, dataDir })
  running.push(second)
  for (const [index, question] of questions.entries()) {
    const { data } = await ask(second, question)
    const { result }: Answer['data'] = before[index]!.data
    assert.ok(result.length > 0, question)
    assert.deepEqual(data.result, result, question)
  }
  const settings = JSON.stringify(await ask(second, '/api/shipwatch/v1/settings'))
  assert.match(settings, /"name":"pipeline"/)
})

test('only an administrator takes a backup', async () => {
  const served = running[0]!
  const headers = { authorization: `Bearer ${served.token()}`, 'content-type': 'application/json' }
  const made = await fetch(`${served.base}/api/shipwatch/v1/tokens`, {
    method: 'POST',
    headers,
    body: JSON.stringify({ name: 'reader', scope: 'read' }),
  })
  const { token } = (await made.json()) as { token: string }
  for (const authorization of ['', `Bearer ${token}`]) {
    const reply = await fetch(`${served.base}/api/shipwatch/v1/backup`, {
      method: 'POST',
      headers: { authorization },
    })
    assert.ok([401, 403].includes(reply.status), String(reply.status))
    await reply.body?.cancel()
  }
})
