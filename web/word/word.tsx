/**
 * Gives pages the words of the reader's language. A language is a chunk of its own and is loaded
 * before the first page is drawn.
 */

import { createContext, type ReactNode, useContext } from 'react'
import type { Language, Words } from './words.ts'

const WordContext = createContext<{ words: Words; language: Language } | undefined>(undefined)

/** Loads the words of a language. */
export async function loadWords(language: Language): Promise<Words> {
  return language === 'zh-CN' ? (await import('./zh-CN.ts')).zhCn : (await import('./en.ts')).en
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
