import assert from 'node:assert/strict'
import { test } from 'node:test'
import { legendName } from './legend-name.ts'

test('labels stand where the format names them, and what is missing leaves nothing', () => {
  const labels = { job: 'node', instance: 'a:1' }
  assert.equal(legendName('{{job}} on {{ instance }}', labels), 'node on a:1')
  assert.equal(legendName('{{nope}}', labels), '')
  assert.equal(legendName('{{__proto__}}', labels), '')
  assert.equal(legendName('plain {text}', labels), 'plain {text}')
})
