/** The functions that both kinds of templates share, at their edges. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseTemplate } from './template.ts'
import { textFunctions } from './text-functions.ts'

function write(text: string): string {
  return parseTemplate(text, { name: 't', functions: textFunctions }).execute({})
}

test('letters change one by one, and a word ends at an apostrophe', () => {
  assert.equal(write('{{ toUpper "straße é" }} {{ toLower "ÀÉ" }}'), 'STRAßE É àé')
  assert.equal(write(`{{ title "o'neil d_e b-c 1x" }}`), "O'Neil D_e B-C 1x")
})

test('figures are read as Go reads them, and spans counted in 64 bits', () => {
  assert.equal(write('{{ humanize "1_000" }} {{ humanizeDuration (-0.0) }}'), '1k -0s')
  assert.equal(write('{{ humanizeDuration 1e21 }}'), '-106751991167300d -15h -30m -8s')
  assert.throws(() => write('{{ humanize "1__0" }}'), /invalid syntax/)
})

test('a time has its parts, and is one of 292 years around 1970', () => {
  const layout = '2006-01-02T15:04:05Z07:00 Mon'
  assert.equal(write(`{{ (toTime 1643114203).Format "${layout}" }}`), '2022-01-25T12:36:43Z Tue')
  assert.equal(
    write('{{ with toTime 1643114203 }}{{ .Year }} {{ .Month }} {{ .Hour }}{{ end }}'),
    '2022 January 12',
  )
  assert.equal(write('{{ humanizeTimestamp "NaN" }}'), 'NaN')
  assert.throws(() => write('{{ toTime "NaN" }}'), /NaN or Inf/)
  for (const seconds of ['1e10', '-62135596800'])
    assert.throws(() => write(`{{ humanizeTimestamp (${seconds}) }}`), /nanoseconds/)
})
