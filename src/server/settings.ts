/** Settings of the HTTP server: where it listens, who may call it, and its limits. */

import {
  bytesOr,
  durationOr,
  flagOr,
  numberOr,
  type SettingsOf,
  type SettingsPart,
  secret,
  text,
  textOr,
  z,
} from '../config/schema.ts'

const authSection = z
  .strictObject({
    session_lifetime: durationOr('7d', 'How long a signed-in browser stays signed in.'),
    sign_in_link_lifetime: durationOr('1h', 'How long a one-time sign-in link can be used.'),
    failed_sign_ins_max: numberOr(
      10,
      { min: 1, max: 10_000 },
      'Failed sign-ins from one address within 5 minutes before more are refused.',
    ),
    admin_password: secret(
      'Password of the user "admin"; replaces the one set in the UI at each start.',
    ).optional(),
    admin_password_file: text(
      'File that holds the password of the user "admin"; read at start.',
    ).optional(),
  })
  .prefault({})
  .meta({ description: 'Sign-in: sessions, links, and the administrator.' })

const serverSection = z
  .strictObject({
    listen: textOr(
      '127.0.0.1:9595',
      'Address and port of the UI, the API and all HTTP receivers.',
    ).refine((value) => parseListen(value) !== undefined, {
      message: 'must be an address and a port such as 127.0.0.1:9595, [::1]:9595 or :9595',
    }),
    external_url: text(
      'Address under which people reach this server; for links in messages. Default: the address it listens on.',
    )
      .refine((value) => /^https?:\/\/[^\s/]+/.test(value) && URL.canParse(value), {
        message: 'must be an address such as https://shipwatch.example.com',
      })
      .optional(),
    ingest_open_on_loopback: flagOr(
      true,
      'Takes remote write and log pushes from this machine without a token.',
    ),
    allow_quit: flagOr(false, 'Lets an administrator stop the server through POST /-/quit.'),
    body_size_max: bytesOr('64MiB', 'Largest body that a receiver takes, as sent.'),
    request_count_max: numberOr(
      512,
      { min: 1, max: 100_000 },
      'Requests served at the same time; more get 503 with Retry-After.',
    ),
    ingest_size_max: bytesOr(
      '256MiB',
      'Bodies of receivers held in memory at the same time; more get 503 with Retry-After.',
    ),
    live_client_count_max: numberOr(
      200,
      { min: 1, max: 100_000 },
      'Live streams open at the same time.',
    ),
    auth: authSection,
  })
  .prefault({})
  .meta({ description: 'The HTTP server; read at start, a change needs a restart.' })

/** The server's part of the configuration. */
export const serverSettings = {
  global: {},
  top: { server: serverSection },
} satisfies SettingsPart

/** The server's settings as read. */
export type ServerSettings = SettingsOf<typeof serverSettings>

/** `host:port`, `[v6]:port` or `:port` (all addresses); `undefined` when it is none of these. */
export function parseListen(value: string): { host: string; port: number } | undefined {
  const match = /^(?:\[([0-9a-fA-F:.%]+)\]|([^:[\]\s]*)):(\d{1,5})$/.exec(value)
  if (match === null || Number(match[3]) > 65_535) return undefined
  return { host: match[1] ?? (match[2] || '::'), port: Number(match[3]) }
}
