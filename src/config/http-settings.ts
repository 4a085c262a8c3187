/**
 * How a scrape job, or an address that lists targets, is reached: credentials, TLS, proxies. The keys
 * and their rules are Prometheus's HTTP client configuration.
 * Source: prometheus/common config/http_config.go (behaviour).
 */

import { flagOr, secret, text, textOr, z } from './schema.ts'

const tlsVersions = ['TLS10', 'TLS11', 'TLS12', 'TLS13'] as const

const tlsVersion = (description: string) => z.enum(tlsVersions).optional().meta({ description })

/** How the other side is verified over TLS. */
export const tlsConfig = z
  .strictObject({
    ca: text(
      'Certificates of the authorities to trust, as PEM; the system’s unless given.',
    ).optional(),
    ca_file: text('File with the certificates of the authorities to trust.').optional(),
    cert: text('Our certificate, as PEM, when the other side asks for one.').optional(),
    cert_file: text('File with our certificate.').optional(),
    key: secret('Private key of our certificate, as PEM.').optional(),
    key_file: text('File with the private key of our certificate.').optional(),
    server_name: textOr(
      '',
      'Name that the certificate must bear; the host of the address unless given.',
    ),
    insecure_skip_verify: flagOr(
      false,
      'Takes any certificate, so that anybody in between can listen.',
    ),
    min_version: tlsVersion('Oldest version of TLS to speak; TLS12 unless given.'),
    max_version: tlsVersion('Newest version of TLS to speak.'),
  })
  .superRefine((config, context) => {
    const refuse = (key: string, message: string): void => {
      context.addIssue({ code: 'custom', path: [key], message })
    }
    for (const name of ['ca', 'cert', 'key'] as const) {
      if (config[name] === undefined || config[`${name}_file`] === undefined) continue
      refuse(`${name}_file`, `at most one of ${name} and ${name}_file must be configured`)
    }
    const hasCert = (config.cert ?? config.cert_file) !== undefined
    const hasKey = (config.key ?? config.key_file) !== undefined
    if (hasCert && !hasKey) {
      refuse('cert', 'a certificate needs its key: configure key or key_file')
    }
    if (hasKey && !hasCert) {
      refuse('key', 'a key needs its certificate: configure cert or cert_file')
    }
  })
  .optional()
  .meta({ description: 'How the other side is verified over TLS, and what we show of ourselves.' })

const proxyShape = {
  proxy_url: secret(
    'Proxy to go through, as http://host:port; user and password within are secret.',
  )
    .refine((value) => /^https?:\/\/[^/]/i.test(value.reveal()) && URL.canParse(value.reveal()), {
      error: 'must be an address that begins with http:// or https://',
    })
    .optional(),
  no_proxy: textOr(
    '',
    'Hosts, domains, addresses and networks reached without the proxy, with commas between.',
  ),
  proxy_from_environment: flagOr(
    false,
    'Takes the proxy, and what is reached without it, from the environment, as other programs do.',
  ),
  proxy_connect_header: z
    .record(z.string(), z.array(secret('A value that is not printed.')))
    .default({})
    .meta({ description: 'Headers for the proxy.', typeText: 'mapping of lists' }),
}

const proxySchema = z.object(proxyShape)
/** The proxy to take, checked. */
export type ProxySettings = z.output<typeof proxySchema>

const basicAuth = z
  .strictObject({
    username: textOr('', 'The user.'),
    username_file: text('File that holds the user, read at every request.').optional(),
    password: secret('The password.').optional(),
    password_file: text('File that holds the password, read at every request.').optional(),
  })
  .refine((auth) => auth.password === undefined || auth.password_file === undefined, {
    error: 'at most one of password and password_file must be configured',
  })
  .refine((auth) => auth.username === '' || auth.username_file === undefined, {
    error: 'at most one of username and username_file must be configured',
  })
  .optional()
  .meta({ description: 'Sends user and password with every request.' })

const authorization = z
  .strictObject({
    type: textOr('Bearer', 'Type of the credentials.'),
    credentials: secret('The credentials.').optional(),
    credentials_file: text('File that holds the credentials, read at every request.').optional(),
  })
  .refine((auth) => auth.credentials === undefined || auth.credentials_file === undefined, {
    error: 'at most one of credentials and credentials_file must be configured',
  })
  .refine((auth) => auth.type.trim().toLowerCase() !== 'basic', {
    error: 'authorization type cannot be Basic; use basic_auth instead',
  })
  .optional()
  .meta({ description: 'Sends an Authorization header with every request.' })

const oauth2 = z
  .strictObject({
    client_id: text('Who we are.').min(1),
    client_secret: secret('Our secret.').optional(),
    client_secret_file: text('File that holds our secret, read for every token.').optional(),
    scopes: z
      .array(z.string().min(1))
      .default([])
      .meta({ description: 'What the token should allow.', typeText: 'list' }),
    token_url: z
      .url({ protocol: /^https?$/ })
      .meta({ description: 'Where tokens are given out.', typeText: 'string' }),
    endpoint_params: z
      .record(z.string(), z.string())
      .default({})
      .meta({ description: 'More that is sent when a token is asked for.', typeText: 'mapping' }),
    tls_config: tlsConfig,
    ...proxyShape,
  })
  .refine((auth) => auth.client_secret === undefined || auth.client_secret_file === undefined, {
    error: 'at most one of client_secret and client_secret_file must be configured',
  })
  .superRefine(refuseMixedProxies)
  .optional()
  .meta({ description: 'Sends a token that is asked for by OAuth 2 client credentials.' })

/** Keys that everything reached over HTTP has in common. */
export const httpShape = {
  basic_auth: basicAuth,
  authorization,
  oauth2,
  tls_config: tlsConfig,
  ...proxyShape,
  follow_redirects: flagOr(true, 'Follows redirects.'),
  enable_http2: flagOr(true, 'Speaks HTTP/2 where the other side does, which only TLS tells.'),
  http_headers: z
    .record(
      z.string(),
      z.strictObject({
        values: z.array(z.string()).default([]),
        secrets: z.array(secret('A value that is not printed.')).default([]),
        files: z.array(z.string()).default([]),
      }),
    )
    .default({})
    .meta({ description: 'Headers sent with every request.', typeText: 'mapping' }),
}

const httpSchema = z.object(httpShape)
/** How something is reached over HTTP, checked. */
export type HttpSettings = z.output<typeof httpSchema>
/** How the other side is verified, checked. */
export type TlsSettings = NonNullable<HttpSettings['tls_config']>
/** Client credentials, checked. */
export type OauthSettings = NonNullable<HttpSettings['oauth2']>

/** Adds what is wrong with keys that exclude each other. */
export function refuseMixedHttp(config: HttpSettings, context: z.core.$RefinementCtx): void {
  const given = (['basic_auth', 'authorization', 'oauth2'] as const).filter(
    (key) => config[key] !== undefined,
  )
  if (given.length > 1) {
    context.addIssue({
      code: 'custom',
      path: [given[1]!],
      message: 'at most one of basic_auth, authorization and oauth2 must be configured',
    })
  }
  refuseMixedProxies(config, context)
}

function refuseMixedProxies(config: ProxySettings, context: z.core.$RefinementCtx): void {
  const refuse = (key: string, message: string): void => {
    context.addIssue({ code: 'custom', path: [key], message })
  }
  const hasUrl = config.proxy_url !== undefined
  if (config.proxy_from_environment && (hasUrl || config.no_proxy !== '')) {
    refuse(
      'proxy_from_environment',
      'if proxy_from_environment is configured, proxy_url and no_proxy must not be configured',
    )
  }
  if (config.no_proxy !== '' && !hasUrl) {
    refuse('no_proxy', 'if no_proxy is configured, proxy_url must also be configured')
  }
  const hasHeaders = Object.keys(config.proxy_connect_header).length > 0
  if (hasHeaders && !hasUrl && !config.proxy_from_environment) {
    refuse(
      'proxy_connect_header',
      'if proxy_connect_header is configured, proxy_url or proxy_from_environment must also be configured',
    )
  }
}
