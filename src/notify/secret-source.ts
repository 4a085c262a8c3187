/**
 * Secrets of receivers: each stands in the settings itself or in a file, which is read whenever it is needed, so
 * that a renewed one counts at once. And what of them must never be shown.
 */

import { readFileSync } from 'node:fs'
import { messageOf } from '../base/error.ts'
import { Secret } from '../base/secret.ts'
import type { z } from '../config/schema.ts'
import { SendFailure } from './send-request.ts'

/** A secret given directly or as the path of a file, which is read each time; empty when neither. */
export function revealSecret(value: Secret | undefined, file: string | undefined): string {
  if (value !== undefined && isGiven(value)) return value.reveal()
  if (file === undefined || file === '') return ''
  try {
    return readFileSync(file, 'utf8').trim()
  } catch (thrown) {
    throw new SendFailure(`cannot read ${file}: ${messageOf(thrown)}`, {
      reason: 'other',
      canRetry: true,
    })
  }
}

/** A secret, as it stands in the settings. */
export interface SecretSource {
  value: Secret | undefined
  file: string | undefined
}

/** Whether there is one. */
export function hasSecret(source: SecretSource): boolean {
  return isGiven(source.value) || isGiven(source.file)
}

/** The receiver's own secret or else the shared one; throws `Error` when there is none. */
export function chooseSecret(
  own: SecretSource,
  shared: SecretSource,
  names: { missing: string },
): SecretSource {
  const chosen = hasSecret(own) ? own : shared
  if (!hasSecret(chosen)) throw new Error(names.missing)
  return chosen
}

/** Exactly one of `name` and `name_file` must be given, or at most one; an address must be one. */
export function checkSource(
  config: object,
  name: string,
  context: z.core.$RefinementCtx,
  options: { isRequired?: boolean; isUrl?: boolean } = {},
): void {
  const values = config as Record<string, unknown>
  const value = values[name]
  const add = (message: string): void => {
    context.issues.push({ code: 'custom', message, path: [name], input: undefined })
  }
  const count = [value, values[`${name}_file`]].filter(isGiven).length
  if (count === 2) add(`needs either "${name}" or "${name}_file", not both`)
  if (count === 0 && options.isRequired === true) add(`needs either "${name}" or "${name}_file"`)
  const url = value instanceof Secret ? value.reveal() : value
  if (options.isUrl === true && typeof url === 'string' && !isHttpUrl(url))
    add('must be an http or https address')
}

/** Whether a setting says anything: an empty text is as good as none. */
export function isGiven(value: unknown): boolean {
  return value !== undefined && (value instanceof Secret ? value.reveal() : value) !== ''
}

/** What must not show of a secret: its text and, of an address, its path and query. */
export function secretTexts(source: SecretSource): string[] {
  let text: string
  try {
    text = revealSecret(source.value, source.file)
  } catch (thrown) {
    // A file that cannot be read has nothing that could show.
    if (thrown instanceof SendFailure) return []
    throw thrown
  }
  if (!isHttpUrl(text)) return [text]
  const { pathname, search, searchParams, password } = new URL(text)
  const parts = pathname.split('/').filter((part) => part.length >= 16)
  return [text, pathname, search.slice(1), ...searchParams.values(), ...parts, password]
}

/** An http or https address, as a schema's check. */
export function isHttpUrl(url: string): boolean {
  // The platform takes addresses that others refuse: without slashes, or with half a `%`.
  return /^https?:\/\/[^/]/i.test(url) && !/%(?![\da-f]{2})/i.test(url) && URL.canParse(url)
}
