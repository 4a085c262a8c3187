/** A configuration's text without its secrets, for people to read. */

import { isScalar, parseDocument, visit } from 'yaml'

/** Keys whose values are secrets, in Prometheus's, Alertmanager's and our own sections. */
const secretKey =
  /(?:password|secrets?|token|credentials|api_key|service_key|routing_key|proxy_connect_header)$/i

/** Keys of addresses that are secrets as a whole, because the path carries the key. */
const secretUrlKey = /^(?:slack_api_url|api_url|webhook_url)$/i

const shownSecret = '<secret>'

/**
 * Replaces the values of secret keys, and user, password and keys inside addresses, and private keys by `<secret>`;
 * comments stay. A text that is not YAML is not shown at all.
 */
export function redactYaml(text: string): string {
  if (text.trim() === '') return text
  const document = parseDocument(text, { keepSourceTokens: false })
  if (document.errors.length > 0) return '# The file is not valid YAML and is not shown.\n'
  visit(document, {
    Pair: (_index, pair) => {
      const key = isScalar(pair.key) ? String(pair.key.value) : ''
      if ((secretKey.test(key) || secretUrlKey.test(key)) && !key.endsWith('_file')) {
        pair.value = document.createNode(shownSecret)
      }
    },
    Scalar: (_index, scalar) => {
      if (typeof scalar.value === 'string') scalar.value = redactAddress(scalar.value)
    },
  })
  return document.toString({ lineWidth: 0 })
}

function redactAddress(text: string): string {
  return text
    .replace(/-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*/, shownSecret)
    .replace(/(:\/\/)[^/\s@]+@/g, `$1${shownSecret}@`)
    .replace(/([?&](?:access_token|token|key|sign|secret)=)[^&\s]+/gi, `$1${shownSecret}`)
}
