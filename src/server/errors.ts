/** Error codes of the HTTP server. */

import { errorTable } from '../base/error.ts'

/** Makers of the server's errors. */
export const serverErrors = errorTable('SERVER', {
  NO_AUTH_NEEDS_LOOPBACK: {
    kind: 'user',
    status: 400,
    message: (facts: { listen: string }) =>
      `Without authentication the server listens on this machine only, not on ${facts.listen}.`,
    hint: 'Leave --no-auth away, or listen on 127.0.0.1.',
  },
  ADMINISTRATOR_MISSING: {
    kind: 'user',
    status: 400,
    message: (facts: { listen: string }) =>
      `The server does not listen on ${facts.listen}, which other machines reach, before there is an administrator.`,
    hint: 'Set server.auth.admin_password_file, or start on 127.0.0.1 once, sign in with the link and set a password or make an admin token in Settings.',
  },
  LISTEN_FAILED: {
    kind: 'operation',
    status: 500,
    message: (facts: { listen: string; reason: string }) =>
      `Cannot listen on ${facts.listen}: ${facts.reason}.`,
    hint: 'Stop the other program on this port, or choose another with --port or server.listen.',
  },
  PASSWORD_FILE_UNREADABLE: {
    kind: 'user',
    status: 400,
    message: (facts: { path: string; reason: string }) =>
      `Cannot read the administrator's password from ${facts.path}: ${facts.reason}.`,
    hint: 'Correct server.auth.admin_password_file or the file; its first line is the password.',
  },
  SIGN_IN_REQUIRED: {
    kind: 'user',
    status: 401,
    message: () => 'This needs a session or a token.',
    hint: 'Sign in, or send "Authorization: Bearer <token>"; programs on this machine find one in <data-dir>/local.token.',
  },
  TOKEN_REFUSED: {
    kind: 'user',
    status: 401,
    message: () => 'The credentials that were sent are not valid here.',
    hint: 'Send "Authorization: Bearer <token>", or Basic with the token as password; make tokens in Settings.',
  },
  SIGN_IN_FAILED: {
    kind: 'user',
    status: 401,
    message: (facts: { method: string }) => `The ${facts.method} is not right.`,
    hint: 'Check it; a sign-in link works once and for a limited time, and a restart makes a new one.',
  },
  SIGN_IN_TOO_OFTEN: {
    kind: 'user',
    status: 429,
    canRetry: true,
    message: (facts: { retryAfterMs: number }) =>
      `Too many failed sign-ins from this address; try again in ${Math.ceil(facts.retryAfterMs / 1000)} s.`,
    hint: 'Wait, or use a token.',
  },
  ACCESS_DENIED: {
    kind: 'user',
    status: 403,
    message: (facts: { needed: string; actual: string }) =>
      `This needs the right "${facts.needed}"; what was sent gives "${facts.actual}".`,
    hint: 'Use a session or token with that right; an administrator makes tokens in Settings.',
  },
  ORIGIN_REFUSED: {
    kind: 'user',
    status: 403,
    message: (facts: { origin: string }) =>
      `A page of another origin (${facts.origin}) may not change anything here.`,
    hint: 'Call from the UI itself or with a bearer token; behind a proxy set server.external_url to the address in the browser.',
  },
  HOST_REFUSED: {
    kind: 'user',
    status: 403,
    message: (facts: { host: string }) =>
      `Calls without credentials must name this server by its own address, not "${facts.host}".`,
    hint: 'Use 127.0.0.1 or localhost, or set server.external_url to the name in use.',
  },
  REQUEST_INVALID: {
    kind: 'user',
    status: 400,
    message: (facts: { problems: string }) => `The request is not valid: ${facts.problems}.`,
    hint: 'Correct the fields named.',
  },
  BODY_TOO_LARGE: {
    kind: 'user',
    status: 413,
    message: (facts: { bytesMax: number }) =>
      `The body is larger than the ${facts.bytesMax} bytes that are taken here.`,
    hint: 'Send smaller batches.',
  },
  BODY_UNSUPPORTED: {
    kind: 'user',
    status: 415,
    message: (facts: { contentType: string; expected: string }) =>
      `The body is "${facts.contentType}", but ${facts.expected} is expected.`,
    hint: 'Set Content-Type to what is sent and send it without Content-Encoding.',
  },
  BUSY: {
    kind: 'operation',
    status: 503,
    canRetry: true,
    message: (facts: { limit: string }) => `The server is at its limit of ${facts.limit}.`,
    hint: 'Try again shortly; raise the limit under "server" if it happens often.',
  },
  STOPPING: {
    kind: 'operation',
    status: 503,
    canRetry: true,
    message: () => 'The server is stopping.',
    hint: 'Try again when it is back.',
  },
  ROUTE_UNKNOWN: {
    kind: 'user',
    status: 404,
    message: (facts: { method: string; path: string }) =>
      `There is nothing at ${facts.method} ${facts.path}.`,
    hint: 'Check the address against the reference of the API.',
  },
  METHOD_REFUSED: {
    kind: 'user',
    status: 405,
    message: (facts: { method: string; path: string; allowed: string }) =>
      `${facts.path} does not take ${facts.method}, but ${facts.allowed}.`,
    hint: 'Check the method against the reference of the API.',
  },
  ITEM_UNKNOWN: {
    kind: 'user',
    status: 404,
    message: (facts: { kind: string; id: string }) => `There is no ${facts.kind} "${facts.id}".`,
    hint: 'It may be older than what is kept; look in the list.',
  },
  CALLBACK_REFUSED: {
    kind: 'user',
    status: 403,
    message: (facts: { source: string; reason: string }) =>
      `The call of ${facts.source} is not taken: ${facts.reason}.`,
    hint: 'Compare the secret under "acknowledge", or the token of the account, with the one that the other side shows; behind a proxy server.external_url must be the address that it calls.',
  },
  PASSWORD_CONFIGURED: {
    kind: 'user',
    status: 409,
    message: () => "The administrator's password is set in the configuration.",
    hint: 'Change server.auth.admin_password or the file it names, then restart.',
  },
  QUIT_DISABLED: {
    kind: 'user',
    status: 403,
    message: () => 'Stopping through the API is not enabled.',
    hint: 'Set server.allow_quit: true, or send SIGTERM.',
  },
  PARAMETER_INVALID: {
    kind: 'user',
    status: 400,
    // Prometheus's and Loki's own words, because their clients know them.
    message: (facts: { text: string }) => facts.text,
    hint: 'Correct the parameter named.',
  },
  CLIENT_GONE: {
    kind: 'user',
    status: 499,
    canRetry: true,
    message: () => 'The client went away before its request was complete.',
    hint: 'Nothing of it was taken; send it again.',
  },
  REQUEST_MALFORMED: {
    kind: 'user',
    status: 400,
    message: (facts: { reason: string }) => `The request cannot be read: ${facts.reason}.`,
    hint: 'Check what the client sends.',
  },
  INTERNAL: {
    kind: 'ours',
    status: 500,
    message: () => 'Something went wrong inside the server; its log says what.',
    hint: 'Report it with the lines of the log around this time.',
  },
})
