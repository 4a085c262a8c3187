/**
 * `/acknowledge/<token>`: what the link of a message opens. Programs that look at links before people
 * do must not act: opening shows a page with a button, and only the button acts. The token is the
 * right to do so; nobody has to be signed in at three in the morning.
 */

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { CodedError } from '../../base/error.ts'
import type { Page } from '../../model/page.ts'
import { parametersOf, pathPart } from '../request.ts'
import type { RouteContext } from './route.ts'

const bodyBytesMax = 16 * 1024
const nameLengthMax = 100

const words = {
  en: {
    acknowledge: 'Acknowledge',
    escalate: 'Escalate to the next step',
    yourName: 'Your name',
    since: 'Since',
    invalid: 'This link is not valid, or has ended.',
    somebody: 'somebody with the link',
    states: {
      firing: 'Nobody has it yet.',
      escalated: 'Nobody has it yet; it was escalated.',
      acknowledged: 'Acknowledged by',
      resolved: 'It is over.',
    },
  },
  zh: {
    acknowledge: '认领',
    escalate: '升级到下一步',
    yourName: '你的名字',
    since: '开始于',
    invalid: '此链接无效或已过期。',
    somebody: '持有链接的人',
    states: {
      firing: '尚无人认领。',
      escalated: '尚无人认领；已升级。',
      acknowledged: '已认领：',
      resolved: '已恢复。',
    },
  },
} as const

type Words = (typeof words)[keyof typeof words]

/** Adds the page behind links of messages. */
export function addAcknowledgeRoutes(app: FastifyInstance, context: RouteContext): void {
  const { pages } = context.parts.alerts
  const options = {
    bodyLimit: bodyBytesMax,
    config: { access: 'open' as const, shape: 'text' as const },
  }

  app.get('/acknowledge/:token', options, async (request, reply) => {
    const text = chooseWords(request)
    try {
      const { page, person } = await pages.readToken(pathPart(request, 'token'))
      return sendPage(reply, text, formatPage(text, page, person))
    } catch (thrown) {
      return refuse(reply, text, thrown)
    }
  })

  app.post('/acknowledge/:token', options, async (request, reply) => {
    const text = chooseWords(request)
    try {
      const { page, person } = await pages.readToken(pathPart(request, 'token'))
      const form = parametersOf(request)
      const name = (form.get('name') ?? '').trim().slice(0, nameLengthMax)
      const act = { actor: person || name || text.somebody, reason: 'By the link of a message.' }
      const isEscalation = form.get('action') === 'escalate'
      if (page.state !== 'resolved') {
        if (isEscalation) await pages.escalate(page.id, act)
        else await pages.acknowledge(page.id, act)
        request.principal = { ...request.principal, actor: act.actor }
        context.audit(request, isEscalation ? 'page-escalate' : 'page-acknowledge', { id: page.id })
      }
      return sendPage(reply, text, formatPage(text, await pages.get(page.id), person))
    } catch (thrown) {
      return refuse(reply, text, thrown)
    }
  })
}

function chooseWords(request: FastifyRequest): Words {
  return /^zh\b/i.test(request.headers['accept-language'] ?? '') ? words.zh : words.en
}

function refuse(reply: FastifyReply, text: Words, thrown: unknown): FastifyReply {
  if (!(thrown instanceof CodedError)) throw thrown
  const isToken = thrown.code === 'ALERT_TOKEN_INVALID' || thrown.code === 'ALERT_PAGE_UNKNOWN'
  const said = isToken ? text.invalid : `${thrown.message} ${thrown.hint}`
  reply.code(thrown.status)
  return sendPage(reply, text, `<p>${escapeHtml(said)}</p>`)
}

function formatPage(text: Words, page: Page, person: string): string {
  const since = new Date(page.openedTimeMs).toISOString().slice(0, 16).replace('T', ' ')
  const state = `${text.states[page.state]} ${page.state === 'acknowledged' ? page.acknowledgedBy : ''}`
  const nameField =
    person === ''
      ? `<label>${text.yourName} <input name="name" maxlength="${nameLengthMax}" autocomplete="name"></label>`
      : `<p>${escapeHtml(person)}</p>`
  const buttons = [
    `<button name="action" value="acknowledge">${text.acknowledge}</button>`,
    page.policy === '' ? '' : `<button name="action" value="escalate">${text.escalate}</button>`,
  ].join(' ')
  const form =
    page.state === 'resolved' ? '' : `<form method="post">${nameField}<p>${buttons}</p></form>`
  return (
    `<h1>${escapeHtml(page.title)}</h1><p>${escapeHtml(state.trim())}</p>` +
    `<p>${text.since} ${since} UTC</p>${form}`
  )
}

function sendPage(reply: FastifyReply, text: Words, body: string): FastifyReply {
  const style =
    ':root{color-scheme:light dark;font:18px/1.5 system-ui,sans-serif}' +
    'body{max-width:32rem;margin:2rem auto;padding:0 1rem}' +
    'button{font:inherit;padding:.75rem 1.25rem;margin:.25rem 0}input{font:inherit;padding:.5rem}'
  const language = text === words.zh ? 'zh-CN' : 'en'
  const html =
    `<!doctype html><html lang="${language}"><head><meta charset="utf-8">` +
    '<meta name="viewport" content="width=device-width"><meta name="robots" content="noindex">' +
    `<title>Shipwatch</title><style>${style}</style></head><body><main>${body}</main></body></html>`
  return reply
    .headers({
      'content-security-policy':
        "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
      'cache-control': 'no-store',
      // The form's own origin must be named when it is posted; addresses elsewhere hear nothing.
      'referrer-policy': 'same-origin',
    })
    .type('text/html; charset=utf-8')
    .send(html)
}

function escapeHtml(value: string): string {
  return value
    .replace(/&/g, '&amp;')
    .replace(/</g, '&lt;')
    .replace(/>/g, '&gt;')
    .replace(/"/g, '&quot;')
}
