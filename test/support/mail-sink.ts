/**
 * A real mail server for tests and the demo: takes mail over SMTP on a port of the system's choice,
 * reads it, and keeps it. It can be told to refuse, and to speak TLS only with a certificate of its
 * own making.
 */

import type { AddressInfo } from 'node:net'
import PostalMime, { type Email } from 'postal-mime'
import { SMTPServer } from 'smtp-server'

/** One mail as received. */
export interface ReceivedMail {
  envelope: { from: string; to: string[] }
  /** The user that signed in, or empty. */
  user: string
  mail: Email
  raw: string
  isTls: boolean
}

/** How the server behaves. */
export interface MailSinkOptions {
  /** Offers STARTTLS with nodemailer's built-in test certificate. */
  offersTls?: boolean
  /** Accepts only this user and password. */
  login?: { user: string; password: string }
  /** How users may sign in; plainly unless given. */
  methods?: string[]
}

/** A mail server that keeps what it gets. */
export class MailSink {
  readonly messages: ReceivedMail[] = []
  /** When set, mails are refused with this SMTP code. */
  refuseWith: number | undefined
  readonly #server: SMTPServer
  readonly #waiting: { count: number; resolve: () => void }[] = []

  constructor(options: MailSinkOptions = {}) {
    const { login } = options
    this.#server = new SMTPServer({
      logger: false,
      disabledCommands: options.offersTls === true ? [] : ['STARTTLS'],
      authOptional: login === undefined,
      allowInsecureAuth: true,
      ...(options.methods !== undefined && { authMethods: options.methods }),
      onAuth: (auth, _session, done) => {
        const isRight =
          auth.method === 'CRAM-MD5'
            ? auth.validatePassword(login?.password ?? '')
            : auth.password === login?.password
        if (auth.username === login?.user && isRight) return done(null, { user: auth.username })
        done(new Error('Invalid username or password'))
      },
      onData: (stream, session, done) => {
        const chunks: Buffer[] = []
        stream.on('data', (chunk: Buffer) => chunks.push(chunk))
        stream.on('end', () => {
          if (this.refuseWith !== undefined) {
            done(Object.assign(new Error('refused'), { responseCode: this.refuseWith }))
            return
          }
          const raw = Buffer.concat(chunks)
          PostalMime.parse(raw).then((mail) => {
            const { mailFrom, rcptTo } = session.envelope
            this.messages.push({
              envelope: {
                from: mailFrom === false ? '' : mailFrom.address,
                to: rcptTo.map((recipient) => recipient.address),
              },
              user: String(session.user ?? ''),
              mail,
              raw: raw.toString('utf8'),
              isTls: session.secure,
            })
            for (const waiter of this.#waiting)
              if (this.messages.length >= waiter.count) waiter.resolve()
            done()
          }, done)
        })
      },
    })
    // Clients that turn away during the handshake are part of the tests.
    this.#server.on('error', () => undefined)
  }

  /** Listens on the loopback address; answers the port. */
  start(): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject)
      const listener = this.#server.listen(0, '127.0.0.1', () =>
        resolve((listener.address() as AddressInfo).port),
      )
    })
  }

  /** Resolves when `count` mails have come in all. */
  waitFor(count: number): Promise<void> {
    if (this.messages.length >= count) return Promise.resolve()
    return new Promise((resolve) => this.#waiting.push({ count, resolve }))
  }

  /** Stops listening. */
  stop(): Promise<void> {
    return new Promise((resolve) => this.#server.close(() => resolve()))
  }
}
