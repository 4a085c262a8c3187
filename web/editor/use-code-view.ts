/**
 * CodeMirror in a component: its view is made once, with what every editor of ours has (undoing, brackets,
 * wrapping, a name for screen readers), and stays in step with the text that the component is given.
 */

import { defaultKeymap, history, historyKeymap } from '@codemirror/commands'
import { bracketMatching } from '@codemirror/language'
import { EditorState, type Extension } from '@codemirror/state'
import { EditorView, keymap } from '@codemirror/view'
import { type RefObject, useEffect, useRef } from 'react'

/** What every editor is given. */
export interface CodeProps {
  value: string
  label: string
  hasFocus?: boolean | undefined
  onChange: (value: string) => void
}

/**
 * Makes the view, puts it into `view`, and answers the frame to show it in. `extend` answers what this editor has
 * beside; it is asked once, and finds the props of the moment in `latest`.
 */
export function useCodeView<Props extends CodeProps>(
  props: Props,
  view: RefObject<EditorView | undefined>,
  extend: (latest: RefObject<Props>) => readonly Extension[],
): RefObject<HTMLDivElement | null> {
  const frame = useRef<HTMLDivElement>(null)
  const latest = useRef(props)
  latest.current = props

  // biome-ignore lint/correctness/useExhaustiveDependencies: made once
  useEffect(() => {
    const parent = frame.current
    if (!parent) return
    const made = new EditorView({
      parent,
      state: EditorState.create({
        doc: latest.current.value,
        extensions: [
          ...extend(latest),
          history(),
          bracketMatching(),
          EditorView.lineWrapping,
          EditorView.contentAttributes.of({
            'aria-label': latest.current.label,
            spellcheck: 'false',
          }),
          keymap.of([...defaultKeymap, ...historyKeymap]),
          EditorView.updateListener.of((update) => {
            if (update.docChanged) latest.current.onChange(update.state.doc.toString())
          }),
        ],
      }),
    })
    view.current = made
    if (latest.current.hasFocus) made.focus()
    return () => made.destroy()
  }, [])

  // biome-ignore lint/correctness/useExhaustiveDependencies: the view is made once
  useEffect(() => {
    const one = view.current
    if (one && one.state.doc.toString() !== props.value) {
      one.dispatch({ changes: { from: 0, to: one.state.doc.length, insert: props.value } })
    }
  }, [props.value])

  return frame
}
