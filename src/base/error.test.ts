/** Coded errors and secrets. */

import assert from 'node:assert/strict'
import { inspect } from 'node:util'
import { test } from 'node:test'
import { CodedError, errorTable, listErrors } from './error.ts'
import { Secret } from './secret.ts'

test('an error carries its code, facts and remedy, and its template is listed', () => {
  const errors = errorTable('EXAMPLE', {
    THING_MISSING: {
      kind: 'user',
      status: 404,
      message: (facts: { name: string }) => `There is no thing "${facts.name}".`,
      hint: 'Name one that exists.',
    },
  })
  const error = errors.THING_MISSING({ name: 'x' })
  assert.ok(error instanceof CodedError)
  assert.equal(error.code, 'EXAMPLE_THING_MISSING')
  assert.equal(error.message, 'There is no thing "x".')
  assert.equal(
    listErrors().find((row) => row.code === error.code)?.template,
    'There is no thing "{name}".',
  )
})

test('a secret shows itself nowhere but in reveal', () => {
  const secret = new Secret('hunter2')
  for (const shown of [
    String(secret),
    `${secret}`,
    JSON.stringify({ secret }),
    inspect({ secret }),
  ]) {
    assert.ok(!shown.includes('hunter2'), shown)
  }
  assert.equal(secret.reveal(), 'hunter2')
})
