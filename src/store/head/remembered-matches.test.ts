// Asked again and again, an index gives what a look at every label set gives, while series come and go.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { makeSeededRandom } from '../../base/random.ts'
import { makeLabels } from '../../model/labels.ts'
import { makeMatcher, matchesAll } from '../../model/matcher.ts'
import { SeriesIndex } from './series-index.ts'

const selectors = [
  [makeMatcher('__name__', '=', 'm1')],
  [makeMatcher('__name__', '=', 'm1'), makeMatcher('host', '=', 'h3')],
  [makeMatcher('__name__', '=~', 'm1|m2'), makeMatcher('zone', '!=', 'z1')],
  [makeMatcher('host', '=~', 'h[1-4].*')],
  [makeMatcher('__name__', '=', 'm3'), makeMatcher('zone', '=', '')],
  [makeMatcher('host', '=', 'nobody')],
]

for (let seed = 1; seed <= 8; seed++) {
  test(`remembered answers are those of a new look (seed ${seed})`, () => {
    const random = makeSeededRandom(seed)
    const index = new SeriesIndex()
    const pick = (count: number): number => Math.floor(random() * count)
    const live = new Set<number>()
    const addOne = (hostCount: number): void => {
      const zone: Record<string, string> = random() < 0.5 ? { zone: `z${pick(3)}` } : {}
      const labels = makeLabels({ __name__: `m${pick(4)}`, host: `h${pick(hostCount)}`, ...zone })
      if (index.find(labels) < 0) live.add(index.add(labels))
    }
    for (let step = 0; step < 120; step++) {
      const dice = random()
      // More series than the index remembers to have come, now and then.
      const count = dice < 0.02 ? 12_000 : dice < 0.6 ? pick(5) : 0
      for (let one = 0; one < count; one++) addOne(count > 100 ? 9_000 : 40)
      if (dice > 0.93 && live.size > 0) {
        const gone = [...live].filter(() => random() < 0.2)
        for (const id of gone) live.delete(id)
        index.remove(gone)
      }
      for (const matchers of selectors) {
        if (random() < 0.3) continue
        const expected = [...live]
          .filter((id) => matchesAll(matchers, index.makeLabelsOf(id)))
          .sort((a, b) => a - b)
        assert.deepEqual([...index.match(matchers)], expected, `step ${step}`)
      }
    }
    assert.ok(live.size > 20)
  })
}
