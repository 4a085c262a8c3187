/** What every language file gives, and which languages there are. */

import type { en } from './en.ts'

type Widen<T> = T extends string
  ? string
  : T extends (...values: infer A) => unknown
    ? (...values: A) => string
    : { [K in keyof T]: Widen<T[K]> }

/** The words of a language: exactly the keys of English, so that a missing one does not compile. */
export type Words = Widen<typeof en>

/** A language that the UI speaks; the tag is also the `lang` of the page. */
export type Language = 'en' | 'zh-CN'
