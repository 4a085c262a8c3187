/** Alerts find their pages, and groups their names. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { PageView } from '../../../src/api/on-call.ts'
import { groupByLabel, pagesByAlert, unansweredPages } from './page-of-alert.ts'

function page(id: string, part: Partial<PageView>): PageView {
  return { id, openedTimeMs: 0, alerts: [], state: 'firing', ...part } as PageView
}

test('an alert on two pages belongs to the newer one', () => {
  const old = page('old', { openedTimeMs: 1, alerts: ['a', 'b'] })
  const recent = page('new', { openedTimeMs: 2, alerts: ['a'] })
  const pages = pagesByAlert([recent, old])
  assert.equal(pages.get('a')?.id, 'new')
  assert.equal(pages.get('b')?.id, 'old')
})

test('pages that somebody has are not acknowledged again, and each counts once', () => {
  const pages = pagesByAlert([
    page('1', { alerts: ['a', 'b'], state: 'escalated' }),
    page('2', { alerts: ['c'], state: 'acknowledged' }),
  ])
  const found = unansweredPages(['a', 'b', 'c', 'd'], pages)
  assert.deepEqual(
    found.map(({ id }) => id),
    ['1'],
  )
})

test('groups bear the values of the label, alerts without it one of their own', () => {
  const alerts = [{ labels: { service: 'b' } }, { labels: {} }, { labels: { service: 'a' } }]
  assert.deepEqual(
    groupByLabel(alerts, 'service').map(({ value }) => value),
    ['', 'a', 'b'],
  )
  assert.equal(groupByLabel(alerts, '').length, 1)
})
