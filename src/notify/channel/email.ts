/**
 * E-mail over SMTP through nodemailer: text and HTML, threaded by group, TLS required unless switched
 * off. Keys and defaults are Alertmanager's.
 * Threads: every message of a group on the day its trouble began refers to the same root, so that mail
 * programs show them as one conversation.
 */

import { createHash } from 'node:crypto'
import { createTransport, type SendMailOptions } from 'nodemailer'
import type SmtpTransport from 'nodemailer/lib/smtp-transport/index.js'
import { messageOf } from '../../base/error.ts'
import { makeToken } from '../../base/random.ts'
import { type TlsSettings, tlsConfig } from '../../config/http-settings.ts'
import { durationOr, flagOr, secret, text, textOr, z } from '../../config/schema.ts'
import { readTls } from '../http-config.ts'
import type { Notification } from '../notification.ts'
import {
  type ChannelTools,
  chartContentId,
  defineChannel,
  type OutgoingMessage,
} from './channel.ts'
import {
  hasSecret,
  isGiven,
  revealSecret,
  type SecretSource,
  secretTexts,
} from '../secret-source.ts'
import { SendFailure } from '../send-request.ts'

/** Names that ports of mail servers go by. */
const mailPorts = new Map([
  ['smtp', 25],
  ['smtps', 465],
  ['submissions', 465],
  ['submission', 587],
])

/** Host and port of `mail.example.org:587` or `[::1]:smtp`; `undefined` when it is neither. */
function parseSmarthost(written: string): { host: string; port: number } | undefined {
  const match = /^(?:\[([^\]]+)\]|([^:[\]]+)):([\w-]+)$/.exec(written)
  if (match === null) return undefined
  const port = /^\d+$/.test(match[3]!) ? Number(match[3]) : mailPorts.get(match[3]!)
  return port === undefined ? undefined : { host: match[1] ?? match[2]!, port }
}

const smarthostText = text('The mail server as host:port.').refine(
  (written) => written === '' || parseSmarthost(written) !== undefined,
  'is not host:port',
)

/** Keys below `global` that all e-mail receivers share. */
const globalShape = {
  smtp_smarthost: smarthostText.optional(),
  smtp_from: text('The sender of mails.').optional(),
  smtp_hello: textOr('localhost', 'The name that we say to the mail server.'),
  smtp_auth_username: text('The user at the mail server.').optional(),
  smtp_auth_password: secret('The password at the mail server.').optional(),
  smtp_auth_password_file: text('A file with the password.').optional(),
  smtp_auth_identity: text('Accepted; the identity is the user.').optional(),
  smtp_auth_secret: secret('The secret of CRAM-MD5, used when there is no password.').optional(),
  smtp_auth_secret_file: text('A file with the secret of CRAM-MD5.').optional(),
  smtp_require_tls: flagOr(true, 'Refuses to send over a connection without TLS.'),
  smtp_tls_config: tlsConfig,
  smtp_force_implicit_tls: z
    .boolean()
    .optional()
    .meta({ description: 'TLS from the first byte; the default on port 465.' }),
}

const globalSchema = z.object(globalShape)

const schema = z
  .strictObject({
    send_resolved: flagOr(false, 'Whether to tell when it is over.'),
    to: text('Addresses to send to, separated by commas; a template.'),
    from: text('The sender; a template.').optional(),
    smarthost: smarthostText.optional(),
    hello: text('The name that we say to the mail server.').optional(),
    auth_username: text('The user at the mail server.').optional(),
    auth_password: secret('The password at the mail server.').optional(),
    auth_password_file: text('A file with the password.').optional(),
    auth_identity: text('Accepted; the identity is the user.').optional(),
    auth_secret: secret('The secret of CRAM-MD5, used when there is no password.').optional(),
    auth_secret_file: text('A file with the secret of CRAM-MD5.').optional(),
    require_tls: z
      .boolean()
      .optional()
      .meta({ description: 'Refuses to send over a connection without TLS.' }),
    tls_config: tlsConfig,
    force_implicit_tls: z.boolean().optional().meta({ description: 'TLS from the first byte.' }),
    html: textOr('{{ template "email.default.html" . }}', 'The HTML part, a template.'),
    text: textOr('{{ template "email.default.text" . }}', 'The text part, a template.'),
    headers: z
      .record(z.string(), z.string())
      .default({})
      .meta({ description: 'Further headers, templates.', typeText: 'headers' }),
    threading: z
      .strictObject({
        enabled: flagOr(true, 'Whether mails about a group are one conversation.'),
        thread_by_date: z
          .enum(['daily', 'none'])
          .default('daily')
          .meta({ description: 'Whether each day begins a new one.', defaultText: 'daily' }),
      })
      .prefault({})
      .meta({ description: 'Conversations of mails.' }),
    timeout: durationOr('20s', 'How long one attempt may take.'),
  })
  .superRefine((config, context) => {
    const add = (path: string, message: string): void =>
      context.addIssue({ code: 'custom', path: [path], message })
    if (config.to.trim() === '') add('to', 'missing to address in email config')
    for (const name of ['auth_password', 'auth_secret'] as const) {
      if (isGiven(config[name]) && isGiven(config[`${name}_file`]))
        add(name, `at most one of ${name} and ${name}_file is allowed`)
    }
    const seen = new Set<string>()
    for (const name of Object.keys(config.headers)) {
      if (seen.has(name.toLowerCase())) add('headers', `duplicate header "${name}" in email config`)
      seen.add(name.toLowerCase())
    }
  })

type EmailSettings = z.output<typeof schema>
type SmtpDefaults = z.output<typeof globalSchema>

/** E-mail. */
export const email = defineChannel({
  kind: 'email',
  settingsKey: 'email_configs',
  schema,
  global: globalShape,
  make: (settings, tools) => new EmailChannel(settings, tools),
})

class EmailChannel {
  readonly sendsResolved: boolean
  readonly takesChart = true
  readonly #settings: EmailSettings
  readonly #defaults: SmtpDefaults
  readonly #from: string
  readonly #host: string
  readonly #port: number

  constructor(settings: EmailSettings, tools: ChannelTools) {
    this.#settings = settings
    this.#defaults = tools.global as SmtpDefaults
    this.sendsResolved = settings.send_resolved
    const from = settings.from || this.#defaults.smtp_from
    const server = parseSmarthost(settings.smarthost || (this.#defaults.smtp_smarthost ?? ''))
    if (server === undefined) throw new Error('no global SMTP smarthost set (smtp_smarthost)')
    if (!from) throw new Error('no global SMTP from set (smtp_from)')
    this.#from = from
    this.#host = server.host
    this.#port = server.port
  }

  secrets(): string[] {
    const { password, challenge } = this.#login()
    return [...secretTexts(password), ...secretTexts(challenge)]
  }

  async send(message: OutgoingMessage): Promise<string> {
    const transport = createTransport(this.#makeTransportOptions())
    try {
      const info = await transport.sendMail(this.#makeMail(message))
      return info.response
    } catch (thrown) {
      throw failureOf(thrown)
    } finally {
      transport.close()
    }
  }

  /** The receiver's own password and secret of CRAM-MD5, or else the shared ones. */
  #login(): { password: SecretSource; challenge: SecretSource } {
    const own = this.#settings
    const shared = this.#defaults
    const choose = (one: SecretSource, other: SecretSource): SecretSource =>
      hasSecret(one) ? one : other
    return {
      password: choose(
        { value: own.auth_password, file: own.auth_password_file },
        { value: shared.smtp_auth_password, file: shared.smtp_auth_password_file },
      ),
      challenge: choose(
        { value: own.auth_secret, file: own.auth_secret_file },
        { value: shared.smtp_auth_secret, file: shared.smtp_auth_secret_file },
      ),
    }
  }

  #makeTransportOptions(): SmtpTransport.Options {
    const settings = this.#settings
    const defaults = this.#defaults
    const isTlsRequired = settings.require_tls ?? defaults.smtp_require_tls
    const isImplicit =
      settings.force_implicit_tls ?? defaults.smtp_force_implicit_tls ?? this.#port === 465
    const user = settings.auth_username || defaults.smtp_auth_username || undefined
    const { password, challenge } = this.#login()
    const isChallenge = !hasSecret(password) && hasSecret(challenge)
    const chosen = isChallenge ? challenge : password
    const pass = revealSecret(chosen.value, chosen.file)
    const isLocal = /^(localhost|127\.\d+\.\d+\.\d+|::1)$/.test(this.#host)
    // CRAM-MD5 shows no password, so it may go without TLS.
    if (user !== undefined && !isChallenge && !isTlsRequired && !isImplicit && !isLocal) {
      throw new SendFailure('the password is not sent without TLS: set smtp_require_tls to true', {
        reason: 'auth',
        canRetry: false,
      })
    }
    return {
      host: this.#host,
      port: this.#port,
      name: settings.hello || defaults.smtp_hello,
      secure: isImplicit,
      requireTLS: isTlsRequired && !isImplicit,
      ignoreTLS: !isTlsRequired && !isImplicit,
      connectionTimeout: settings.timeout,
      greetingTimeout: settings.timeout,
      socketTimeout: settings.timeout,
      // A template must not read files or fetch addresses into a mail.
      disableFileAccess: true,
      disableUrlAccess: true,
      tls: makeTls(settings.tls_config ?? defaults.smtp_tls_config),
      ...(user === undefined
        ? {}
        : { auth: { user, pass, ...(isChallenge && { method: 'CRAM-MD5' }) } }),
    }
  }

  #makeMail(message: OutgoingMessage): SendMailOptions {
    const { notification } = message
    const headers: Record<string, string> = {}
    let subjectTemplate = '{{ template "email.default.subject" . }}'
    for (const [name, template] of Object.entries(this.#settings.headers)) {
      if (name.toLowerCase() === 'subject') subjectTemplate = template
      else headers[name] = this.#line(message, template, 'email.default.empty')
    }
    const from = this.#line(message, this.#from, 'email.default.empty')
    const { enabled: isThreaded, thread_by_date: byDate } = this.#settings.threading
    const rootId = threadIdOf(notification, from, byDate === 'daily')
    return {
      from,
      to: this.#line(message, this.#settings.to, 'email.default.empty'),
      subject: this.#line(message, subjectTemplate, 'email.default.subject'),
      text: message.render(this.#settings.text, { escape: 'none', fallback: 'email.default.text' }),
      html: message.render(this.#settings.html, { escape: 'html', fallback: 'email.default.html' }),
      ...(message.chart !== undefined && {
        attachments: [
          {
            filename: 'chart.png',
            content: message.chart.png,
            contentType: 'image/png',
            cid: chartContentId,
          },
        ],
      }),
      messageId: `<${makeToken(12)}.${rootId.slice(1)}`,
      ...(isThreaded && { inReplyTo: rootId, references: rootId }),
      headers: { 'X-Shipwatch-Group': digest(notification.groupKey), ...headers },
    }
  }

  /** A header is one line: what a label smuggles in after a line break stays text. */
  #line(message: OutgoingMessage, template: string, fallback: string): string {
    return message.render(template, { escape: 'none', fallback }).replace(/\s+/g, ' ').trim()
  }
}

/** TLS to the mail server; at least 1.2 unless set otherwise. */
function makeTls(settings: TlsSettings | undefined): SmtpTransport.Options['tls'] {
  if (settings === undefined) return { rejectUnauthorized: true, minVersion: 'TLSv1.2' }
  const { isUnverified, serverName, ...rest } = readTls(settings)
  return {
    ...rest,
    rejectUnauthorized: isUnverified !== true,
    ...(serverName !== undefined && { servername: serverName }),
  }
}

/** The root of a group's conversation, on the day its oldest alert began if each day has its own. */
function threadIdOf(notification: Notification, from: string, isDaily: boolean): string {
  const startTimeMs = Math.min(...notification.alerts.map((alert) => alert.firedTimeMs))
  const date = new Date(Number.isFinite(startTimeMs) ? startTimeMs : 0).toISOString()
  const day = isDaily ? date.slice(0, 10) : 'all'
  const domain = /@([\w.-]+)/.exec(from)?.[1] ?? 'shipwatch.local'
  return `<${digest(`${notification.groupKey} ${notification.receiver}`)}.${day}@${domain}>`
}

function digest(value: string): string {
  return createHash('sha256').update(value).digest('hex').slice(0, 32)
}

/** What nodemailer tells of a failure. */
interface MailError {
  code?: string
  responseCode?: number
}

function failureOf(thrown: unknown): Error {
  if (thrown instanceof SendFailure) return thrown
  const { code, responseCode } = (thrown ?? {}) as MailError
  const message = messageOf(thrown)
  // 4xx of SMTP is "try again later", 5xx is "no"; without an answer it was the way there.
  if (responseCode !== undefined) {
    const canRetry = responseCode >= 400 && responseCode < 500
    const reason = code === 'EAUTH' ? 'auth' : canRetry ? 'server-error' : 'client-error'
    return new SendFailure(message, { reason, canRetry })
  }
  if (code === 'ETIMEDOUT') return new SendFailure(message, { reason: 'timeout', canRetry: true })
  const isFinal = code === 'EAUTH' || code === 'EENVELOPE' || code === 'EMESSAGE'
  return new SendFailure(message, {
    reason: code === 'EAUTH' ? 'auth' : isFinal ? 'client-error' : 'network',
    canRetry: !isFinal,
  })
}
