import assert from 'node:assert/strict'
import { test } from 'node:test'
import { lanePieces } from './lanes.ts'

const grid = { timesMs: [100, 200, 300, 400, 500], stepMs: 100 }

test('equal neighbours become one piece, and the worst of several alerts counts', () => {
  const pieces = lanePieces(
    grid,
    [
      { severity: 'warning', values: [null, 1, 1, null, null] },
      { severity: 'critical', values: [null, null, 1, null, null] },
    ],
    [1, 1, 1, 1, 1],
  )
  assert.deepEqual(pieces, [
    { fromTimeMs: 0, toTimeMs: 100, health: 'ok' },
    { fromTimeMs: 100, toTimeMs: 200, health: 'warning' },
    { fromTimeMs: 200, toTimeMs: 300, health: 'critical' },
    { fromTimeMs: 300, toTimeMs: 500, health: 'ok' },
  ])
})

test('where nothing was collected the lane is unknown, not healthy', () => {
  const pieces = lanePieces(grid, [], [null, null, 1, 1, null])
  assert.deepEqual(
    pieces.map((piece) => piece.health),
    ['unknown', 'ok', 'unknown'],
  )
})
