/** Our own log: what is printed, and that a printer that fails ends nothing. */

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { closeSync, existsSync, openSync } from 'node:fs'
import { test } from 'node:test'

const program = `
import { openLog } from ${JSON.stringify(new URL('./log.ts', import.meta.url).href)}
const log = openLog({ level: 'info', format: process.argv[1] })
for (let line = 0; line < 20_000; line++) log.info({ line }, 'said')
process.stdout.write('still here')
`

function run(format: string, stderr: number | 'pipe') {
  return spawnSync(process.execPath, ['--input-type=module-typescript', '-e', program, format], {
    stdio: ['ignore', 'pipe', stderr],
    encoding: 'utf8',
    maxBuffer: 64 << 20,
  })
}

test('lines are text for people or JSON for machines', () => {
  assert.match(run('text', 'pipe').stderr, /^\d{4}-\S+Z INFO {2}said line=0\n/)
  const json = JSON.parse(run('json', 'pipe').stderr.split('\n')[1]!) as { line: number }
  assert.equal(json.line, 1)
})

test('a full disk behind standard error does not end the process', (t) => {
  if (!existsSync('/dev/full')) return t.skip('there is no /dev/full here')
  for (const format of ['text', 'json']) {
    const full = openSync('/dev/full', 'w')
    const { status, stdout } = run(format, full)
    closeSync(full)
    assert.deepEqual([status, stdout], [0, 'still here'])
  }
})
