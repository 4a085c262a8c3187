import assert from 'node:assert/strict'
import { test } from 'node:test'
import { makeLabels } from '../../model/labels.ts'
import { mergeTargetLabels } from './series-labels.ts'

function merge(
  scraped: Record<string, string>,
  target: Record<string, string>,
  isHonored = false,
): string {
  const merged = mergeTargetLabels(makeLabels(scraped), makeLabels(target), isHonored)
  assert.equal(merged.key, makeLabels(merged.toObject()).key, 'sorted, each name once')
  return String(merged)
}

const target = { instance: 'a:1', job: 'b', zone: 'c' }

test('labels of target and sample stand together, in order', () => {
  assert.equal(merge({ __name__: 'x' }, target), 'x{instance="a:1", job="b", zone="c"}')
  assert.equal(
    merge({ __name__: 'x', a: '1', instance2: '2', k: '3', zz: '4' }, target),
    'x{a="1", instance="a:1", instance2="2", job="b", k="3", zone="c", zz="4"}',
  )
  assert.equal(merge({ __name__: 'x', a: '1' }, {}), 'x{a="1"}')
  assert.equal(
    merge({ __name__: 'x', A: '1', _: '2', é: '3' }, { B: '4' }),
    'x{A="1", B="4", _="2", "é"="3"}',
  )
})

test("of a name that both have, the target's counts unless the sample's is honoured", () => {
  assert.equal(
    merge({ __name__: 'x', job: 'own', a: '1' }, target),
    'x{a="1", exported_job="own", instance="a:1", job="b", zone="c"}',
  )
  assert.equal(
    merge({ __name__: 'x', job: 'own', exported_job: 'older' }, target),
    'x{exported_exported_job="own", exported_job="older", instance="a:1", job="b", zone="c"}',
  )
  assert.equal(
    merge({ __name__: 'x', job: 'own' }, target, true),
    'x{instance="a:1", job="own", zone="c"}',
  )
})
