/** Which mode is in force, so that what is painted on a canvas is painted anew when it changes. */

import { useEffect, useState } from 'react'
import { usePreferences } from '../data/preferences.ts'

/** Changes when the mode in force changes. */
export function useScheme(): string {
  const { appearance } = usePreferences()
  const [isDark, setDark] = useState(() => matchMedia('(prefers-color-scheme: dark)').matches)
  useEffect(() => {
    const query = matchMedia('(prefers-color-scheme: dark)')
    const listener = (): void => setDark(query.matches)
    query.addEventListener('change', listener)
    return () => query.removeEventListener('change', listener)
  }, [])
  return `${appearance}-${isDark}`
}
