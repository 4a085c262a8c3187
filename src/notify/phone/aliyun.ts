/**
 * Alibaba Cloud: SMS (`SendSms`), voice calls (`SingleCallByTts`) and calls that ask for a key (`IvrCall`),
 * signed with ACS3-HMAC-SHA256. What became of each comes back with the id that we give (`OutId`). Texts
 * are templates approved at Alibaba Cloud, filled with parameters that may hold neither addresses nor
 * more than 35 characters. The answer says `"Code":"OK"`, or not, with HTTP 200.
 * Source: Alibaba Cloud documentation, "request structure and signature, V3", dysmsapi and dyvmsapi
 * 2017-05-25.
 */

import { createHash, createHmac } from 'node:crypto'
import type { HttpReply } from '../../base/http-client.ts'
import { secret, text, textOr, z } from '../../config/schema.ts'
import { checkSource, isHttpUrl, revealSecret } from '../secret-source.ts'
import { describeReply, readAnswer, SendFailure, sendRequest } from '../send-request.ts'
import { cutLength } from '../cut-text.ts'
import type { PhoneMessage, PhoneTools } from './phone-message.ts'

const apiVersion = '2017-05-25'
const parameterLengthMax = 35

const accessShape = {
  access_key_id: text('Id of the access key.'),
  access_key_secret: secret('The access key.').optional(),
  access_key_secret_file: text('A file with the access key.').optional(),
}

const parameters = z
  .record(z.string(), z.string())
  .default({})
  .meta({ description: 'Parameters of the approved template, each a template.', typeText: 'map' })

/** `aliyun` of SMS. */
export const aliyunSmsSchema = z
  .strictObject({
    ...accessShape,
    endpoint: textOr('https://dysmsapi.aliyuncs.com', 'Address of the service.').refine(
      isHttpUrl,
      'must be an http or https address',
    ),
    sign_name: text('The approved signature.'),
    template_code: text('Code of the approved template.'),
    template_params: parameters,
  })
  .superRefine((config, context) => {
    checkSource(config, 'access_key_secret', context, { isRequired: true })
  })

/** `aliyun` of voice calls. */
export const aliyunVoiceSchema = z
  .strictObject({
    ...accessShape,
    endpoint: textOr('https://dyvmsapi.aliyuncs.com', 'Address of the service.').refine(
      isHttpUrl,
      'must be an http or https address',
    ),
    called_show_number: text('The number that calls.').optional(),
    tts_code: text('Code of the approved template.'),
    tts_params: parameters,
    menu: z
      .strictObject({
        acknowledge_code: text(
          'Code of the template that is said after key 1, which acknowledges.',
        ),
        escalate_code: text('Code of the template after key 2, which escalates.').optional(),
        bye_code: text('Code of the template that ends the call.').optional(),
        play_times: z.number().int().min(1).max(3).default(2).meta({
          description: 'How often the text is said while no key is pressed.',
          typeText: 'number',
          defaultText: '2',
        }),
        timeout: z.number().int().min(1_000).max(10_000).default(5_000).meta({
          description: 'Milliseconds that a key is waited for each time.',
          typeText: 'number',
          defaultText: '5000',
        }),
      })
      .optional()
      .meta({
        description:
          'Calls that ask for a key (IvrCall) where the matter can be taken on; needs called_show_number.',
      }),
  })
  .superRefine((config, context) => {
    if (config.menu !== undefined && config.called_show_number === undefined)
      context.addIssue({ code: 'custom', message: 'a menu needs "called_show_number"' })
    checkSource(config, 'access_key_secret', context, { isRequired: true })
  })

interface Access {
  access_key_id: string
  access_key_secret?: z.output<typeof aliyunSmsSchema>['access_key_secret']
  access_key_secret_file?: string | undefined
  endpoint: string
}

/** Sends one SMS; throws `SendFailure`. */
export function sendAliyunSms(
  config: z.output<typeof aliyunSmsSchema>,
  message: PhoneMessage,
  tools: PhoneTools,
): Promise<string> {
  const query = {
    PhoneNumbers: message.to.replace(/^\+86/, '').replace(/^\+/, ''),
    SignName: config.sign_name,
    TemplateCode: config.template_code,
    TemplateParam: makeParameters(config.template_params, message),
    OutId: message.expectReceipt(),
  }
  return callAliyun(config, { action: 'SendSms', query }, tools)
}

/** Calls one number; throws `SendFailure`. */
export function callAliyunVoice(
  config: z.output<typeof aliyunVoiceSchema>,
  message: PhoneMessage,
  tools: PhoneTools,
): Promise<string> {
  const query = {
    CalledNumber: message.to.replace(/^\+86/, '').replace(/^\+/, ''),
    ...(config.called_show_number === undefined
      ? {}
      : { CalledShowNumber: config.called_show_number }),
    TtsCode: config.tts_code,
    TtsParam: makeParameters(config.tts_params, message),
    // Comes back with the receipt, and with the key that was pressed.
    OutId: message.expectReceipt(),
  }
  const { menu } = config
  const isOffered = message.acknowledge !== undefined && message.acknowledge.acknowledgedBy === ''
  if (menu === undefined || !isOffered)
    return callAliyun(config, { action: 'SingleCallByTts', query }, tools)
  const { TtsCode: StartCode, TtsParam: StartTtsParams, ...rest } = query
  const keys = { '1': menu.acknowledge_code, '2': menu.escalate_code }
  const menuQuery = {
    ...rest,
    StartCode,
    StartTtsParams,
    PlayTimes: String(menu.play_times),
    Timeout: String(menu.timeout),
    ...(menu.bye_code !== undefined && { ByeCode: menu.bye_code }),
    ...makeMenu(keys, StartTtsParams),
  }
  return callAliyun(config, { action: 'IvrCall', query: menuQuery }, tools)
}

/** What is said after each key. */
function makeMenu(
  keys: Record<string, string | undefined>,
  parametersText: string,
): Record<string, string> {
  const given = Object.entries(keys).filter(([, code]) => code !== undefined)
  const fields = given.map(([key, code], index): [string, string][] => {
    const name = `MenuKeyMap.${index + 1}`
    return [
      [`${name}.Key`, key],
      [`${name}.Code`, code!],
      [`${name}.TtsParams`, parametersText],
    ]
  })
  return Object.fromEntries(fields.flat())
}

function makeParameters(templates: Record<string, string>, message: PhoneMessage): string {
  const values = Object.entries(templates).map(([name, template]) => {
    const value = message
      .render(template)
      .replace(/\b\w+:\/\/\S+/g, '')
      .replace(/\s+/g, ' ')
    return [name, cutLength(value.trim(), parameterLengthMax)] as const
  })
  return JSON.stringify(Object.fromEntries(values))
}

async function callAliyun(
  access: Access,
  call: { action: string; query: Record<string, string> },
  tools: PhoneTools,
): Promise<string> {
  const url = new URL(access.endpoint)
  const query = canonicalQuery(call.query)
  const headers = signAcs3({
    accessKeyId: access.access_key_id,
    accessKeySecret: revealSecret(access.access_key_secret, access.access_key_secret_file),
    host: url.host,
    query,
    headers: {
      'x-acs-action': call.action,
      'x-acs-version': apiVersion,
      'x-acs-date': new Date(tools.clock.nowTimeMs()).toISOString().replace(/\.\d+Z$/, 'Z'),
      'x-acs-signature-nonce': tools.makeNonce(),
    },
  })
  const reply = await sendRequest(
    {
      method: 'POST',
      url: `${url.origin}/?${query}`,
      headers,
      timeoutMs: tools.timeoutMs,
      connect: tools.connect,
    },
    findFailure,
  )
  const failure = findFailure(reply)
  if (failure !== undefined) throw failure
  return describeReply(reply)
}

/** The answer says why by its code, whatever the status. */
function findFailure(reply: HttpReply): SendFailure | undefined {
  const code = readAnswer(reply)?.Code
  const shown = describeReply(reply)
  if (code === 'OK') return undefined
  if (typeof code !== 'string') {
    // A status says more than a missing code.
    if (reply.status >= 300) return undefined
    return new SendFailure(`no Code in the answer: ${shown}`, { reason: 'other', canRetry: true })
  }
  if (/Throttling|LIMIT_CONTROL/.test(code)) {
    const retryAfterMs = 60_000
    return new SendFailure(shown, { reason: 'rate-limited', canRetry: true, retryAfterMs })
  }
  if (/^(InternalError|ServiceUnavailable|isp\.)/.test(code))
    return new SendFailure(shown, { reason: 'server-error', canRetry: true })
  const isAuth = /Signature|AccessKey|Forbidden|RAM_PERMISSION/.test(code)
  return new SendFailure(shown, { reason: isAuth ? 'auth' : 'client-error', canRetry: false })
}

/** A request without a body, to be signed. */
export interface Acs3Request {
  accessKeyId: string
  accessKeySecret: string
  host: string
  /** As `canonicalQuery` writes it. */
  query: string
  /** The `x-acs-` headers but for the hash of the body. */
  headers: Record<string, string>
}

/** All headers of the request, with `authorization`. */
export function signAcs3(request: Acs3Request): Record<string, string> {
  const bodyHash = createHash('sha256').update('').digest('hex')
  const headers: Record<string, string> = {
    ...request.headers,
    host: request.host,
    'x-acs-content-sha256': bodyHash,
  }
  const names = Object.keys(headers).sort()
  const canonicalHeaders = names.map((name) => `${name}:${headers[name]}\n`).join('')
  const signed = names.join(';')
  const canonical = ['POST', '/', request.query, canonicalHeaders, signed, bodyHash].join('\n')
  const hash = createHash('sha256').update(canonical).digest('hex')
  const signature = createHmac('sha256', request.accessKeySecret)
    .update(`ACS3-HMAC-SHA256\n${hash}`)
    .digest('hex')
  headers.authorization = `ACS3-HMAC-SHA256 Credential=${request.accessKeyId},SignedHeaders=${signed},Signature=${signature}`
  return headers
}

/** Parameters by name, encoded as RFC 3986 has it. */
export function canonicalQuery(query: Record<string, string>): string {
  const encode = (value: string): string =>
    encodeURIComponent(value).replace(
      /[!'()*]/g,
      (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
    )
  return Object.keys(query)
    .sort()
    .map((name) => `${encode(name)}=${encode(query[name]!)}`)
    .join('&')
}
