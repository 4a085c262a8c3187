/** Native blocks: what is written is read; answers that are cut off or strange are refused. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readNative, writeNative } from './native.ts'

test('blocks of every type are read as written, behind each other', () => {
  const texts = ['', '✓'.repeat(100), 'x'.repeat(20_000)]
  const block = writeNative(3, [
    { name: 'a', type: 'UInt8', values: Uint8Array.of(0, 1, 255) },
    { name: 'b', type: 'Int32', values: Int32Array.of(-1, 0, 1) },
    { name: 'c', type: 'UInt64', values: Uint32Array.of(1, 2, 3, 4, 5, 6, 7, 8) },
    { name: 'd', type: 'Int64', values: BigInt64Array.of(-1n, 0n, 2n ** 62n, 5n) },
    { name: 'e', type: 'Float64', values: Float64Array.of(-0, Number.NaN, 1e300) },
    { name: 'f', type: 'String', values: texts },
    { name: 'g', type: 'Array(String)', values: [[], ['a', ''], texts] },
  ])
  const [first, second, ...rest] = readNative(Buffer.concat([block, block]))
  assert.deepEqual(rest, [])
  assert.deepEqual(first, second)
  assert.deepEqual(first!.columns, [
    Uint8Array.of(0, 1, 255),
    Int32Array.of(-1, 0, 1),
    BigUint64Array.of(0x2_0000_0001n, 0x4_0000_0003n, 0x6_0000_0005n),
    BigInt64Array.of(-1n, 0n, 2n ** 62n),
    Float64Array.of(-0, Number.NaN, 1e300),
    texts,
    [[], ['a', ''], texts],
  ])
  assert.deepEqual(readNative(Buffer.alloc(0)), [])
})

test('an answer that is cut off or of an unknown type is refused with a code', () => {
  const block = writeNative(1, [{ name: 'a', type: 'String', values: ['text'] }])
  const strange = Buffer.from(block.toString('latin1').replace('String', 'Strong'), 'latin1')
  assert.throws(() => readNative(strange), { code: 'STORE_ENGINE_QUERY_FAILED' })
  const fixed = writeNative(2, [{ name: 'a', type: 'Int64', values: BigInt64Array.of(1n, 2n) }])
  for (const whole of [block, fixed]) {
    for (let size = 1; size < whole.length; size++) {
      assert.throws(() => readNative(whole.subarray(0, size)), {
        code: 'STORE_ENGINE_QUERY_FAILED',
      })
    }
  }
})
