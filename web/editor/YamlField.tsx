/** The editor of rule files as pages use it: until its code is here, a plain field of the same size. */

import { lazy, Suspense } from 'react'
import './editor.css'
import type { YamlEditorProps } from './YamlEditor.tsx'

const YamlEditor = lazy(() => import('./YamlEditor.tsx'))

/** A field for the text of a rule file. */
export function YamlField(props: YamlEditorProps) {
  return (
    <Suspense
      fallback={
        <textarea
          className="input area mono editor-tall"
          aria-label={props.label}
          value={props.value}
          onChange={(event) => props.onChange(event.target.value)}
        />
      }
    >
      <YamlEditor {...props} />
    </Suspense>
  )
}
