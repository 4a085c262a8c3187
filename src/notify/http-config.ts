/** `http_config` of receivers, as Alertmanager has it: how to authenticate with the other side. */

import { secret, text, textOr, z } from '../config/schema.ts'
import { notYet, revealSecret } from './channel/channel.ts'

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
    tls_config: notYet('TLS of the connection.'),
    oauth2: notYet('OAuth 2 client credentials.'),
    proxy_url: notYet('A proxy.'),
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
export const httpConfig = schema.optional().meta({ description: 'How to authenticate.' })

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

/** What must not show of it. */
export function authSecrets(config: HttpConfig | undefined): string[] {
  const headers = authHeaders(config)
  const value = headers.authorization ?? ''
  return [value, value.slice(value.indexOf(' ') + 1), config?.basic_auth?.password?.reveal() ?? '']
}
