/** Label sets: identity, fingerprints with golden vectors, order, hostile names. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compareLabels, emptyLabels, labelsFromPairs, makeLabels } from './labels.ts'
import { makeMatcher, matchesAll } from './matcher.ts'
import { bitsOf, isStaleAt, SampleBatchBuilder } from './sample.ts'

test('fingerprints are those of Alertmanager', () => {
  assert.equal(emptyLabels.fingerprint(), 'cbf29ce484222325')
  assert.equal(makeLabels({ alertname: 'test1' }).fingerprint(), '5ae90ff6f82ebe6b')
  assert.equal(
    makeLabels({
      alertname: 'InstanceDown',
      instance: 'localhost:9090',
      job: 'prometheus',
    }).fingerprint(),
    'b263407b9809ae48',
  )
})

test('a set is sorted, without empty values, and the last of equal names counts', () => {
  const labels = labelsFromPairs(['b', '2', 'a', '1', 'b', '3', 'c', ''])
  assert.deepEqual(labels.pairs, ['a', '1', 'b', '3'])
  assert.deepEqual(labels.with('aa', 'x').pairs, ['a', '1', 'aa', 'x', 'b', '3'])
  assert.deepEqual(labels.with('b', '').pairs, ['a', '1'])
  assert.deepEqual(labels.with('z', '9').pairs, ['a', '1', 'b', '3', 'z', '9'])
  assert.equal(makeLabels({ __name__: 'up', job: 'x"y' }).toString(), 'up{job="x\\"y"}')
})

test('hostile names are plain data', () => {
  const labels = labelsFromPairs(['__proto__', 'evil', 'constructor', 'x', '__name__', 'm'])
  assert.equal(labels.get('__proto__'), 'evil')
  assert.equal(labels.get('toString'), '')
  assert.equal(Object.getPrototypeOf(labels.toObject()), null)
  assert.equal(JSON.stringify(labels), '{"__name__":"m","__proto__":"evil","constructor":"x"}')
})

test('sets are ordered name by name and value by value', () => {
  const sets = [
    makeLabels({ b: '1' }),
    makeLabels({ a: '2' }),
    makeLabels({ a: '1', c: '1' }),
    makeLabels({ a: '1' }),
  ]
  assert.deepEqual(sets.sort(compareLabels).map(String), [
    '{a="1"}',
    '{a="1", c="1"}',
    '{a="2"}',
    '{b="1"}',
  ])
})

test('a missing label matches as the empty string', () => {
  const labels = makeLabels({ job: 'app' })
  assert.equal(
    matchesAll([makeMatcher('job', '=~', 'a.*'), makeMatcher('none', '=', '')], labels),
    true,
  )
  assert.equal(matchesAll([makeMatcher('none', '!~', '')], labels), false)
})

test('the stale marker is told from other NaNs and survives growth', () => {
  const builder = new SampleBatchBuilder(1)
  builder.addStale(1, 5)
  for (let index = 0; index < 10; index++) builder.add(2, index, Number.NaN)
  const bits = bitsOf(builder.batch.value)
  assert.equal(isStaleAt(bits, 0), true)
  assert.equal(isStaleAt(bits, 5), false)
  assert.equal(builder.batch.count, 11)
})
