/** Text that is there to be copied. */

import { useState } from 'react'
import { useWords } from '../word/word.tsx'
import { Button } from './Button.tsx'
import { CopyIcon, DoneIcon } from './icons.ts'

/** Copies a text and says so; a browser that forbids it is told to the reader. */
export function CopyButton(props: { text: string; label?: string }) {
  const words = useWords()
  const [state, setState] = useState<'rest' | 'done' | 'refused'>('rest')
  const copy = async (): Promise<void> => {
    const isCopied = await writeClipboard(props.text)
    setState(isCopied ? 'done' : 'refused')
    setTimeout(() => setState('rest'), 2000)
  }
  const said = state === 'done' ? words.kit.copied : words.kit.copyRefused
  return (
    <>
      <Button
        weight="quiet"
        size="small"
        label={props.label ?? words.kit.copy}
        icon={state === 'done' ? <DoneIcon size={14} /> : <CopyIcon size={14} />}
        onClick={() => void copy()}
      />
      <span role="status" className={state === 'refused' ? 'field-fault' : 'hidden-text'}>
        {state === 'rest' ? '' : said}
      </span>
    </>
  )
}

async function writeClipboard(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text)
    return true
  } catch {
    // Without a secure context the clipboard is closed: the old way, which may be refused too.
    const area = document.createElement('textarea')
    area.value = text
    document.body.append(area)
    area.select()
    const isCopied = document.execCommand('copy')
    area.remove()
    return isCopied
  }
}

/** A command or configuration in its own frame, with a button that copies it; a message may be wrapped. */
export function CopyBlock(props: { text: string; label: string; isWrapped?: boolean }) {
  return (
    <div className="copy-block" data-wrapped={props.isWrapped || undefined}>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a frame that scrolls must be reachable by keyboard */}
      <section tabIndex={0} aria-label={props.label}>
        <pre>{props.text}</pre>
      </section>
      <div className="copy-block-button">
        <CopyButton text={props.text} />
      </div>
    </div>
  )
}
