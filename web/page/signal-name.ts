/** Names of signals that the server chose, in the reader's language. */

import type { Words } from '../word/words.ts'

/** The name of a signal; names of rules and of the user's own signals stay as they are. */
export function signalName(name: string, words: Words): string {
  const rule = /^signal of (.+)$/.exec(name)?.[1]
  if (rule !== undefined) return words.signal.ofRule({ name: rule })
  return Object.hasOwn(words.signal.names, name) ? words.signal.names[name]! : name
}
