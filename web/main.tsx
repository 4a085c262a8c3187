/** Starts the UI: the reader's choices, their language, the query cache, the live stream, the pages. */

import './token/tokens.css'
import './token/base.css'
import './kit/kit.css'
import './shell/shell.css'
import './page/page.css'
import { useEffect, useState } from 'react'
import { createRoot } from 'react-dom/client'
import { startLive } from './data/live.ts'
import { preferences, usePreferences, wearPreferences } from './data/preferences.ts'
import { makeQueryClient, QueryClientProvider } from './data/queries.ts'
import { KitProvider } from './kit/Overlay.tsx'
import { Pages } from './route/router.tsx'
import { router } from './routes.tsx'
import { loadWords, preferredLanguage, WordProvider } from './word/word.tsx'
import type { Language, Words } from './word/words.ts'

function chosenLanguage(): Language {
  const { language } = preferences()
  return language === 'auto' ? preferredLanguage(navigator.languages) : language
}

function Root(props: { first: { words: Words; language: Language } }) {
  const { language: choice } = usePreferences()
  const [said, setSaid] = useState(props.first)
  // biome-ignore lint/correctness/useExhaustiveDependencies: the choice decides the language
  useEffect(() => {
    const language = chosenLanguage()
    let isWanted = true
    void loadWords(language).then((words) => {
      if (!isWanted) return
      document.documentElement.lang = language
      setSaid({ words, language })
    })
    return () => {
      isWanted = false
    }
  }, [choice])
  return (
    <WordProvider words={said.words} language={said.language}>
      <QueryClientProvider client={client}>
        <KitProvider>
          <Pages router={router} />
        </KitProvider>
      </QueryClientProvider>
    </WordProvider>
  )
}

const client = makeQueryClient()
wearPreferences()
startLive(client)
const language = chosenLanguage()
const words = await loadWords(language)
document.documentElement.lang = language
const root = document.getElementById('root')
if (!root) throw new Error('BUG: index.html has no #root')
createRoot(root).render(<Root first={{ words, language }} />)
