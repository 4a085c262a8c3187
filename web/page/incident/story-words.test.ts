import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TimelineEntry } from '../../../src/model/incident.ts'
import { en as enFirst } from '../../word/en.ts'
import { enPages } from '../../word/en-pages.ts'
import { Format } from '../../word/format.ts'
import type { Words } from '../../word/words.ts'
import { zhCn as zhCnFirst } from '../../word/zh-CN.ts'
import { zhCnPages } from '../../word/zh-CN-pages.ts'
import { entryText, evidenceText } from './story-words.ts'

const en = { ...enFirst, ...enPages }
const zhCn = { ...zhCnFirst, ...zhCnPages }

const english: Words = en
const formatOf = (words: Words): Format =>
  new Format({ language: words.language.tag, timeZone: 'UTC', words: words.unit })

const entry = (code: string, facts: Record<string, unknown>): TimelineEntry => ({
  id: '1',
  timeMs: 0,
  kind: 'alert-firing',
  code,
  message: 'Alert Down fires.',
  facts,
  actor: '',
})

function said(words: Words, code: string, facts: Record<string, unknown>): string {
  return entryText(entry(code, facts), { words, format: formatOf(words), deployments: [] })
}

test('English readers get the sentence of the server', () => {
  assert.equal(
    said(english, 'alert-firing', { labels: { alertname: 'Down' } }),
    'Alert Down fires.',
  )
})

test('Chinese readers get their own sentence, filled from the facts', () => {
  assert.equal(said(zhCn, 'alert-firing', { labels: { alertname: 'Down' } }), '告警 Down 触发。')
})

test('an unknown code and a missing fact fall back to the server’s words, never to a hole', () => {
  assert.equal(said(zhCn, 'something-new', {}), 'Alert Down fires.')
  assert.equal(said(zhCn, 'alert-firing', {}), 'Alert Down fires.')
  assert.equal(said(zhCn, '__proto__', {}), 'Alert Down fires.')
})

test('evidence says ratios and spans in the units of the reader', () => {
  const text = evidenceText(
    {
      kind: 'errors-by-version',
      message: 'v2 fails',
      query: '',
      weight: 0.8,
      facts: { newBad: 13.97, newTotal: 192.1, oldBad: 0, oldTotal: 861.4 },
    },
    zhCn,
    formatOf(zhCn),
  )
  assert.match(text, /7\.27\u202f%（14\/192）/)
})
