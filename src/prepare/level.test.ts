/** The level of a line: one case per line of the table. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { logLevels } from '../model/log-line.ts'
import { findLevel, parseLevel } from './level.ts'

function check(line: string, level: string): void {
  assert.equal(logLevels[findLevel(line)], level, line)
}

test('the level is found in the forms that programs write', () => {
  check('{"level":"error","msg":"x"}', 'error')
  check('{"msg":"no error here","level": "info"}', 'info')
  check('{"severity":"WARNING"}', 'warn')
  check('{"level":50,"time":1}', 'error')
  check('{"level":30,"msg":"ERROR in text"}', 'info')
  check('{"msg":"ERROR in text"}', 'unknown')
  check('ts=1 level=warn msg="disk"', 'warn')
  check('time=x lvl=eror msg=y', 'error')
  check('2026-11-20 10:00:00 [ERROR] boom', 'error')
  check('[2026-11-20T10:00:00Z] [notice] started', 'info')
  check('2026-11-20 10:00:00,123 - app - CRITICAL - gone', 'fatal')
  check('2026-11-20 10:00:00 WARN  c.e.Service: slow', 'warn')
  check('ERROR: relation does not exist', 'error')
  check('error: cannot open', 'error')
  check('E1120 10:00:00.000000       1 controller.go:114] sync failed', 'error')
  check('I1120 10:00:00.000000 1 x.go:1] ERROR looks like', 'info')
  check('W1120 10:00:00.1 7 x.go:1] slow', 'warn')
  check('<11>Nov 20 10:00:00 host app: failed', 'error')
  check('<14>1 2026-11-20T10:00:00Z host app - - - ok', 'info')
  check('Exception in thread "main"', 'unknown')
  check('all is well, errors: 0', 'unknown')
  check('', 'unknown')
  check('terror at the gate', 'unknown')
  check('user says level=', 'unknown')
})

test('words and numbers of labels are understood', () => {
  assert.equal(logLevels[parseLevel('Warning')], 'warn')
  assert.equal(logLevels[parseLevel('60')], 'fatal')
  assert.equal(logLevels[parseLevel('__proto__')], 'unknown')
  assert.equal(logLevels[parseLevel('')], 'unknown')
})

test('a line of a megabyte costs no more than its head', () => {
  const line = `${'x '.repeat(500_000)} level=error`
  const start = performance.now()
  for (let turn = 0; turn < 1000; turn++) findLevel(line)
  assert.ok(performance.now() - start < 1000)
})
