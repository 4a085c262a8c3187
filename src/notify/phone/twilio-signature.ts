/**
 * Whether Twilio made a call: it signs the address that it was given with the fields of the form, sorted
 * by name, under the account's token.
 * Source: Twilio, "Webhooks security", validating signatures.
 */

import { createHmac } from 'node:crypto'
import { Secret } from '../../base/secret.ts'

/** A call as it came: the address under which Twilio knows us, and the fields of its form. */
export interface TwilioCall {
  url: string
  form: URLSearchParams
  /** The header `X-Twilio-Signature`. */
  signature: string
}

/** Whether a call is signed with a token. */
export function isTwilioSigned({ url, form, signature }: TwilioCall, token: string): boolean {
  if (token === '') return false
  const names = [...new Set(form.keys())].sort()
  const fields = names.map((name) => {
    const values = [...new Set(form.getAll(name))].sort()
    return values.map((value) => name + value).join('')
  })
  const text = fields.join('')
  // Twilio signs some addresses with the port that their protocol means anyway, and some without any.
  return listSpellings(url).some((one) => {
    const expected = createHmac('sha1', token).update(one).update(text).digest('base64')
    return new Secret(expected).matches(signature)
  })
}

function listSpellings(url: string): string[] {
  const match = /^(https?:)(\/\/(?:\[[^\]]*\]|[^/:?#]+))(:\d+)?(.*)$/s.exec(url)
  if (match === null) return [url]
  const [, protocol, host, port = protocol === 'https:' ? ':443' : ':80', rest] = match
  return [url, `${protocol}${host}${rest}`, `${protocol}${host}${port}${rest}`]
}
