/** What every language file gives, and which languages there are. */

import type { en } from './en.ts'
import type { enPages } from './en-pages.ts'

type Widen<T> = T extends string
  ? string
  : T extends (...values: infer A) => unknown
    ? (...values: A) => string
    : { [K in keyof T]: Widen<T[K]> }

/** The words that every page needs: exactly the keys of English, so that a missing one does not compile. */
export type FirstWords = Widen<typeof en>

/** The words of pages that nobody sees first. */
export type PageWords = Widen<typeof enPages>

/** The words of a language. */
export type Words = FirstWords & PageWords

/** A language that the UI speaks; the tag is also the `lang` of the page. */
export type Language = 'en' | 'zh-CN'
