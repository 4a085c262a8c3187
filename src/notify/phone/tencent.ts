/**
 * Tencent Cloud: SMS (`SendSms`) and voice calls (`SendTts`), signed with TC3-HMAC-SHA256. Texts are templates approved at Tencent
 * Cloud, filled with parameters. Failures come with HTTP 200, for the call or for the number.
 * Source: Tencent Cloud documentation, "signature v3" SMS API 2021-01-11 and VMS API 2020-09-02.
 */

import { createHash, createHmac } from 'node:crypto'
import type { HttpReply } from '../../base/http-client.ts'
import { secret, text, textOr, z } from '../../config/schema.ts'
import { checkSource, isHttpUrl, revealSecret } from '../secret-source.ts'
import { describeReply, readAnswer, SendFailure, sendRequest } from '../send-request.ts'
import { cutLength } from '../cut-text.ts'
import type { PhoneMessage, PhoneTools } from './phone-message.ts'

const parameterLengthMax = 35

const accessShape = {
  secret_id: text('Id of the access key.'),
  secret_key: secret('The access key.').optional(),
  secret_key_file: text('A file with the access key.').optional(),
  region: textOr('ap-guangzhou', 'The region.'),
  template_id: text('Id of the approved template.'),
  template_params: z
    .array(z.string())
    .default([])
    .meta({ description: 'Parameters in their order, each a template.', typeText: 'list' }),
}

const endpoint = (url: string) =>
  textOr(url, 'Address of the service.').refine(isHttpUrl, 'must be an http or https address')

/** `tencent` of SMS. */
export const tencentSmsSchema = z
  .strictObject({
    ...accessShape,
    endpoint: endpoint('https://sms.tencentcloudapi.com'),
    sdk_app_id: text('Id of the SMS application.'),
    sign_name: text('The approved signature.'),
  })
  .superRefine((config, context) => {
    checkSource(config, 'secret_key', context, { isRequired: true })
  })

/** `tencent` of voice calls. */
export const tencentVoiceSchema = z
  .strictObject({
    ...accessShape,
    endpoint: endpoint('https://vms.tencentcloudapi.com'),
    voice_sdk_app_id: text('Id of the voice application.'),
    play_times: z.number().int().min(1).max(3).default(2).meta({
      description: 'How often the text is said.',
      typeText: 'number',
      defaultText: '2',
    }),
  })
  .superRefine((config, context) => {
    checkSource(config, 'secret_key', context, { isRequired: true })
  })

type SmsSettings = z.output<typeof tencentSmsSchema>
type VoiceSettings = z.output<typeof tencentVoiceSchema>

/** Sends one SMS; throws `SendFailure`. */
export function sendTencentSms(
  config: SmsSettings,
  message: PhoneMessage,
  tools: PhoneTools,
): Promise<string> {
  const body = {
    PhoneNumberSet: [message.to],
    SmsSdkAppId: config.sdk_app_id,
    SignName: config.sign_name,
    TemplateId: config.template_id,
    TemplateParamSet: makeParameters(config.template_params, message),
  }
  return callTencent(
    config,
    { service: 'sms', action: 'SendSms', version: '2021-01-11', body },
    tools,
  )
}

/** Calls one number; throws `SendFailure`. */
export function callTencentVoice(
  config: VoiceSettings,
  message: PhoneMessage,
  tools: PhoneTools,
): Promise<string> {
  const body = {
    CalledNumber: message.to,
    VoiceSdkAppid: config.voice_sdk_app_id,
    TemplateId: config.template_id,
    TemplateParamSet: makeParameters(config.template_params, message),
    PlayTimes: config.play_times,
  }
  return callTencent(
    config,
    { service: 'vms', action: 'SendTts', version: '2020-09-02', body },
    tools,
  )
}

function makeParameters(templates: readonly string[], message: PhoneMessage): string[] {
  return templates.map((template) =>
    cutLength(message.render(template).replace(/\s+/g, ' ').trim(), parameterLengthMax),
  )
}

async function callTencent(
  config: Pick<SmsSettings, 'endpoint' | 'region' | 'secret_id' | 'secret_key' | 'secret_key_file'>,
  call: { service: string; action: string; version: string; body: object },
  tools: PhoneTools,
): Promise<string> {
  const url = new URL(config.endpoint)
  const seconds = Math.floor(tools.clock.nowTimeMs() / 1_000)
  const body = JSON.stringify(call.body)
  const headers = {
    'content-type': 'application/json; charset=utf-8',
    host: url.host,
    'x-tc-action': call.action,
  }
  const authorization = signTc3({
    secretId: config.secret_id,
    secretKey: revealSecret(config.secret_key, config.secret_key_file),
    service: call.service,
    seconds,
    headers,
    body,
  })
  const reply = await sendRequest({
    method: 'POST',
    url: `${url.origin}/`,
    headers: {
      ...headers,
      authorization,
      'x-tc-version': call.version,
      'x-tc-timestamp': String(seconds),
      'x-tc-region': config.region,
    },
    body,
    timeoutMs: tools.timeoutMs,
    connect: tools.connect,
  })
  checkTencent(reply)
  return describeReply(reply)
}

/** An SMS has a code for each number; a call has only an id when it was taken. */
function checkTencent(reply: HttpReply): void {
  const answer = readAnswer(reply)?.Response as
    | { Error?: { Code?: unknown }; SendStatusSet?: { Code?: unknown }[]; SendStatus?: unknown }
    | undefined
  const isCallTaken = answer?.Error === undefined && answer?.SendStatus !== undefined
  const code = answer?.Error?.Code ?? answer?.SendStatusSet?.[0]?.Code ?? (isCallTaken ? 'Ok' : '')
  const shown = describeReply(reply)
  if (code === 'Ok') return
  if (typeof code !== 'string' || code === '')
    throw new SendFailure(`no Code in the answer: ${shown}`, { reason: 'other', canRetry: true })
  if (/LimitExceeded/.test(code)) {
    const retryAfterMs = 60_000
    throw new SendFailure(shown, { reason: 'rate-limited', canRetry: true, retryAfterMs })
  }
  if (/^InternalError/.test(code))
    throw new SendFailure(shown, { reason: 'server-error', canRetry: true })
  const isAuth = /^(AuthFailure|UnauthorizedOperation)/.test(code)
  throw new SendFailure(shown, { reason: isAuth ? 'auth' : 'client-error', canRetry: false })
}

/** A request to be signed; all its headers are. */
export interface Tc3Request {
  secretId: string
  secretKey: string
  service: string
  seconds: number
  headers: Record<string, string>
  body: string
}

/** The value of the header `authorization`. */
export function signTc3(request: Tc3Request): string {
  const names = Object.keys(request.headers).sort()
  const signed = names.join(';')
  const canonicalHeaders = names
    .map((name) => `${name}:${request.headers[name]!.toLowerCase()}\n`)
    .join('')
  const sha256 = (value: string): string => createHash('sha256').update(value).digest('hex')
  const hmac = (key: string | Buffer, value: string): Buffer =>
    createHmac('sha256', key).update(value).digest()
  const canonical = ['POST', '/', '', canonicalHeaders, signed, sha256(request.body)].join('\n')
  const date = new Date(request.seconds * 1_000).toISOString().slice(0, 10)
  const scope = `${date}/${request.service}/tc3_request`
  const text = ['TC3-HMAC-SHA256', request.seconds, scope, sha256(canonical)].join('\n')
  const dateKey = hmac(`TC3${request.secretKey}`, date)
  const key = hmac(hmac(dateKey, request.service), 'tc3_request')
  const signature = hmac(key, text).toString('hex')
  return `TC3-HMAC-SHA256 Credential=${request.secretId}/${scope}, SignedHeaders=${signed}, Signature=${signature}`
}
