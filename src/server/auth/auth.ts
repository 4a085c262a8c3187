/**
 * Who is calling and may they: the one place where credentials are read. A session cookie, a bearer
 * token, or Basic with any user and a token as password. Receivers and /metrics are open to this
 * machine unless closed. Knows requests, not routes.
 */

import { readFileSync } from 'node:fs'
import type { SignInRequest } from '../../api/api.ts'
import type { Clock } from '../../base/clock.ts'
import { messageOf } from '../../base/error.ts'
import type { Log } from '../../base/log.ts'
import type { AccessRecords } from '../../store/store.ts'
import { serverErrors } from '../errors.ts'
import { failedSignIns, requestsRefused } from '../metrics.ts'
import type { ServerSettings } from '../settings.ts'
import {
  findForeignOrigin,
  hostNameOf,
  isFromLoopback,
  isOwnHost,
  type RequestFacts,
} from './origin.ts'
import { hashPassword, verifyPassword } from './password.ts'
import { type Access, anonymous, isAllowed, type Principal } from './principal.ts'
import { administrator, roleOf, scopeOf, type Session, SessionKeeper } from './session.ts'
import { SignInLimit } from './sign-in-limit.ts'
import { TokenKeeper } from './token.ts'

const cookieName = 'shipwatch_session'

/** Everybody under --no-auth. */
const everybody: Principal = { ...anonymous, scope: 'admin' }

/** Reads credentials, signs people in and out, decides. */
export class Auth {
  readonly isRequired: boolean
  readonly tokens: TokenKeeper
  readonly sessions: SessionKeeper
  readonly #access: AccessRecords
  readonly #settings: ServerSettings['server']
  readonly #limit: SignInLimit
  readonly #externalUrl: () => string

  constructor(parts: {
    access: AccessRecords
    settings: ServerSettings['server']
    clock: Clock
    log: Log
    isRequired: boolean
    externalUrl: () => string
  }) {
    this.isRequired = parts.isRequired
    this.#access = parts.access
    this.#settings = parts.settings
    this.#externalUrl = parts.externalUrl
    this.tokens = new TokenKeeper(parts.access, parts.clock, parts.log)
    this.#limit = new SignInLimit(parts.clock, parts.settings.auth.failed_sign_ins_max)
    this.sessions = new SessionKeeper({
      access: parts.access,
      tokens: this.tokens,
      clock: parts.clock,
      log: parts.log,
      lifetimes: {
        sessionMs: parts.settings.auth.session_lifetime,
        linkMs: parts.settings.auth.sign_in_link_lifetime,
      },
    })
  }

  /** Puts a configured password into force and begins to tidy. Throws `SERVER_PASSWORD_FILE_UNREADABLE`. */
  async start(): Promise<void> {
    await this.sessions.start()
    const configured = this.#readConfiguredPassword()
    if (configured === undefined) return
    const stored = await this.#access.findPassword(administrator)
    if (await verifyPassword(configured, stored)) return
    await this.#access.setPassword(administrator, await hashPassword(configured))
  }

  /** Ends what `start` began. */
  stop(): void {
    this.sessions.stop()
  }

  /** Whether somebody could sign in without the link: a password or an admin token exists. */
  async hasAdministrator(): Promise<boolean> {
    if (await this.hasPassword()) return true
    return (await this.#access.listTokens()).some((token) => token.scope === 'admin')
  }

  async hasPassword(): Promise<boolean> {
    return (await this.#access.findPassword(administrator)) !== undefined
  }

  /**
   * The caller, if they may. Throws `SERVER_HOST_REFUSED`, `SERVER_ORIGIN_REFUSED`,
   * `SERVER_TOKEN_REFUSED`, `SERVER_SIGN_IN_REQUIRED`, `SERVER_ACCESS_DENIED`.
   */
  async admit(request: RequestFacts, access: Access): Promise<Principal> {
    const cookie = this.cookieOf(request)
    this.#guardOrigin(request, cookie !== undefined)
    if (!this.isRequired) {
      if (access !== 'open') this.#guardHost(request)
      return everybody
    }
    const principal = await this.#identify(request, cookie, access)
    if (isAllowed(principal.scope, access)) return principal
    if (this.#isOpenOnLoopback(access) && isFromLoopback(request)) {
      this.#guardHost(request)
      return principal
    }
    if (principal.kind === 'anonymous') {
      requestsRefused.inc({ reason: 'sign-in' })
      throw serverErrors.SIGN_IN_REQUIRED({})
    }
    requestsRefused.inc({ reason: 'right' })
    throw serverErrors.ACCESS_DENIED({ needed: access, actual: principal.scope })
  }

  /**
   * Opens a session. Throws `SERVER_SIGN_IN_FAILED`, `SERVER_SIGN_IN_TOO_OFTEN`,
   * `SERVER_ACCESS_DENIED` (a token for ingest), `SERVER_REQUEST_INVALID`.
   */
  async signIn(
    request: RequestFacts,
    body: SignInRequest,
  ): Promise<{ cookie: string; session: Session }> {
    const retryAfterMs = this.#limit.take(request.remoteAddress)
    if (retryAfterMs > 0) {
      failedSignIns.inc({ method: 'limit' })
      throw serverErrors.SIGN_IN_TOO_OFTEN({ retryAfterMs })
    }
    const opened = await this.#openSession(body)
    this.#limit.forgive(request.remoteAddress)
    const old = this.cookieOf(request)
    if (old !== undefined) await this.sessions.close(old)
    return { cookie: this.#formatCookie(request, opened.secret), session: opened.session }
  }

  /** Ends the caller's session, if any, and gives the cookie that clears theirs. */
  async signOut(request: RequestFacts): Promise<string> {
    const secret = this.cookieOf(request)
    if (secret !== undefined) await this.sessions.close(secret)
    return this.#formatCookie(request, undefined)
  }

  /** Sets the administrator's password and gives the caller's browser a new session. Throws `SERVER_PASSWORD_CONFIGURED`. */
  async changePassword(request: RequestFacts, password: string): Promise<string | undefined> {
    const { admin_password, admin_password_file } = this.#settings.auth
    if (admin_password !== undefined || admin_password_file !== undefined) {
      throw serverErrors.PASSWORD_CONFIGURED({})
    }
    await this.#access.setPassword(administrator, await hashPassword(password))
    const old = this.cookieOf(request)
    if (old === undefined) return undefined
    await this.sessions.close(old)
    const opened = await this.sessions.open({ method: 'password', user: administrator }, 'admin')
    return this.#formatCookie(request, opened.secret)
  }

  /** The session cookie's value, if one was sent. */
  cookieOf(request: RequestFacts): string | undefined {
    for (const part of (request.headers.cookie ?? '').split(';')) {
      const [name, value] = part.trim().split('=', 2)
      if (name === cookieName && value !== undefined && value !== '') return value
    }
    return undefined
  }

  async #openSession(body: SignInRequest): Promise<{ secret: string; session: Session }> {
    if (body.code !== undefined) {
      if (this.sessions.takeCode(body.code)) {
        return this.sessions.open({ method: 'link', user: administrator }, 'admin')
      }
      throw failSignIn('code', 'code of the sign-in link')
    }
    if (body.token !== undefined) {
      const token = await this.tokens.find(body.token)
      if (token === undefined) throw failSignIn('token', 'token')
      const role = roleOf(token.scope)
      if (role === undefined) {
        throw serverErrors.ACCESS_DENIED({ needed: 'read', actual: token.scope })
      }
      return this.sessions.open({ method: 'token', user: token.name, tokenId: token.id }, role)
    }
    if (body.user === undefined || body.password === undefined) {
      throw serverErrors.REQUEST_INVALID({
        problems: 'give code, or token, or user and password',
      })
    }
    const stored = await this.#access.findPassword(body.user)
    if (await verifyPassword(body.password, stored)) {
      return this.sessions.open({ method: 'password', user: body.user }, 'admin')
    }
    throw failSignIn('password', 'name or the password')
  }

  async #identify(
    request: RequestFacts,
    cookie: string | undefined,
    access: Access,
  ): Promise<Principal> {
    const secret = findHeaderSecret(request.headers.authorization)
    if (secret !== undefined) {
      const token = secret === '' ? undefined : await this.tokens.find(secret)
      if (token !== undefined) {
        const actor = `token:${token.name}`
        const key = `token:${token.id}`
        return { kind: 'token', actor, scope: token.scope, key, endTimeMs: undefined }
      }
      if (access === 'open') return anonymous
      failedSignIns.inc({ method: 'header' })
      throw serverErrors.TOKEN_REFUSED({})
    }
    if (cookie === undefined) return anonymous
    const session = await this.sessions.find(cookie)
    if (session === undefined) return anonymous
    return {
      kind: 'session',
      actor: session.user,
      scope: scopeOf(session.role),
      key: session.key,
      endTimeMs: session.endTimeMs,
    }
  }

  #isOpenOnLoopback(access: Access): boolean {
    if (access === 'ingest') return this.#settings.ingest_open_on_loopback
    return access === 'metrics'
  }

  #guardHost(request: RequestFacts): void {
    if (isOwnHost(request.headers.host, this.#externalUrl())) return
    requestsRefused.inc({ reason: 'host' })
    throw serverErrors.HOST_REFUSED({ host: request.headers.host ?? '' })
  }

  /** A bearer token is never sent by a browser on its own, so it proves intent. */
  #guardOrigin(request: RequestFacts, hasCookie: boolean): void {
    if (/^bearer /i.test(request.headers.authorization ?? '')) return
    const origin = findForeignOrigin(request, this.#externalUrl(), hasCookie)
    if (origin === undefined) return
    requestsRefused.inc({ reason: 'origin' })
    throw serverErrors.ORIGIN_REFUSED({ origin })
  }

  /** `undefined` clears the cookie. `Secure` when the browser came by the external https address. */
  #formatCookie(request: RequestFacts, secret: string | undefined): string {
    const external = new URL(this.#externalUrl())
    const isExternal = hostNameOf(request.headers.host ?? '') === external.hostname.toLowerCase()
    const isSecure = external.protocol === 'https:' && isExternal
    const ageSeconds =
      secret === undefined ? 0 : Math.floor(this.#settings.auth.session_lifetime / 1000)
    return (
      `${cookieName}=${secret ?? ''}; Path=/; HttpOnly; SameSite=Strict; Max-Age=${ageSeconds}` +
      (isSecure ? '; Secure' : '')
    )
  }

  #readConfiguredPassword(): string | undefined {
    const { admin_password, admin_password_file: path } = this.#settings.auth
    if (path === undefined) return admin_password?.reveal() || undefined
    let line: string | undefined
    try {
      line = readFileSync(path, 'utf8').split(/\r?\n/, 1)[0]
    } catch (thrown) {
      throw serverErrors.PASSWORD_FILE_UNREADABLE({ path, reason: messageOf(thrown) }, thrown)
    }
    if (!line) throw serverErrors.PASSWORD_FILE_UNREADABLE({ path, reason: 'it is empty' })
    return line
  }
}

function failSignIn(method: string, shown: string): Error {
  failedSignIns.inc({ method })
  return serverErrors.SIGN_IN_FAILED({ method: shown })
}

/** The secret of an Authorization header: `''` when it has none that we take, `undefined` without header. */
function findHeaderSecret(header: string | undefined): string | undefined {
  if (header === undefined) return undefined
  const [scheme, value] = header.trim().split(/\s+/, 2)
  if (/^bearer$/i.test(scheme ?? '')) return value ?? ''
  if (!/^basic$/i.test(scheme ?? '')) return ''
  const pair = Buffer.from(value ?? '', 'base64').toString('utf8')
  const colon = pair.indexOf(':')
  return colon < 0 ? '' : pair.slice(colon + 1)
}
