/**
 * Amazon SNS: one message to a topic, a target or a phone number. Keys and defaults are Alertmanager's.
 * Source: Amazon SNS API reference, "Publish"; alertmanager notify/sns (Apache-2.0), behaviour
 * re-implemented.
 */

import { flagOr, secret, text, textOr, z } from '../../config/schema.ts'
import { type AwsKey, findAwsKey, readAssumedRole, signAws } from '../aws-sign.ts'
import { cutBytes, cutLength } from '../cut-text.ts'
import { connectBy, connectionSecrets, httpChannel, reachBy } from '../http-config.ts'
import {
  type ChannelTools,
  defineChannel,
  hashGroupKey,
  type OutgoingMessage,
  renderField,
  renderText,
} from './channel.ts'
import { checkSource, isHttpUrl } from '../secret-source.ts'
import { describeReply, SendFailure, sendRequest } from '../send-request.ts'

const messageBytesMax = 256 * 1024
/** An SMS, in as many parts as it takes. */
const smsBytesMax = 1_600
const subjectLengthMax = 100
const roleReserveMs = 300_000

const sigv4 = z
  .strictObject({
    region: text('The region; that of the address or the environment unless given.').optional(),
    access_key: secret('Id of the access key.').optional(),
    secret_key: secret('The access key.').optional(),
    profile: textOr('', 'The profile in the shared credentials file.'),
    role_arn: textOr('', 'The role to take on.'),
    external_id: textOr('', 'What the role asks of who takes it on.'),
    use_fips_sts_endpoint: flagOr(false, 'Asks for roles at the FIPS endpoint.'),
    sts_url: text('Where roles are taken on; that of the region unless given.').optional(),
  })
  .refine(
    ({ access_key, secret_key }) => (access_key === undefined) === (secret_key === undefined),
    'must provide a AWS SigV4 Access key and Secret Key if credentials are specified in the SNS config',
  )

const schema = z
  .strictObject({
    send_resolved: flagOr(true, 'Whether to tell when it is over.'),
    api_url: textOr('', 'Address of SNS, a template; that of the region unless given.'),
    sigv4: sigv4.prefault({}).meta({ description: 'How requests are signed.' }),
    topic_arn: textOr('', 'The topic, a template.'),
    phone_number: textOr('', 'The number to send an SMS to, a template.'),
    target_arn: textOr('', 'The mobile platform endpoint, a template.'),
    subject: textOr('{{ template "sns.default.subject" . }}', 'The subject, a template.'),
    message: textOr('{{ template "sns.default.message" . }}', 'The message, a template.'),
    attributes: z
      .record(z.string(), z.string())
      .default({})
      .meta({ description: 'Attributes of the message, templates.', typeText: 'mapping' }),
    ...httpChannel,
  })
  .superRefine((config, context) => {
    const isPlain = config.api_url !== '' && !config.api_url.includes('{{')
    if (isPlain) checkSource(config, 'api_url', context, { isUrl: true })
    const targets = [config.topic_arn, config.phone_number, config.target_arn]
    if (targets.filter((one) => one !== '').length === 1) return
    const message = 'must provide either a Target ARN, Topic ARN, or Phone Number for SNS config'
    context.addIssue({ code: 'custom', message })
  })

type SnsSettings = z.output<typeof schema>

/** Amazon SNS. */
export const sns = defineChannel({
  kind: 'sns',
  settingsKey: 'sns_configs',
  schema,
  make: (settings, tools) => {
    const keys = new KeyRing(settings, tools)
    return {
      sendsResolved: settings.send_resolved,
      secrets: () => [...keys.secrets(), ...connectionSecrets(settings.http_config)],
      send: async (message) => {
        const form = makeForm(settings, message)
        const given = renderField(message, settings.api_url).trim()
        const arn = form.get('TopicArn') ?? form.get('TargetArn') ?? ''
        const region = regionOf(settings, given, arn)
        const url = withPath(given === '' ? `https://sns.${region}.amazonaws.com/` : given)
        const body = form.toString()
        const key = await keys.find(region)
        const headers = { 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' }
        const timeMs = tools.clock.nowTimeMs()
        const reply = await sendRequest(
          {
            method: 'POST',
            url,
            headers: signAws({ url, region, service: 'sns', headers, body, timeMs }, key),
            body,
            ...reachBy(settings, tools.clock),
          },
          (answer) => {
            const shown = describeReply(answer)
            if (/<Code>(Throttl|KMSThrottling)/.test(shown))
              return new SendFailure(shown, { reason: 'rate-limited', canRetry: true })
            if (!/<Code>ExpiredToken/.test(shown)) return undefined
            keys.forget()
            return new SendFailure(shown, { reason: 'auth', canRetry: true })
          },
        )
        return describeReply(reply)
      },
    }
  },
})

function withPath(url: string): string {
  if (isHttpUrl(url)) return new URL(url).href
  const message = 'api_url is not an http or https address'
  throw new SendFailure(message, { reason: 'client-error', canRetry: false })
}

function makeForm(settings: SnsSettings, message: OutgoingMessage): URLSearchParams {
  const write = (template: string): string => renderField(message, template).trim()
  const form = new URLSearchParams({ Action: 'Publish', Version: '2010-03-31' })
  const phone = write(settings.phone_number)
  const topic = write(settings.topic_arn)
  if (phone !== '') form.set('PhoneNumber', phone)
  if (topic !== '') form.set('TopicArn', topic)
  if (settings.target_arn !== '') form.set('TargetArn', write(settings.target_arn))
  if (topic.endsWith('.fifo')) {
    const key = hashGroupKey(message.notification)
    form.set('MessageGroupId', key)
    form.set('MessageDeduplicationId', `${key}${message.notification.status}`)
  }
  const body = renderText(message, settings.message, 'sns.default.message')
  const shown =
    cutBytes(body, phone === '' ? messageBytesMax : smsBytesMax) || message.words.noDetails
  form.set('Message', shown)
  const subject = renderText(message, settings.subject, 'sns.default.subject')
  // A subject is one line of ASCII that begins with a letter, digit or mark.
  const plain = cutLength(subject.replace(/[^\x20-\x7e]+/g, ' ').trim(), subjectLengthMax - 2)
  if (plain !== '' && phone === '') form.set('Subject', plain.replaceAll('…', '...'))
  const attributes = Object.entries(settings.attributes).map(
    ([name, template]) => [name, write(template)] as const,
  )
  const cut = shown === body ? [] : [['truncated', 'true'] as const]
  for (const [index, [name, value]] of [...attributes, ...cut].entries()) {
    const entry = `MessageAttributes.entry.${index + 1}`
    form.set(`${entry}.Name`, name)
    form.set(`${entry}.Value.DataType`, 'String')
    form.set(`${entry}.Value.StringValue`, value)
  }
  return form
}

function regionOf(settings: SnsSettings, url: string, arn: string): string {
  const ofAddress = /\bsns\.([a-z0-9-]+)\.amazonaws\./.exec(url)?.[1]
  const ofArn = arn.split(':')[3]
  const { AWS_REGION, AWS_DEFAULT_REGION } = process.env
  const found = settings.sigv4.region ?? ofAddress ?? ofArn ?? AWS_REGION ?? AWS_DEFAULT_REGION
  if (found !== undefined && found !== '') return found
  throw new SendFailure('no AWS region: set sigv4.region', {
    reason: 'client-error',
    canRetry: false,
  })
}

/** The keys of one receiver: its own, those of the machine, or those of a role. */
class KeyRing {
  readonly #settings: SnsSettings
  readonly #tools: ChannelTools
  #role: { key: AwsKey; endTimeMs: number } | undefined

  constructor(settings: SnsSettings, tools: ChannelTools) {
    this.#settings = settings
    this.#tools = tools
  }

  secrets(): string[] {
    const { access_key, secret_key } = this.#settings.sigv4
    const role = this.#role?.key
    return [access_key?.reveal(), secret_key?.reveal(), role?.secret, role?.sessionToken].flatMap(
      (one) => one ?? [],
    )
  }

  forget(): void {
    this.#role = undefined
  }

  async find(region: string): Promise<AwsKey> {
    const { access_key, secret_key, profile, role_arn } = this.#settings.sigv4
    const own =
      access_key === undefined || secret_key === undefined
        ? findAwsKey(profile, process.env)
        : { id: access_key.reveal(), secret: secret_key.reveal() }
    if (role_arn === '') return own
    const nowTimeMs = this.#tools.clock.nowTimeMs()
    if (this.#role === undefined || this.#role.endTimeMs - roleReserveMs < nowTimeMs)
      this.#role = await this.#takeRole(own, region)
    return this.#role.key
  }

  async #takeRole(own: AwsKey, region: string): Promise<{ key: AwsKey; endTimeMs: number }> {
    const { sigv4, http_config, timeout } = this.#settings
    const host = sigv4.use_fips_sts_endpoint ? `sts-fips.${region}` : `sts.${region}`
    const url = withPath(sigv4.sts_url ?? `https://${host}.amazonaws.com/`)
    const form = new URLSearchParams({
      Action: 'AssumeRole',
      Version: '2011-06-15',
      RoleArn: sigv4.role_arn,
      RoleSessionName: 'shipwatch',
    })
    if (sigv4.external_id !== '') form.set('ExternalId', sigv4.external_id)
    const body = form.toString()
    const headers = { 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' }
    const timeMs = this.#tools.clock.nowTimeMs()
    const reply = await sendRequest({
      method: 'POST',
      url,
      headers: signAws({ url, region, service: 'sts', headers, body, timeMs }, own),
      body,
      timeoutMs: timeout || 10_000,
      connect: connectBy(http_config, this.#tools.clock),
    })
    return readAssumedRole(reply)
  }
}
