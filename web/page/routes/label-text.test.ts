import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readLabelText, writeLabelText } from './label-text.ts'

test('labels are read with and without quotes, commas and braces', () => {
  for (const text of [
    'severity="page" team=shop',
    '{severity="page", team="shop"}',
    ' severity=page,team=shop ',
  ])
    assert.deepEqual(readLabelText(text), {
      labels: { severity: 'page', team: 'shop' },
      fault: undefined,
    })
  assert.deepEqual(readLabelText('a="x \\"y\\", z" b=').labels, { a: 'x "y", z', b: '' })
  assert.deepEqual(readLabelText(''), { labels: {}, fault: undefined })
})

test('the part that is no label is named, and nothing behind it is guessed', () => {
  assert.deepEqual(readLabelText('a=1 nonsense b=2'), {
    labels: { a: '1' },
    fault: 'nonsense b=2',
  })
  assert.equal(readLabelText('a="open').fault, '"open')
})

test('what is written is read again', () => {
  const labels = { alertname: 'A "b"', path: '/x, y' }
  assert.deepEqual(readLabelText(writeLabelText(labels)).labels, labels)
})
