/**
 * Gives pages the words of the reader's language. A language is two chunks of its own: the words that every page needs
 * are loaded before the first page is drawn, those of pages that nobody sees first beside the code of such a page.
 */

import { createContext, type ReactNode, useContext } from 'react'
import type { Language, Words } from './words.ts'

const WordContext = createContext<{ words: Words; language: Language } | undefined>(undefined)

const loaded = new Map<Language, Words>()
let arePagesWanted = false

/** Loads the words of a language. */
export async function loadWords(language: Language): Promise<Words> {
  let words = loaded.get(language)
  if (!words) {
    const first =
      language === 'zh-CN' ? (await import('./zh-CN.ts')).zhCn : (await import('./en.ts')).en
    // Those of the pages are put in before a page that has them is drawn.
    words = { ...first } as Words
    loaded.set(language, words)
  }
  if (arePagesWanted) await addPageWords(language, words)
  return words
}

/** Code that is fetched later, with the words of pages that nobody sees first. */
export function withPageWords<C>(load: () => Promise<C>): () => Promise<C> {
  return async () => (await Promise.all([load(), loadPageWords()]))[0]
}

/** Loads the words of the languages in use and of those to come. */
async function loadPageWords(): Promise<void> {
  arePagesWanted = true
  await Promise.all([...loaded].map(([language, words]) => addPageWords(language, words)))
}

async function addPageWords(language: Language, words: Words): Promise<void> {
  const more =
    language === 'zh-CN'
      ? (await import('./zh-CN-pages.ts')).zhCnPages
      : (await import('./en-pages.ts')).enPages
  Object.assign(words, more)
}

/** The language that the browser's preferences ask for. */
export function preferredLanguage(wanted: readonly string[]): Language {
  for (const tag of wanted) {
    if (/^zh\b/i.test(tag)) return 'zh-CN'
    if (/^en\b/i.test(tag)) return 'en'
  }
  return 'en'
}

/** Gives the words to everything below. */
export function WordProvider(props: { words: Words; language: Language; children: ReactNode }) {
  return (
    <WordContext value={{ words: props.words, language: props.language }}>
      {props.children}
    </WordContext>
  )
}

/** The words of the page. */
export function useWords(): Words {
  return useWordContext().words
}

/** The language of the page. */
export function useLanguage(): Language {
  return useWordContext().language
}

function useWordContext(): { words: Words; language: Language } {
  const context = useContext(WordContext)
  if (!context) throw new Error('BUG: no WordProvider above')
  return context
}
