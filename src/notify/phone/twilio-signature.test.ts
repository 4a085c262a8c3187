/** Twilio's signature against the examples that Twilio publishes. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isTwilioSigned } from './twilio-signature.ts'

const url = 'https://mycompany.com/myapp.php?foo=1&bar=2'
const formOf = (number: string): URLSearchParams =>
  new URLSearchParams({
    To: '+18005551212',
    Digits: '1234',
    CallSid: 'CA1234567890ABCDE',
    From: number,
    Caller: number,
  })

test('the published examples verify', () => {
  for (const [number, signature] of [
    ['+12349013030', '0/KCTR6DLpKmkAf8muzZqo1nDgQ='],
    ['+14158675309', 'RSOYDt4T1cUTdK1PDd93/VVr8B8='],
  ] as const) {
    const call = { url, form: formOf(number), signature }
    assert.equal(isTwilioSigned(call, '12345'), true)
    assert.equal(isTwilioSigned(call, '12346'), false)
    assert.equal(isTwilioSigned({ ...call, signature: '' }, '12345'), false)
    assert.equal(isTwilioSigned({ ...call, url: `${url}3` }, '12345'), false)
    assert.equal(isTwilioSigned({ ...call, form: formOf('+1') }, '12345'), false)
    // The port that https means anyway may be written or not.
    const withPort = url.replace('.com/', '.com:443/')
    assert.equal(isTwilioSigned({ ...call, url: withPort }, '12345'), true)
  }
  assert.equal(isTwilioSigned({ url, form: formOf('+1'), signature: '' }, ''), false)
})
