/** What the reader chose for this browser: language, appearance, time zone, keys. */

import { useSyncExternalStore } from 'react'

/** The choices. `auto` follows the browser. */
export interface Preferences {
  language: 'auto' | 'en' | 'zh-CN'
  appearance: 'auto' | 'light' | 'dark'
  density: 'auto' | 'comfortable'
  /** `local`, `UTC` or a zone's name. */
  timeZone: string
  hasSingleKeys: boolean
  isRailFolded: boolean
}

const storageKey = 'shipwatch.preferences'
const initial: Preferences = {
  language: 'auto',
  appearance: 'auto',
  density: 'auto',
  timeZone: 'local',
  hasSingleKeys: true,
  isRailFolded: false,
}

let current: Preferences = read()
const listeners = new Set<() => void>()

function read(): Preferences {
  try {
    const stored: unknown = JSON.parse(localStorage.getItem(storageKey) ?? '{}')
    return stored && typeof stored === 'object' ? { ...initial, ...stored } : initial
  } catch {
    // A browser without storage, or a spoilt entry: the defaults serve.
    return initial
  }
}

/** The choices now. */
export function preferences(): Preferences {
  return current
}

/** Changes some choices and keeps them. */
export function setPreferences(change: Partial<Preferences>): void {
  current = { ...current, ...change }
  try {
    localStorage.setItem(storageKey, JSON.stringify(current))
  } catch {
    // Without storage the choice lasts until the page is closed.
    current = { ...current }
  }
  wearPreferences()
  for (const listener of listeners) listener()
}

/** Puts the choices that CSS reads on the document. */
export function wearPreferences(): void {
  const root = document.documentElement
  if (current.appearance === 'auto') delete root.dataset['appearance']
  else root.dataset['appearance'] = current.appearance
  if (current.density === 'auto') delete root.dataset['density']
  else root.dataset['density'] = current.density
}

/** The choices, renewed when they change. */
export function usePreferences(): Preferences {
  return useSyncExternalStore(subscribePreferences, preferences)
}

/** Calls back at each change. */
function subscribePreferences(listener: () => void): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}

/** The zone's name for Intl; undefined means the browser's. */
export function zoneOf(choice: Preferences): string | undefined {
  return choice.timeZone === 'local' ? undefined : choice.timeZone
}
