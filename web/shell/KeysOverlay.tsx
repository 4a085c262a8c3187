/** All keys of this page, as they are bound now. */

import { useMemo } from 'react'
import { usePreferences } from '../data/preferences.ts'
import { Dialog } from '../kit/Overlay.tsx'
import { Link } from '../route/router.tsx'
import { useWords } from '../word/word.tsx'
import { boundKeys } from './keys.ts'

/** The overlay. */
export default function KeysOverlay(props: { onClose: () => void }) {
  const words = useWords()
  const { hasSingleKeys } = usePreferences()
  const bindings = useMemo(boundKeys, [])
  return (
    <Dialog isOpen onClose={props.onClose} title={words.key.title} size="wide">
      {hasSingleKeys ? null : (
        <p className="mid">
          {words.key.off}{' '}
          <Link to="/settings" onClick={props.onClose}>
            {words.place.settings}
          </Link>
        </p>
      )}
      <ul className="key-list">
        {bindings.map((binding) => (
          <li key={binding.keys}>
            <span className="key-combination">
              {binding.keys.split(/[ +]/).map((key, index) => (
                // biome-ignore lint/suspicious/noArrayIndexKey: a combination may hold a key twice
                <kbd key={index} className="key">
                  {key === 'mod' ? 'Ctrl/⌘' : key === 'k' && index > 0 ? 'K' : key}
                </kbd>
              ))}
            </span>
            {binding.label}
          </li>
        ))}
        {(['Enter', 'Esc'] as const).map((key) => (
          <li key={key}>
            <span className="key-combination">
              <kbd className="key">{key}</kbd>
            </span>
            {key === 'Enter' ? words.key.open : words.key.close}
          </li>
        ))}
      </ul>
    </Dialog>
  )
}
