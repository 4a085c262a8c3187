/** The query editor as pages use it: until its code is here, a plain field of the same size. */

import { lazy, Suspense } from 'react'
import './editor.css'
import type { PromqlEditorProps } from './PromqlEditor.tsx'

const PromqlEditor = lazy(() => import('./PromqlEditor.tsx'))

/** A field for a PromQL query. */
export function QueryField(props: PromqlEditorProps) {
  return (
    <Suspense
      fallback={
        <input
          className="input editor-wait mono"
          aria-label={props.label}
          placeholder={props.placeholder}
          value={props.value}
          onChange={(event) => props.onChange(event.target.value)}
          onKeyDown={(event) => {
            if (event.key === 'Enter') props.onRun()
          }}
        />
      }
    >
      <PromqlEditor {...props} />
    </Suspense>
  )
}
