/** Windows of samples: what is packed is unpacked, bit for bit; the cache keeps what it may and no more. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bitsOf, isStaleAt, setStaleAt } from '../../model/sample.ts'
import {
  type HashedColumns,
  packWindow,
  placesOf,
  type SampleWindow,
  unpackPlace,
  WindowCache,
  windowMs,
} from './window-cache.ts'

function makeSeries(hash: bigint, times: number[]): HashedColumns[number] {
  const timeMs = Float64Array.from(times)
  return [hash, { count: times.length, timeMs, value: timeMs.map((time) => time / 7) }]
}

function unpack(window: SampleWindow, hash: bigint): number[][] {
  const place = placesOf(window, new Map([[hash, 0]]))[0]!
  if (place < 0) return []
  const out = { timeMs: new Float64Array(50), value: new Float64Array(50), at: 0 }
  unpackPlace(window, place, out)
  return Array.from({ length: out.at }, (_, row) => [out.timeMs[row]!, out.value[row]!])
}

test('series cut into windows come back whole, long gaps and stale markers included', () => {
  const even = makeSeries(1n, [0, 15_000, 30_001, windowMs - 1, windowMs, 2 * windowMs + 5])
  const late = makeSeries(2n, [windowMs + 100_000, windowMs + 100_001])
  setStaleAt(bitsOf(late[1].value), 1)
  const series = [even, late]
  const from = new Uint32Array(series.length)
  const windows = [1, 2, 3].map((end) => packWindow(series, from, end * windowMs))
  assert.deepEqual([...from], [6, 2])
  const rowsOf = (hash: bigint) => windows.map((window) => unpack(window, hash).length)
  assert.deepEqual(rowsOf(1n), [4, 1, 1])
  assert.deepEqual(rowsOf(2n), [0, 2, 0])
  assert.deepEqual(
    windows.flatMap((window) => unpack(window, 1n)),
    Array.from(even[1].timeMs, (time) => [time, time / 7]),
  )
  assert.ok(windows[0]!.distances instanceof Uint32Array, 'a gap of an hour needs 32 bits')
  assert.ok(windows[1]!.distances instanceof Uint16Array)
  assert.ok(isStaleAt(bitsOf(windows[1]!.values), 2))
})

test('a window is answered only as far as it is whole, and not after rows were removed', () => {
  const cache = new WindowCache(() => 1_000_000)
  const half = packWindow([makeSeries(1n, [5])], new Uint32Array(1), windowMs / 2)
  cache.keep('a', half, 0)
  assert.equal(cache.find('a', windowMs / 2, 0), half)
  assert.equal(cache.find('a', windowMs, 0), undefined)
  assert.equal(cache.find('b', 1, 0), undefined)
  assert.equal(cache.find('a', 1, 1), undefined, 'rows were removed meanwhile')
  cache.keep('a', half, 0)
  assert.equal(cache.find('a', 1, 1), undefined, 'it was read before the removal')
})

test('what was not used for longest leaves first when the limit is reached', () => {
  const make = () => packWindow([makeSeries(1n, [5, 6, 7])], new Uint32Array(1), windowMs)
  const { bytes } = make()
  let bytesMax = 2 * bytes
  const cache = new WindowCache(() => bytesMax)
  cache.keep('a', make(), 0)
  cache.keep('b', make(), 0)
  cache.find('a', windowMs, 0)
  cache.keep('c', make(), 0)
  const isKept = (key: string) => cache.find(key, windowMs, 0) !== undefined
  assert.deepEqual(['a', 'b', 'c'].map(isKept), [true, false, true])
  bytesMax = bytes - 1
  cache.keep('d', make(), 0)
  assert.equal(isKept('d'), false, 'larger than the whole cache')
})
