import assert from 'node:assert/strict'
import { test } from 'node:test'
import { addMatcher, selectorText } from './add-matcher.ts'

const job = { name: 'job', operator: '=' as const, value: 'a' }

test('a matcher goes to every selector of the metric, and nowhere else', () => {
  const check = (query: string, expected: string | undefined): void =>
    assert.equal(addMatcher(query, 'up', job), expected, query)
  check('', 'up{job="a"}')
  check('up', 'up{job="a"}')
  check('up{}', 'up{job="a"}')
  check('up{x="}"}', 'up{x="}", job="a"}')
  check(
    'sum by (up2) (rate(up{x="1",}[5m])) / up',
    'sum by (up2) (rate(up{x="1", job="a"}[5m])) / up{job="a"}',
  )
  check('startup + up:rate', undefined)
  check('label_replace(x, "up", "up", "", "")', undefined)
  check('up # up', 'up{job="a"} # up')
  check('up{job="a"}', 'up{job="a"}')
})

test('values are escaped and unusual names quoted', () => {
  const odd = { name: 'http.status', operator: '!=' as const, value: 'a"b\\' }
  assert.equal(addMatcher('up', 'up', odd), 'up{"http.status"!="a\\"b\\\\"}')
  assert.equal(selectorText('my.metric', [job]), '{"my.metric", job="a"}')
  assert.equal(selectorText('', [job]), '{job="a"}')
  assert.equal(selectorText('up'), 'up')
})
