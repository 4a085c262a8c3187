/**
 * Keys. Single keys do nothing inside fields, can be switched off in Settings (WCAG 2.1.4), and stay
 * quiet while a dialog is open. `g` begins a chord. The overlay (`?`) lists what is bound now.
 */

import { useEffect, useRef } from 'react'
import { preferences } from '../data/preferences.ts'

/** A key or chord and what it does. `keys` is `t`, `g i`, `?` or `mod+k`. */
export interface Binding {
  keys: string
  label: string
  run: () => void
}

const bound = new Set<{ current: readonly Binding[] }>()
const chordTimeMaxMs = 1200
let chord: { key: string; timeMs: number } | undefined
let isListening = false

function isTyping(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName))
  )
}

function findBinding(keys: string): Binding | undefined {
  // What was bound last is nearest to the reader: the page before the shell.
  for (const list of [...bound].reverse()) {
    const found = list.current.find((binding) => binding.keys === keys)
    if (found) return found
  }
  return undefined
}

function onKeyDown(event: KeyboardEvent): void {
  if (event.defaultPrevented || event.isComposing) return
  const isMod = event.ctrlKey || event.metaKey
  if (isMod) {
    const binding = event.altKey ? undefined : findBinding(`mod+${event.key.toLowerCase()}`)
    if (binding) {
      event.preventDefault()
      binding.run()
    }
    return
  }
  if (event.altKey || isTyping(event.target) || !preferences().hasSingleKeys) return
  if (document.querySelector('[role="dialog"]')) return
  const begun = chord && event.timeStamp - chord.timeMs < chordTimeMaxMs ? chord.key : undefined
  chord = undefined
  const binding = begun ? findBinding(`${begun} ${event.key}`) : findBinding(event.key)
  if (binding) {
    event.preventDefault()
    binding.run()
  } else if (!begun && [...bound].some((list) => startsChord(list.current, event.key))) {
    chord = { key: event.key, timeMs: event.timeStamp }
  }
}

function startsChord(bindings: readonly Binding[], key: string): boolean {
  return bindings.some((binding) => binding.keys.startsWith(`${key} `))
}

/** Binds keys while the component is on the page. */
export function useKeys(bindings: readonly Binding[]): void {
  const list = useRef(bindings)
  list.current = bindings
  useEffect(() => {
    if (!isListening) {
      isListening = true
      document.addEventListener('keydown', onKeyDown)
    }
    bound.add(list)
    return () => {
      bound.delete(list)
    }
  }, [])
}

/** All that is bound now, nearest first. */
export function boundKeys(): Binding[] {
  const seen = new Set<string>()
  const out: Binding[] = []
  for (const list of [...bound].reverse()) {
    for (const binding of list.current) {
      if (!seen.has(binding.keys)) out.push(binding)
      seen.add(binding.keys)
    }
  }
  return out
}

/** Moves the focus to the next or previous row of the page's list. */
export function stepRow(step: 1 | -1): void {
  const rows = [...document.querySelectorAll<HTMLElement>('[data-row]')]
  const at = rows.indexOf(document.activeElement as HTMLElement)
  const next = at === -1 ? (step === 1 ? 0 : rows.length - 1) : at + step
  rows[next]?.focus()
  rows[next]?.scrollIntoView({ block: 'nearest' })
}

/** Puts the focus into the page's own filter field. */
export function focusFilter(): void {
  const field = document.querySelector<HTMLElement>(
    '#main .cm-content, #main [type="search"], #main input[type="text"]',
  )
  field?.focus()
}
