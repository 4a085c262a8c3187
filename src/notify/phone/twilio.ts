/**
 * Twilio: SMS and voice calls. A call reads the text aloud twice; where the matter can be taken on, it
 * asks for a key, which Twilio posts to us, as it posts what became of the message.
 * Source: Twilio REST API 2010-04-01, Messages and Calls; TwiML.
 */

import { secret, text, textOr, z } from '../../config/schema.ts'
import { checkSource, isHttpUrl, revealSecret } from '../secret-source.ts'
import { describeReply, postForm } from '../send-request.ts'
import type { PhoneMessage, PhoneTools } from './phone-message.ts'

/** `twilio` of SMS and voice calls. */
export const twilioSchema = z
  .strictObject({
    account_sid: text('Id of the account.'),
    auth_token: secret('Token of the account.').optional(),
    auth_token_file: text('A file with the token.').optional(),
    api_url: textOr('https://api.twilio.com', 'Address of the API.').refine(
      isHttpUrl,
      'must be an http or https address',
    ),
    from: text('The number that sends or calls.').optional(),
    messaging_service_sid: text('For SMS: the service that sends, instead of a number.').optional(),
    language: text('For calls: the language of the voice, such as en-GB.').optional(),
  })
  .superRefine((config, context) => {
    checkSource(config, 'auth_token', context, { isRequired: true })
    if (config.from === undefined && config.messaging_service_sid === undefined)
      context.addIssue({ code: 'custom', message: 'needs "from" or "messaging_service_sid"' })
  })

type TwilioSettings = z.output<typeof twilioSchema>

/** Sends one SMS; throws `SendFailure`. */
export function sendTwilioSms(
  config: TwilioSettings,
  message: PhoneMessage,
  tools: PhoneTools,
): Promise<string> {
  const sender =
    config.messaging_service_sid === undefined
      ? { From: config.from ?? '' }
      : { MessagingServiceSid: config.messaging_service_sid }
  const form = { To: message.to, ...sender, Body: message.text, ...receiptField(message) }
  return post(config, 'Messages', form, tools)
}

/** Calls one number; throws `SendFailure`. */
export function callTwilioVoice(
  config: TwilioSettings,
  message: PhoneMessage,
  tools: PhoneTools,
): Promise<string> {
  const { acknowledge, words } = message
  const language = config.language ?? words.voiceLanguage
  const sayText = (text: string): string =>
    `<Say language="${escapeXml(language)}">${escapeXml(text)}</Say>`
  const say = sayText(message.text)
  const isOffered = acknowledge !== undefined && acknowledge.acknowledgedBy === ''
  const twice = `${say}<Pause length="1"/>${say}`
  // Without a key the text is said once more, and the call ends.
  const asking = isOffered
    ? `<Gather numDigits="1" timeout="8" method="POST" action="${escapeXml(acknowledge.gatherUrl)}">${say}${sayText(words.pressToAcknowledge)}</Gather>`
    : ''
  const twiml = `<Response>${isOffered ? asking + asking : twice}</Response>`
  const form = { To: message.to, From: config.from ?? '', Twiml: twiml, ...receiptField(message) }
  return post(config, 'Calls', form, tools)
}

/** Twilio refuses addresses that it cannot reach. */
function receiptField({ receiptUrl, expectReceipt }: PhoneMessage): { StatusCallback?: string } {
  return receiptUrl === undefined ? {} : { StatusCallback: receiptUrl + expectReceipt() }
}

async function post(
  config: TwilioSettings,
  resource: 'Messages' | 'Calls',
  form: Record<string, string>,
  tools: PhoneTools,
): Promise<string> {
  const account = encodeURIComponent(config.account_sid)
  const pair = `${config.account_sid}:${revealSecret(config.auth_token, config.auth_token_file)}`
  const reply = await postForm({
    url: `${config.api_url.replace(/\/$/, '')}/2010-04-01/Accounts/${account}/${resource}.json`,
    form,
    headers: { authorization: `Basic ${Buffer.from(pair).toString('base64')}` },
    timeoutMs: tools.timeoutMs,
    connect: tools.connect,
  })
  return describeReply(reply)
}

function escapeXml(value: string): string {
  return (
    value
      .replace(/&/g, '&amp;')
      .replace(/</g, '&lt;')
      .replace(/>/g, '&gt;')
      .replace(/"/g, '&quot;')
      // Characters that XML does not have.
      .replace(/[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu, '')
  )
}
