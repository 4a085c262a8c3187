import assert from 'node:assert/strict'
import { test } from 'node:test'
import { findPieces } from './yaml-pieces.ts'

const read = (line: string): string[] =>
  findPieces(line).map(({ from, to, kind }) => `${kind} ${line.slice(from, to)}`)

test('a line is coloured by its keys, texts, numbers and comments', () => {
  assert.deepEqual(read('  - alert: HighLoad # why'), ['label alert', 'comment # why'])
  assert.deepEqual(read("    expr: sum by (job) (rate(x{a='b # c'}[5m])) > 0.5"), [
    'label expr',
    'keyword by',
    "string 'b # c'",
    'number 5m',
    'number 0.5',
  ])
  assert.deepEqual(read('        summary: "7 % of {{ $value }}"'), [
    'label summary',
    'string "7 % of {{ $value }}"',
  ])
  assert.deepEqual(read('http://a.b/c#d'), [])
  assert.deepEqual(read(''), [])
})
