/**
 * Whether a call that says it comes from a chat does: Slack signs the body with a shared secret,
 * Telegram sends back the token that setWebhook was given.
 * Source: Slack, "Verifying requests from Slack"; Telegram Bot API, setWebhook.
 */

import { createHmac } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { Secret } from '../base/secret.ts'
import type { AlertSettings } from './settings.ts'

/** Older calls are somebody's recording. */
const ageMsMax = 5 * 60_000

/** A call of Slack: its headers, and its body as the bytes that came. */
export interface SlackCall {
  timestamp: string
  signature: string
  body: Buffer
}

/** Whether Slack signed a call; `undefined` when no secret is configured. */
export function isSlackSigned(
  settings: AlertSettings['acknowledge'],
  call: SlackCall,
  nowTimeMs: number,
): boolean | undefined {
  const secret = readSecret(settings.slack_signing_secret, settings.slack_signing_secret_file)
  if (secret === undefined) return undefined
  const sentTimeMs = Number(call.timestamp) * 1000
  if (!(Math.abs(nowTimeMs - sentTimeMs) <= ageMsMax)) return false
  const hash = createHmac('sha256', secret).update(`v0:${call.timestamp}:`).update(call.body)
  return new Secret(`v0=${hash.digest('hex')}`).matches(call.signature)
}

/** Whether Telegram sent a call; `undefined` when no token is configured. */
export function isTelegramSigned(
  settings: AlertSettings['acknowledge'],
  token: string,
): boolean | undefined {
  const secret = readSecret(settings.telegram_secret_token, settings.telegram_secret_token_file)
  return secret === undefined ? undefined : new Secret(secret).matches(token)
}

function readSecret(value: Secret | undefined, file: string | undefined): string | undefined {
  if (value !== undefined) return value.reveal()
  return file === undefined ? undefined : readFileSync(file, 'utf8').trim()
}
