import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { isSafeAddress, parseInline, parseMarkdown } from './markdown.ts'

test('a post-mortem keeps its structure', () => {
  const blocks = parseMarkdown(
    [
      '# Checkout failed',
      '',
      'It **failed** for `8.4 %` of',
      'requests.',
      '',
      '| time | what |',
      '| --- | --- |',
      '| 12:47 | deployed `v2` |',
      '',
      '1. first',
      '2. second',
      '   - inner',
      '',
      '> said',
      '```',
      '<b>x</b>',
      '```',
      '---',
    ].join('\n'),
  )
  assert.deepEqual(
    blocks.map((block) => block.kind),
    ['heading', 'paragraph', 'table', 'list', 'quote', 'code', 'rule'],
  )
  const [, paragraph, table, list] = blocks
  assert.deepEqual(paragraph, {
    kind: 'paragraph',
    children: [
      { kind: 'text', text: 'It ' },
      { kind: 'strong', children: [{ kind: 'text', text: 'failed' }] },
      { kind: 'text', text: ' for ' },
      { kind: 'code', text: '8.4 %' },
      { kind: 'text', text: ' of requests.' },
    ],
  })
  assert.ok(table?.kind === 'table' && table.rows.length === 1 && table.rows[0]?.length === 2)
  assert.ok(list?.kind === 'list' && list.isOrdered && list.items.length === 2)
  assert.equal(list.items[1]?.[1]?.kind, 'list')
})

test('markup and scripts stay text, and hostile addresses are no links', () => {
  assert.deepEqual(parseInline('<img src=x onerror=alert(1)>'), [
    { kind: 'text', text: '<img src=x onerror=alert(1)>' },
  ])
  for (const address of [
    'javascript:alert(1)',
    'JaVaScRiPt:alert(1)',
    'data:text/html,x',
    '//evil.example',
    '/\\evil.example',
    'vbscript:x',
    ' javascript:x',
  ]) {
    assert.equal(isSafeAddress(address), false, address)
    assert.ok(!parseInline(`[a](${address})`).some((piece) => piece.kind === 'link'), address)
  }
  assert.ok(isSafeAddress('/incidents/1'))
  assert.ok(isSafeAddress('https://example.org/x?y=1'))
})

test('any text is read without failing, and without a fence no letter is lost', () => {
  const alphabet = fc.constantFrom(...'zz *_[]()#>-|\n1.\\<')
  fc.assert(
    fc.property(fc.string({ maxLength: 300, unit: alphabet }), (text) => {
      const count = (value: string): number => value.split('z').length - 1
      const isTableLike = text.includes('|')
      const said = JSON.stringify(parseMarkdown(text))
      if (!isTableLike) assert.equal(count(said), count(text))
    }),
  )
})
