/**
 * The editor of rule files: YAML with PromQL inside, coloured line by line; keys of rules and names of metrics complete;
 * mistakes are marked where the server found them. Tab leaves the field, as everywhere. Loaded only when it is shown.
 */

import {
  autocompletion,
  type CompletionContext,
  type CompletionResult,
} from '@codemirror/autocomplete'
import { type Diagnostic, lintGutter, setDiagnostics } from '@codemirror/lint'
import { RangeSetBuilder, type Text } from '@codemirror/state'
import {
  Decoration,
  type DecorationSet,
  EditorView,
  keymap,
  lineNumbers,
  ViewPlugin,
  type ViewUpdate,
} from '@codemirror/view'
import { useEffect, useRef } from 'react'
import { useCompletionSource } from '../data/queries.ts'
import { type CodeProps, useCodeView } from './use-code-view.ts'
import { findPieces } from './yaml-pieces.ts'

/** A mistake at a place; line and column count from 1, 0 when unknown. */
export interface TextFault {
  line: number
  column: number
  message: string
}

/** What the editor takes. */
export interface YamlEditorProps extends CodeProps {
  faults: readonly TextFault[]
  onSave: () => void
  /** Shows a line; a new object shows it again. */
  target: { line: number } | undefined
}

const ruleKeys = [
  'groups:',
  'name:',
  'interval:',
  'limit:',
  'query_offset:',
  'labels:',
  'rules:',
  'alert:',
  'record:',
  'expr:',
  'for:',
  'keep_firing_for:',
  'annotations:',
  'severity:',
  'summary:',
  'description:',
  'runbook_url:',
]

const colors = ViewPlugin.fromClass(
  class {
    decorations: DecorationSet
    constructor(view: EditorView) {
      this.decorations = colorLines(view)
    }
    update(update: ViewUpdate): void {
      if (update.docChanged || update.viewportChanged) this.decorations = colorLines(update.view)
    }
  },
  { decorations: (plugin) => plugin.decorations },
)

function colorLines(view: EditorView): DecorationSet {
  const builder = new RangeSetBuilder<Decoration>()
  const { doc } = view.state
  for (const range of view.visibleRanges) {
    let at = range.from
    while (at <= range.to) {
      const line = doc.lineAt(at)
      for (const { from, to, kind } of findPieces(line.text))
        builder.add(line.from + from, line.from + to, Decoration.mark({ class: `code-${kind}` }))
      at = line.to + 1
    }
  }
  return builder.finish()
}

/** The editor. */
export default function YamlEditor(props: YamlEditorProps) {
  const source = useCompletionSource()
  const view = useRef<EditorView | undefined>(undefined)
  const frame = useCodeView(props, view, (latest) => [
    lineNumbers(),
    lintGutter(),
    autocompletion({ icons: false, override: [(context) => complete(context, source)] }),
    colors,
    keymap.of([
      {
        key: 'Mod-s',
        preventDefault: true,
        run: () => {
          latest.current.onSave()
          return true
        },
      },
    ]),
  ])

  useEffect(() => {
    const one = view.current
    if (!one) return
    const found = props.faults.map((fault) => toDiagnostic(one.state.doc, fault))
    one.dispatch(setDiagnostics(one.state, found))
  }, [props.faults])

  useEffect(() => {
    const one = view.current
    if (!one || props.target === undefined) return
    const { doc } = one.state
    const line = doc.line(Math.min(doc.lines, Math.max(1, props.target.line)))
    one.dispatch({
      selection: { anchor: line.to },
      effects: EditorView.scrollIntoView(line.from, { y: 'center' }),
    })
    one.focus()
  }, [props.target])

  return <div ref={frame} className="editor editor-tall" />
}

/** Keys at the beginning of a line, names of metrics elsewhere. */
async function complete(
  context: CompletionContext,
  source: ReturnType<typeof useCompletionSource>,
): Promise<CompletionResult | null> {
  const word = context.matchBefore(/[A-Za-z_:][\w:]*/)
  if (!word && !context.explicit) return null
  const from = word?.from ?? context.pos
  const before = context.state.doc
    .lineAt(context.pos)
    .text.slice(0, from - context.state.doc.lineAt(context.pos).from)
  if (/^[\s-]*$/.test(before) && !isInBlock(context.state.doc, context.pos))
    return { from, options: ruleKeys.map((label) => ({ label })), validFor: /^[\w:]*$/ }
  if (word && word.to - word.from < 2 && !context.explicit) return null
  const names = await source.labelValues('__name__')
  return { from, options: names.map((label) => ({ label })), validFor: /^[\w:]*$/ }
}

/** Whether a place is within a text of several lines, such as after `expr: |`. */
function isInBlock(doc: Text, position: number): boolean {
  const line = doc.lineAt(position)
  const indent = /^\s*/.exec(line.text)![0].length
  for (let number = line.number - 1; number > 0; number--) {
    const { text } = doc.line(number)
    if (text.trim() === '') continue
    if (/^\s*/.exec(text)![0].length < indent) return /[|>][-+]?\s*$/.test(text)
  }
  return false
}

function toDiagnostic(doc: Text, fault: TextFault): Diagnostic {
  const line = doc.line(Math.min(doc.lines, Math.max(1, fault.line)))
  const from = Math.min(line.to, line.from + Math.max(0, fault.column - 1))
  const rest = doc.sliceString(from, line.to).trimEnd()
  // At the very end there is nothing to underline but the last character.
  const start = rest === '' ? Math.max(line.from, from - 1) : from
  return { from: start, to: from + rest.length, severity: 'error', message: fault.message }
}
