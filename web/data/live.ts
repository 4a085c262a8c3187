/**
 * The live stream: the server names what changed and the pages that show it fetch again. While the
 * stream or calls fail, the page says how old what it shows is. Live can be switched off (`.`).
 */

import type { QueryClient } from '@tanstack/react-query'
import { useSyncExternalStore } from 'react'
import { apiRoot, type ChangeEvent } from '../../src/api/api.ts'
import { listenToAnswers } from './client.ts'

/** How the link to the server stands. */
export interface LinkState {
  isLive: boolean
  /** When the server was last heard. */
  lastAnswerTimeMs: number
  /** Whether it does not answer now. */
  isSilent: boolean
  /** Whether a call was refused for want of a session. */
  isSignedOut: boolean
}

/** Query keys whose data a change of a kind makes old. */
const keysOfKind: Record<ChangeEvent['kind'], readonly string[]> = {
  alerts: ['now', 'alerts', 'silences', 'silence-preview', 'incident', 'rules', 'lane'],
  pages: ['alerts', 'incident', 'pages'],
  incidents: ['now', 'incidents', 'incident', 'deployment'],
  deployments: ['now', 'deployments', 'deployment', 'incident'],
  notifications: ['notifications', 'incident'],
  sources: ['now', 'sources'],
  settings: ['settings', 'rules'],
}

let state: LinkState = {
  isLive: true,
  lastAnswerTimeMs: Date.now(),
  isSilent: false,
  isSignedOut: false,
}
const listeners = new Set<() => void>()
let stream: EventSource | undefined
let client: QueryClient | undefined
let retryTimer: ReturnType<typeof setTimeout> | undefined
const pendingKeys = new Set<string>()
let flushTimer: ReturnType<typeof setTimeout> | undefined

function change(next: Partial<LinkState>): void {
  state = { ...state, ...next }
  for (const listener of listeners) listener()
}

function heard(): void {
  const wasSilent = state.isSilent
  state = { ...state, lastAnswerTimeMs: Date.now() }
  if (wasSilent) {
    change({ isSilent: false })
    void client?.invalidateQueries()
    if (state.isLive) openStream()
  }
}

/** Begins to listen for the pages' data. */
export function startLive(queryClient: QueryClient): void {
  client = queryClient
  listenToAnswers({
    onAnswer: heard,
    onSilence: () => {
      change({ isSilent: true })
      tryAgainLater()
    },
    onSignedOut: () => {
      if (!state.isSignedOut) change({ isSignedOut: true })
    },
  })
}

/** Opens the stream once somebody is signed in. */
export function openStream(): void {
  if (stream && stream.readyState !== EventSource.CLOSED) return
  const source = new EventSource(`${apiRoot}/live`)
  stream = source
  source.onopen = heard
  source.onerror = () => {
    // The browser retries by itself unless the answer was final; a call tells which it was.
    if (source.readyState === EventSource.CLOSED) stream = undefined
    tryAgainLater()
  }
  source.addEventListener('change', (event) => {
    heard()
    const told = parseChange(event.data)
    if (told) invalidateSoon(keysOfKind[told.kind] ?? [])
  })
}

/** Closes the stream, for signing out and for `.`. */
function closeStream(): void {
  stream?.close()
  stream = undefined
}

function parseChange(data: unknown): ChangeEvent | undefined {
  try {
    return JSON.parse(String(data)) as ChangeEvent
  } catch {
    // An event that is no JSON carries nothing to act on; the poll will catch up.
    return undefined
  }
}

/** Many changes within a moment cause one fetch per page. */
function invalidateSoon(keys: readonly string[]): void {
  for (const key of keys) pendingKeys.add(key)
  if (flushTimer !== undefined) return
  flushTimer = setTimeout(() => {
    flushTimer = undefined
    const keysNow = new Set(pendingKeys)
    pendingKeys.clear()
    void client?.invalidateQueries({ predicate: (query) => keysNow.has(String(query.queryKey[0])) })
  }, 150)
}

function tryAgainLater(): void {
  if (retryTimer !== undefined) return
  retryTimer = setTimeout(async () => {
    retryTimer = undefined
    try {
      const response = await fetch('/-/healthy', { cache: 'no-store' })
      if (response.ok) {
        if (!state.isSilent) change({ isSilent: true })
        heard()
        return
      }
    } catch {
      // Still silent: said on the page, tried again below.
      if (!state.isSilent) change({ isSilent: true })
    }
    tryAgainLater()
  }, 3000)
}

/** Switches live on or off. */
export function setLive(isLive: boolean): void {
  change({ isLive })
  if (isLive) {
    openStream()
    void client?.invalidateQueries()
  } else closeStream()
}

/** Notes that somebody signed in again. */
export function noteSignedIn(): void {
  change({ isSignedOut: false, isSilent: false })
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}

/** The state of the link. */
export function useLink(): LinkState {
  return useSyncExternalStore(subscribe, () => state)
}
