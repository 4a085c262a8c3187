import assert from 'node:assert/strict'
import { test } from 'node:test'
import { areSame, moveQuery, readQueries, writeQueries } from './query-state.ts'

const query = (expression: string, legend = '', isHidden = false) => ({
  expression,
  legend,
  isHidden,
})

test('what is written into the address is read back', () => {
  const queries = [query('up', '{{job}}'), query('a + b', '', true), query('c')]
  const written = writeQueries(queries)
  assert.equal(written['hide'], '1')
  const search = Object.fromEntries(
    Object.entries(written).filter((entry): entry is [string, string] => entry[1] !== undefined),
  )
  assert.deepEqual(search, { q: 'up', l: '{{job}}', q1: 'a + b', q2: 'c', hide: '1' })
  assert.ok(areSame(readQueries(search), queries))
})

test('empty queries are left out, and links of Prometheus are read', () => {
  assert.deepEqual(writeQueries([query(' '), query('up')])['q'], 'up')
  assert.deepEqual(readQueries({ 'g0.expr': 'up', 'g1.expr': 'down' }), [
    query('up'),
    query('down'),
  ])
})

test('a query is moved by a place', () => {
  const queries = [query('a'), query('b'), query('c')]
  const names = (list: { expression: string }[]) => list.map((one) => one.expression).join('')
  assert.equal(names(moveQuery(queries, 2, -1)), 'acb')
  assert.equal(names(moveQuery(queries, 0, 1)), 'bac')
})
