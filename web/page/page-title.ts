/** The title of the browser's tab. */

import { useEffect } from 'react'

/** Names the tab after the page. */
export function usePageTitle(title: string): void {
  useEffect(() => {
    document.title = `${title} · Shipwatch`
  }, [title])
}
