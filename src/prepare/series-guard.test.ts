/** The limit of series per source: who passes, who does not, and which label is to blame. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Labels, makeLabels } from '../model/labels.ts'
import { SeriesGuard } from './series-guard.ts'
import { SeriesNumbers } from './testdata/series-numbers.ts'

const series = (more: Record<string, string>): Labels => makeLabels({ __name__: 'm', ...more })

test('beyond the limit new series are refused and known ones pass', () => {
  const store = new SeriesNumbers()
  const known = store.seriesId(series({ a: 'of another source' }))
  const guard = new SeriesGuard(store, 2)
  const first = guard.admit(series({ a: '1' }))
  assert.equal(guard.admit(series({ a: '1' })), first)
  assert.notEqual(guard.admit(series({ a: '2' })), undefined)
  assert.equal(guard.count, 2)
  assert.equal(guard.explain(), undefined)
  assert.equal(guard.admit(series({ a: '3' })), undefined)
  assert.equal(guard.admit(series({ a: '1' })), first)
  assert.equal(guard.admit(series({ a: 'of another source' })), known)
  assert.equal(store.count, 3)
})

test('the label that explodes is named, with its metric', () => {
  const store = new SeriesNumbers()
  const guard = new SeriesGuard(store, 1)
  guard.admit(series({}))
  guard.admit(makeLabels({ __name__: 'other', path: '/' }))
  assert.match(guard.explain()!, /^more than 1 series, .*, most of other$/)
  for (let index = 0; index < 50; index++) {
    guard.admit(series({ path: `/${index % 5}`, request: String(index), __proto__x: 'y' }))
  }
  assert.match(
    guard.explain()!,
    /the label request has 50 values among them, such as "0", "1", "2", most of m$/,
  )
  for (let index = 0; index < 2000; index++) guard.admit(series({ request: `r${index}` }))
  assert.match(guard.explain()!, /the label request has 1000 or more values/)
})

test('a higher limit lets series in, and 0 lets all in', () => {
  const guard = new SeriesGuard(new SeriesNumbers(), 1)
  guard.admit(series({ a: '1' }))
  assert.equal(guard.admit(series({ a: '2' })), undefined)
  guard.reload(2)
  assert.equal(guard.explain(), undefined)
  assert.notEqual(guard.admit(series({ a: '2' })), undefined)
  assert.equal(guard.admit(series({ a: '3' })), undefined)
  guard.reload(0)
  assert.notEqual(guard.admit(series({ a: '3' })), undefined)
})

test('when the store takes numbers back, counting begins anew', () => {
  const store = new SeriesNumbers()
  const guard = new SeriesGuard(store, 40)
  for (let index = 0; index < 40; index++) guard.admit(series({ a: String(index) }))
  assert.equal(guard.admit(series({ a: '40' })), undefined)
  store.seriesEpoch++
  assert.equal(guard.count, 0)
  assert.notEqual(guard.admit(series({ a: '40' })), undefined)
  assert.equal(guard.count, 1)
})

test('a source stands against its limit, and its labels are counted', () => {
  const store = new SeriesNumbers()
  const guard = new SeriesGuard(store, 100)
  for (let index = 0; index < 100; index++) {
    guard.admit(series({ id: String(index), zone: `z${index % 3}`, job: 'a' }))
  }
  store.seriesId(series({ id: 'of another source' }))
  assert.equal(guard.describe().message, '')
  guard.admit(series({ id: '100' }))
  guard.admit(series({ id: '101' }))
  const { message, ...figures } = guard.describe()
  assert.deepEqual(figures, { seriesCount: 100, seriesCountMax: 100, refusedCount: 2 })
  assert.match(message, /the label id has 2 values/)
  const census = guard.takeCensus((id) => store.labelsOf(id))
  assert.equal(census.examinedCount, 100)
  assert.deepEqual(census.metrics, [{ name: 'm', seriesCount: 100 }])
  assert.deepEqual(census.labels, [
    { name: 'id', valueCount: 100, examples: ['0', '1', '2', '3', '4'] },
    { name: 'zone', valueCount: 3, examples: ['z0', 'z1', 'z2'] },
    { name: 'job', valueCount: 1, examples: ['a'] },
  ])
})

test('of very many series a census looks at an even choice', () => {
  const store = new SeriesNumbers()
  const guard = new SeriesGuard(store, 0)
  for (let index = 0; index < 50_000; index++) guard.admit(series({ id: String(index) }))
  const census = guard.takeCensus((id) => store.labelsOf(id))
  assert.equal(census.seriesCount, 50_000)
  assert.equal(census.examinedCount, 16_667)
  assert.equal(census.labels[0]?.valueCount, 16_667)
})
