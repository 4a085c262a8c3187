/** Texts that are being written and not saved yet, kept while the UI stays open, so that a look elsewhere loses nothing. */

/** A text and the revision of the file that it began from. */
export interface RuleDraft {
  text: string
  revision: string
}

const drafts = new Map<string, RuleDraft>()

/** The draft of a file; `undefined` when nothing was changed. */
export function readDraft(key: string): RuleDraft | undefined {
  return drafts.get(key)
}

/** Keeps a draft, or forgets it. */
export function keepDraft(key: string, draft: RuleDraft | undefined): void {
  if (draft === undefined) drafts.delete(key)
  else drafts.set(key, draft)
}
