import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Format, thinSpace } from './format.ts'

const format = new Format({
  language: 'en',
  timeZone: 'UTC',
  words: { second: 's', minute: 'min', hour: 'h', day: 'd' },
})
const plain = (text: string): string => text.replaceAll(thinSpace, ' ').replaceAll('\u00a0', ' ')

test('values carry the unit that suits their size', () => {
  const cases: [number, Parameters<Format['value']>[1], string][] = [
    [0.0836, 'ratio', '8.36 %'],
    [1, 'ratio', '100 %'],
    [0.0123, 'seconds', '12.3 ms'],
    [0, 'seconds', '0 s'],
    [90, 'seconds', '90 s'],
    [600, 'seconds', '10 min'],
    [1536, 'bytes', '1.5 KiB'],
    [3 * 2 ** 30, 'bytes', '3 GiB'],
    [1_234_567, 'count', '1.23 M'],
    [999.99, 'count', '1 k'],
    [42, 'per-second', '42 /s'],
    [1500, 'per-second', '1.5 k/s'],
    [Number.POSITIVE_INFINITY, 'count', '∞'],
    [Number.NaN, 'count', '–'],
  ]
  for (const [value, unit, text] of cases) assert.equal(plain(format.value(value, unit)), text)
})

test('spans use at most two units', () => {
  const cases: [number, string][] = [
    [0, '0 s'],
    [12_000, '12 s'],
    [61_000, '1 min 1 s'],
    [14 * 60_000, '14 min'],
    [3_600_000, '1 h'],
    [76 * 3_600_000, '3 d 4 h'],
  ]
  for (const [spanMs, text] of cases) assert.equal(plain(format.span(spanMs)), text)
})

test('times are 24-hour and dates ISO, in the zone asked for', () => {
  const timeMs = Date.UTC(2026, 10, 20, 0, 7, 3)
  assert.equal(format.dateTime(timeMs), '2026-11-20 00:07:03')
  const shanghai = new Format({
    language: 'zh-CN',
    timeZone: 'Asia/Shanghai',
    words: { second: '秒', minute: '分钟', hour: '小时', day: '天' },
  })
  assert.equal(shanghai.dateTime(timeMs), '2026-11-20 08:07:03')
  assert.equal(plain(shanghai.span(61_000)), '1 分钟 1 秒')
})

test('a time of another day carries its date', () => {
  const timeMs = Date.UTC(2026, 10, 20, 12, 0, 0)
  assert.equal(format.near(timeMs, timeMs + 1000), '12:00:00')
  assert.equal(format.near(timeMs, timeMs + 86_400_000), '11-20 12:00')
})
