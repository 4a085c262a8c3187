/** The title of a cause in the reader's language; the server writes it in English. */

import type { Words } from '../word/words.ts'

/** "deployment checkout v1 → v2" as the reader says it; other titles stay as they are. */
export function causeTitle(
  cause: { title: string; deploymentId: string | undefined },
  words: Words,
): string {
  const name = /^deployment (.+)$/.exec(cause.title)?.[1]
  if (cause.deploymentId !== undefined && name !== undefined)
    return words.incident.causeOf({ name })
  return cause.title === 'no change found' ? words.incident.noChange : cause.title
}
