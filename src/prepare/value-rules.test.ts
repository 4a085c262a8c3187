/** Rules for values and the selectors they use. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { makeLabels } from '../model/labels.ts'
import { matchesAll } from '../model/matcher.ts'
import { bitsOf, isStaleAt, SampleBatchBuilder } from '../model/sample.ts'
import { parseSelector } from './selector.ts'
import { prepareShape } from './settings.ts'
import { ValueRules } from './value-rules.ts'
import { SeriesNumbers } from './testdata/series-numbers.ts'

test('a selector chooses as in PromQL', () => {
  const isMatch = (text: string, labels: Record<string, string>): boolean =>
    matchesAll(parseSelector(text), makeLabels(labels))
  const shop = { __name__: 'up', job: 'shop', code: '503' }
  assert.equal(isMatch('up', shop), true)
  assert.equal(isMatch('down', shop), false)
  assert.equal(isMatch(' up { job = "shop" , code=~`5..`, } ', shop), true)
  assert.equal(isMatch('up{job!="shop"}', shop), false)
  assert.equal(isMatch('{job="shop",code!~"5"}', shop), true)
  assert.equal(
    isMatch('{"http.requests", "a.b"=\'x"\'}', { __name__: 'http.requests', 'a.b': 'x"' }),
    true,
  )
  for (const text of [
    '',
    '{}',
    '{a=~".*"}',
    'up{',
    'up{job}',
    'up{job="a" b="c"}',
    'up{a=~"("}',
    'up x',
  ]) {
    assert.throws(() => parseSelector(text), SyntaxError, text)
  }
})

test('values outside the bounds are clamped or left out, and stale markers pass', () => {
  const store = new SeriesNumbers()
  const rules = new ValueRules(
    prepareShape.value_rules.parse([
      { match: 'ratio', min: 0, max: 1, action: 'clamp', drop_nan: true },
      { match: '{__name__=~"ratio|heat"}', min: -50, max: 5000 },
    ]),
  )
  const rows = new SampleBatchBuilder()
  const idOf = (name: string): number => store.seriesId(makeLabels({ __name__: name }))
  const add = (name: string, ...values: number[]): void => {
    for (const value of values) rows.add(idOf(name), rows.batch.count, value)
  }
  add('ratio', -1, 0.5, 800, Number.NaN)
  add('heat', -300, 20, Number.NaN, 6000)
  rows.addStale(idOf('ratio'), 8)
  add('other', -300, Number.POSITIVE_INFINITY)
  const done = rules.apply(rows.batch, store)
  const { batch } = rows
  const bits = bitsOf(batch.value)
  const shown: string[] = []
  for (let row = 0; row < batch.count; row++) {
    const name = store.labelsOf(batch.seriesId[row]!).get('__name__')
    shown.push(`${name} ${batch.timeMs[row]} ${isStaleAt(bits, row) ? 'stale' : batch.value[row]}`)
  }
  assert.deepEqual(shown, [
    'ratio 0 0',
    'ratio 1 0.5',
    'ratio 2 1',
    'heat 5 20',
    'heat 6 NaN',
    'ratio 8 stale',
    'other 9 -300',
    'other 10 Infinity',
  ])
  const told = done.map(({ match, reason, action, count }) =>
    [match, reason, action, count].join(' '),
  )
  assert.deepEqual(told, [
    'ratio below-min clamp 1',
    'ratio above-max clamp 1',
    'ratio not-a-number drop 1',
    '{__name__=~"ratio|heat"} below-min drop 1',
    '{__name__=~"ratio|heat"} above-max drop 1',
  ])
  assert.deepEqual(rules.apply(new SampleBatchBuilder().batch, store), [])
})

test('a rule that does nothing or cannot be is refused', () => {
  const refuse = (rule: object, reason: RegExp): void => {
    const result = prepareShape.value_rules.safeParse([rule])
    assert.equal(result.success, false)
    assert.match(JSON.stringify(result.error?.issues), reason)
  }
  refuse({ match: 'a' }, /does nothing/)
  refuse({ match: 'a', min: 2, max: 1 }, /must not be below min/)
  refuse({ match: 'a{', min: 2 }, /not a selector: at character 3/)
})
