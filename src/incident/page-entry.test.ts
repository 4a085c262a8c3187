import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { PageEvent } from '../model/page.ts'
import { makePageEntry } from './page-entry.ts'

function entryOf(change: Partial<PageEvent>) {
  return makePageEntry({
    ...{ id: 'e', pageId: 'p', timeMs: 7, actor: 'ana', action: 'acknowledged' },
    ...{ from: 'firing', to: 'acknowledged', reason: '' },
    ...change,
  })
}

test('who took a page stands in the story of its incident, with what they said', () => {
  assert.deepEqual(entryOf({ reason: 'mine' }), {
    timeMs: 7,
    kind: 'comment',
    code: 'page-acknowledged',
    message: 'ana has it: mine',
    facts: { pageId: 'p', reason: 'mine' },
    actor: 'ana',
  })
  assert.equal(entryOf({})?.message, 'ana has it.')
})

test('what the notifications tell themselves is not told twice', () => {
  for (const action of ['opened', 'step', 'notified', 'failed', 'resolved', 'closed'] as const)
    assert.equal(entryOf({ action }), undefined)
})
