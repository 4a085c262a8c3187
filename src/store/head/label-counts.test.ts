// Sections: the whole store and a selection give the same numbers; many askers.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { makeLabels } from '../../model/labels.ts'
import { makeMatcher } from '../../model/matcher.ts'
import { LabelCensus } from './label-counts.ts'
import { SeriesIndex } from './series-index.ts'

function makeIndex(): SeriesIndex {
  const index = new SeriesIndex()
  for (let user = 0; user < 50; user++)
    index.add(makeLabels({ __name__: 'clicks_total', user: `u${user}`, page: `p${user % 2}` }))
  for (const page of ['p0', 'é']) index.add(makeLabels({ __name__: 'views_total', page }))
  return index
}

test('labels are told with values, series and bytes, the one with the most values first', async () => {
  const all = await new LabelCensus(makeIndex()).count({ matchers: [], limit: 3 })
  assert.equal(all.seriesCount, 52)
  assert.equal(all.pairCount, 55)
  assert.equal(all.isCut, false)
  assert.deepEqual(
    all.labels.map(({ name, seriesCount, valueCount, valueBytes }) => [
      name,
      seriesCount,
      valueCount,
      valueBytes,
    ]),
    [
      ['user', 50, 50, 140],
      ['page', 52, 3, 6],
      ['__name__', 52, 2, 23],
    ],
  )
  assert.deepEqual(all.metrics, [
    { text: 'clicks_total', seriesCount: 50 },
    { text: 'views_total', seriesCount: 2 },
  ])
  assert.deepEqual(all.pairs, [
    { text: '__name__=clicks_total', seriesCount: 50 },
    { text: 'page=p0', seriesCount: 26 },
    { text: 'page=p1', seriesCount: 25 },
  ])
  assert.equal(all.labels[0]!.values.length, 20)
})

test('a selection is counted by its series and agrees with the whole', async () => {
  const census = new LabelCensus(makeIndex())
  const everything = [makeMatcher('__name__', '=~', '.+')]
  assert.deepEqual(
    await census.count({ matchers: everything, limit: 100 }),
    await census.count({ matchers: [], limit: 100 }),
  )
  const views = [makeMatcher('__name__', '=', 'views_total')]
  const some = await census.count({ matchers: views, limit: 100 })
  assert.equal(some.seriesCount, 2)
  assert.deepEqual(
    some.labels.map(({ name, valueCount }) => [name, valueCount]),
    [
      ['page', 2],
      ['__name__', 1],
    ],
  )
})

test('the same question of many is answered by one count, others wait for their turn', async () => {
  const census = new LabelCensus(makeIndex())
  const one = census.count({ matchers: [], limit: 10 })
  assert.equal(census.count({ matchers: [], limit: 10 }), one)
  assert.notEqual(census.count({ matchers: [], limit: 5 }), one)
  const selection = census.count({ matchers: [makeMatcher('page', '=', 'p1')], limit: 10 })
  assert.equal((await selection).seriesCount, 25)
  assert.notEqual(census.count({ matchers: [], limit: 10 }), one, 'a new one after the first ended')
})
