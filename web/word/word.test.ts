import assert from 'node:assert/strict'
import { test } from 'node:test'
import { en as enFirst } from './en.ts'
import { enPages } from './en-pages.ts'
import { zhCn as zhCnFirst } from './zh-CN.ts'
import { zhCnPages } from './zh-CN-pages.ts'

const en = { ...enFirst, ...enPages }
const zhCn = { ...zhCnFirst, ...zhCnPages }

type Leaf = { path: string; value: unknown }

function leaves(value: unknown, path = ''): Leaf[] {
  if (value === null || typeof value !== 'object') return [{ path, value }]
  return Object.entries(value).flatMap(([key, inner]) => leaves(inner, `${path}.${key}`))
}

/** Maps by code are filled only where the server's own English sentence is not enough. */
const isByCode = (path: string): boolean => /^\.(story|evidence|decision)\./.test(path)

test('both languages have the same keys', () => {
  const keys = (words: unknown): string[] =>
    leaves(words)
      .map((leaf) => leaf.path)
      .filter((path) => !isByCode(path))
      .sort()
  assert.deepEqual(keys(zhCn), keys(en))
})

test('no word is empty, and no Chinese word was left in English', () => {
  for (const { path, value } of leaves(zhCn)) {
    if (typeof value !== 'string') continue
    assert.notEqual(value.trim(), '', path)
    const isTechnical = /^\.(language|now\.figures\.cpu|command\.language)/.test(path)
    if (!isTechnical) assert.match(value, /[\u3000-\u9fff\uff00-\uffef]/, `${path}: ${value}`)
  }
})

test('functions of both languages read the same values', () => {
  const others = new Map(leaves(zhCn).map((leaf) => [leaf.path, leaf.value]))
  for (const { path, value } of leaves(en)) {
    if (typeof value !== 'function') continue
    const read = (words: unknown): Set<string> => {
      const seen = new Set<string>()
      // What is read can be counted with as well as listed.
      const probe = new Proxy(
        {},
        {
          get: (_t, name) =>
            Object.assign(new Number(seen.add(String(name)).size), {
              length: 1,
              [Symbol.iterator]: () => ['x'][Symbol.iterator](),
            }),
        },
      )
      ;(words as (v: unknown) => string)(probe)
      return seen
    }
    const missing = [...read(value)].filter((name) => !read(others.get(path)).has(name))
    assert.deepEqual(missing, [], `${path} does not say all in Chinese`)
  }
})

test('counts choose the right plural', () => {
  assert.equal(en.now.cpuCount({ count: 1 }), '1 CPU')
  assert.equal(en.now.cpuCount({ count: 1200 }), '1,200 CPUs')
  assert.equal(
    en.now.verdict({ incidents: 2, needing: 1, firing: 3, well: 40, services: 41, down: 0, up: 3 }),
    '2 incidents, 1 needs you. 40 of 41 services well.',
  )
  assert.equal(
    en.alert.verdict({ firing: 7, held: 12, reasons: ['9 silenced', '3 inhibited'] }),
    '7 alerts fire, 12 are held: 9 silenced and 3 inhibited.',
  )
})
