/** `http_config` of receivers, as Alertmanager has it: how to authenticate and to connect. */

import type { HttpTransport } from '../base/http-client.ts'
import { flagOr, secret, text, textOr, z } from '../config/schema.ts'
import { isHttpUrl, notYet, revealSecret, SendFailure } from './channel/channel.ts'

const version = z.enum(['TLS10', 'TLS11', 'TLS12', 'TLS13'])

const tlsConfig = z.strictObject({
  ca: text('The certificates to trust, as PEM.').optional(),
  ca_file: text('A file with the certificates to trust.').optional(),
  cert: text('The certificate that we show, as PEM.').optional(),
  cert_file: text('A file with the certificate that we show.').optional(),
  key: secret('Its key, as PEM.').optional(),
  key_file: text('A file with its key.').optional(),
  server_name: text('The name that the certificate of the other side must have.').optional(),
  insecure_skip_verify: flagOr(false, 'Trusts any certificate.'),
  min_version: version.default('TLS12').meta({
    description: 'Oldest TLS to speak.',
    defaultText: 'TLS12',
  }),
  max_version: version.optional().meta({ description: 'Newest TLS to speak.' }),
})

const schema = z
  .strictObject({
    basic_auth: z
      .strictObject({
        username: textOr('', 'The user.'),
        password: secret('The password.').optional(),
        password_file: text('A file with the password.').optional(),
      })
      .optional()
      .meta({ description: 'Sends user and password.' }),
    authorization: z
      .strictObject({
        type: textOr('Bearer', 'The scheme.'),
        credentials: secret('The token.').optional(),
        credentials_file: text('A file with the token.').optional(),
      })
      .optional()
      .meta({ description: 'Sends an Authorization header.' }),
    bearer_token: secret('As authorization (older form).').optional(),
    bearer_token_file: text('As authorization (older form).').optional(),
    follow_redirects: z
      .boolean()
      .optional()
      .meta({ description: 'Accepted; redirects are never followed with an alert in hand.' }),
    enable_http2: z.boolean().optional().meta({ description: 'Accepted; HTTP/1.1 is spoken.' }),
    tls_config: tlsConfig.optional().meta({ description: 'TLS of the connection.' }),
    proxy_url: text('The proxy to go through, http or https.').optional(),
    oauth2: notYet('OAuth 2 client credentials.'),
    http_headers: notYet('Further headers.'),
  })
  .superRefine((config, context) => {
    const count = [
      config.basic_auth,
      config.authorization,
      config.bearer_token ?? config.bearer_token_file,
    ]
    if (count.filter((way) => way !== undefined).length > 1)
      context.addIssue({ code: 'custom', message: 'at most one way of authentication is allowed' })
  })

/** How a receiver authenticates. */
export type HttpConfig = z.output<typeof schema>

/** The setting `http_config`. */
export const httpConfig = schema
  .optional()
  .meta({ description: 'How to authenticate and to connect.' })

/** The headers that it asks for. */
export function authHeaders(config: HttpConfig | undefined): Record<string, string> {
  if (config?.basic_auth !== undefined) {
    const { username, password, password_file } = config.basic_auth
    const pair = `${username}:${revealSecret(password, password_file)}`
    return { authorization: `Basic ${Buffer.from(pair).toString('base64')}` }
  }
  if (config?.authorization !== undefined) {
    const { type, credentials, credentials_file } = config.authorization
    return { authorization: `${type} ${revealSecret(credentials, credentials_file)}` }
  }
  const token = revealSecret(config?.bearer_token, config?.bearer_token_file)
  return token === '' ? {} : { authorization: `Bearer ${token}` }
}

const versionNames = {
  TLS10: 'TLSv1',
  TLS11: 'TLSv1.1',
  TLS12: 'TLSv1.2',
  TLS13: 'TLSv1.3',
} as const

/** How to connect; files are read each time, so that a renewed certificate counts at once. */
export function transportOf(config: HttpConfig | undefined): HttpTransport {
  const transport: HttpTransport = {}
  if (config?.proxy_url !== undefined) {
    if (!isHttpUrl(config.proxy_url)) {
      throw new SendFailure(`proxy_url "${config.proxy_url}" is not an http or https address`, {
        reason: 'client-error',
        canRetry: false,
      })
    }
    transport.proxyUrl = config.proxy_url
  }
  if (config?.tls_config !== undefined) {
    const { tls_config: tls } = config
    const read = (inline: string | undefined, file: string | undefined): string | undefined =>
      inline ?? (file === undefined ? undefined : revealSecret(undefined, file))
    const ca = read(tls.ca, tls.ca_file)
    const cert = read(tls.cert, tls.cert_file)
    const key = read(tls.key?.reveal(), tls.key_file)
    transport.tls = {
      ...(ca !== undefined && { ca }),
      ...(cert !== undefined && { cert }),
      ...(key !== undefined && { key }),
      ...(tls.server_name !== undefined && { serverName: tls.server_name }),
      ...(tls.max_version !== undefined && { maxVersion: versionNames[tls.max_version] }),
      minVersion: versionNames[tls.min_version],
      isUnverified: tls.insecure_skip_verify,
    }
  }
  return transport
}

/** What must not show of it. */
export function authSecrets(config: HttpConfig | undefined): string[] {
  let value: string
  try {
    value = authHeaders(config).authorization ?? ''
  } catch (thrown) {
    // A file that cannot be read has nothing that could show.
    if (thrown instanceof SendFailure) return []
    throw thrown
  }
  return [value, value.slice(value.indexOf(' ') + 1), config?.basic_auth?.password?.reveal() ?? '']
}
