/** The time, as pages see it; one beat for all ages on the page. */

import { useSyncExternalStore } from 'react'

let nowTimeMs = Date.now()
const listeners = new Set<() => void>()
let timer: ReturnType<typeof setInterval> | undefined

function subscribe(listener: () => void): () => void {
  listeners.add(listener)
  timer ??= setInterval(() => {
    nowTimeMs = Date.now()
    for (const one of listeners) one()
  }, 5000)
  return () => {
    listeners.delete(listener)
    if (listeners.size === 0) {
      clearInterval(timer)
      timer = undefined
    }
  }
}

/** Now in ms, renewed every five seconds. */
export function useNowTimeMs(): number {
  return useSyncExternalStore(subscribe, () => nowTimeMs)
}

/** Now in ms, at this moment. */
export function currentTimeMs(): number {
  return Date.now()
}
