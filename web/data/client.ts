/**
 * Calls the server. Every failure becomes an `ApiError` that says what, why and what to do, whatever
 * shape the other side answered in: our own, Prometheus's, or nothing at all.
 */

import { type ApiFailure, apiRoot } from '../../src/api/api.ts'

/** A call that failed. `status` 0 means that no answer came. */
export class ApiError extends Error {
  readonly status: number
  readonly code: string
  readonly hint: string
  readonly facts: Readonly<Record<string, unknown>>

  constructor(o: {
    status: number
    code: string
    message: string
    hint?: string
    facts?: Record<string, unknown>
  }) {
    super(o.message)
    this.status = o.status
    this.code = o.code
    this.hint = o.hint ?? ''
    this.facts = o.facts ?? {}
  }
}

/** How the server answers: heard by the stale bar and the sign-in guard. */
export interface AnswerListener {
  onAnswer: () => void
  onSilence: () => void
  onSignedOut: () => void
}

let listener: AnswerListener | undefined

/** Who hears of answers; one listener, set by `live.ts`. */
export function listenToAnswers(next: AnswerListener): void {
  listener = next
}

/** Calls the product's own API; the answer is `T` by agreement of src/api. */
export async function call<T>(
  method: 'GET' | 'POST' | 'PUT' | 'DELETE',
  path: string,
  o: {
    body?: unknown
    search?: Record<string, string | number | undefined>
    signal?: AbortSignal
  } = {},
): Promise<T> {
  const init: RequestInit = { method, signal: o.signal ?? null }
  if (o.body !== undefined) {
    init.body = JSON.stringify(o.body)
    init.headers = { 'content-type': 'application/json' }
  }
  const response = await send(apiRoot + path + searchText(o.search), init)
  const answer = await readJson(response)
  if (!response.ok) throw failureOf(response, answer)
  return answer as T
}

/** Calls a Prometheus endpoint below `/api/v1` with form parameters; answers `data` and the warnings. */
export async function callPrometheus<T>(
  path: string,
  form: Record<string, string | number | undefined>,
  signal?: AbortSignal,
): Promise<{ data: T; warnings: string[] }> {
  const response = await send(`/api/v1${path}${searchText(form)}`, { signal: signal ?? null })
  const answer = (await readJson(response)) as {
    status?: string
    data?: T
    warnings?: string[]
    infos?: string[]
    error?: unknown
    errorType?: string
  }
  if (!response.ok || answer?.status !== 'success') {
    if (typeof answer?.error === 'string') {
      throw new ApiError({
        status: response.status,
        code: answer.errorType ?? `http-${response.status}`,
        message: answer.error,
      })
    }
    throw failureOf(response, answer)
  }
  return {
    data: answer.data as T,
    warnings: [...(answer.warnings ?? []), ...(answer.infos ?? [])],
  }
}

function searchText(search: Record<string, string | number | undefined> | undefined): string {
  const out = new URLSearchParams()
  for (const [name, value] of Object.entries(search ?? {})) {
    if (value !== undefined && value !== '') out.set(name, String(value))
  }
  const text = out.toString()
  return text === '' ? '' : `?${text}`
}

async function send(address: string, init: RequestInit): Promise<Response> {
  try {
    const response = await fetch(address, { credentials: 'same-origin', ...init })
    listener?.onAnswer()
    if (response.status === 401) listener?.onSignedOut()
    return response
  } catch (error) {
    if (init.signal?.aborted) throw error
    listener?.onSilence()
    throw new ApiError({ status: 0, code: 'no-answer', message: String(error) })
  }
}

async function readJson(response: Response): Promise<unknown> {
  const text = await response.text()
  if (text === '') return undefined
  try {
    return JSON.parse(text)
  } catch {
    throw new ApiError({
      status: response.status,
      code: `http-${response.status}`,
      message: text.slice(0, 300),
    })
  }
}

function failureOf(response: Response, answer: unknown): ApiError {
  const failure = (answer as Partial<ApiFailure> | undefined)?.error
  return new ApiError({
    status: response.status,
    code: failure?.code ?? `http-${response.status}`,
    message: failure?.message ?? response.statusText,
    hint: failure?.hint ?? '',
    facts: failure?.facts ?? {},
  })
}
