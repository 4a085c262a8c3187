/**
 * The PromQL editor: completion of metrics, labels and values from this server, colours from the
 * syntax tree, mistakes marked where they are (ours while typing, the server's after running).
 * Enter runs; Shift Enter breaks the line. Loaded only when an editor is shown.
 */

import {
  acceptCompletion,
  autocompletion,
  closeBrackets,
  closeBracketsKeymap,
  completionStatus,
} from '@codemirror/autocomplete'
import { syntaxTree } from '@codemirror/language'
import { type Diagnostic, forceLinting, linter } from '@codemirror/lint'
import { Prec, RangeSetBuilder } from '@codemirror/state'
import {
  Decoration,
  type DecorationSet,
  type EditorView,
  keymap,
  placeholder,
  ViewPlugin,
  type ViewUpdate,
} from '@codemirror/view'
import { PromQLExtension } from '@prometheus-io/codemirror-promql'
import { useEffect, useRef } from 'react'
import { useCompletionSource } from '../data/queries.ts'
import { type CodeProps, useCodeView } from './use-code-view.ts'

/** What the editor takes. */
export interface PromqlEditorProps extends CodeProps {
  placeholder: string
  /** A mistake that the server found. */
  fault: { offset: number; message: string } | undefined
  onRun: () => void
}

/** Kinds of syntax node and the class that colours them. */
const nodeClasses: Record<string, string> = {
  StringLiteral: 'code-string',
  NumberDurationLiteral: 'code-number',
  NumberDurationLiteralInDurationContext: 'code-number',
  NumberLiteral: 'code-number',
  LabelName: 'code-label',
  FunctionIdentifier: 'code-function',
  AggregateOp: 'code-function',
  LineComment: 'code-comment',
}
const keywords = new Set([
  'By',
  'Without',
  'On',
  'Ignoring',
  'GroupLeft',
  'GroupRight',
  'Bool',
  'Offset',
  'And',
  'Or',
  'Unless',
  'Atan2',
])

function colorTree(view: EditorView): DecorationSet {
  const builder = new RangeSetBuilder<Decoration>()
  let reachedTo = 0
  for (const { from, to } of view.visibleRanges) {
    syntaxTree(view.state).iterate({
      from,
      to,
      enter: (node) => {
        const name = keywords.has(node.name) ? 'code-keyword' : nodeClasses[node.name]
        if (name && node.from >= reachedTo && node.to > node.from) {
          builder.add(node.from, node.to, Decoration.mark({ class: name }))
          reachedTo = node.to
          return false
        }
        return undefined
      },
    })
  }
  return builder.finish()
}

const colors = ViewPlugin.fromClass(
  class {
    decorations: DecorationSet
    constructor(view: EditorView) {
      this.decorations = colorTree(view)
    }
    update(update: ViewUpdate): void {
      const isParsed = syntaxTree(update.startState) !== syntaxTree(update.state)
      if (update.docChanged || update.viewportChanged || isParsed) {
        this.decorations = colorTree(update.view)
      }
    }
  },
  { decorations: (plugin) => plugin.decorations },
)

/** Deeper brackets than this are no question but an accident, and would keep the parser busy for minutes. */
const bracketDepthMax = 200

/** Whether brackets stand too deep for the grammar; such a text is edited without colours and completion. */
function isDeep(text: string): boolean {
  let depth = 0
  for (const character of text) {
    if ('([{'.includes(character)) depth++
    else if (')]}'.includes(character)) depth--
    if (depth > bracketDepthMax) return true
  }
  return false
}

/** The editor. */
export default function PromqlEditor(props: PromqlEditorProps) {
  const source = useCompletionSource()
  const view = useRef<EditorView | undefined>(undefined)
  const frame = useCodeView(props, view, (latest) => [
    closeBrackets(),
    autocompletion({ icons: false, activateOnTyping: true }),
    ...(isDeep(latest.current.value) ? [] : [promql(source).asExtension()]),
    colors,
    linter((one) => serverFault(one, latest.current.fault), { delay: 0 }),
    placeholder(latest.current.placeholder),
    Prec.high(
      keymap.of([
        { key: 'Tab', run: acceptCompletion },
        {
          key: 'Enter',
          run: (one) => {
            if (completionStatus(one.state) === 'active') return false
            latest.current.onRun()
            return true
          },
        },
        {
          key: 'Mod-Enter',
          run: () => {
            latest.current.onRun()
            return true
          },
        },
      ]),
    ),
    keymap.of([...closeBracketsKeymap]),
  ])

  // biome-ignore lint/correctness/useExhaustiveDependencies: a new fault is marked at once
  useEffect(() => {
    if (view.current) forceLinting(view.current)
  }, [props.fault])

  return <div ref={frame} className="editor" />
}

function promql(source: ReturnType<typeof useCompletionSource>): PromQLExtension {
  const match = (metric: string | undefined): string | undefined =>
    metric ? `{__name__=${JSON.stringify(metric)}}` : undefined
  return new PromQLExtension().setComplete({
    remote: {
      labelNames: (metric?: string) => source.labelNames(match(metric)),
      labelValues: (label: string, metric?: string) => source.labelValues(label, match(metric)),
      metricMetadata: () => source.metadata(),
      series: async () => [],
      metricNames: () => source.labelValues('__name__'),
      flags: async () => ({}),
    },
  })
}

function serverFault(
  view: EditorView,
  fault: { offset: number; message: string } | undefined,
): Diagnostic[] {
  if (!fault) return []
  const from = Math.min(fault.offset, view.state.doc.length)
  const word = /^[\w:]+|^./.exec(view.state.sliceDoc(from))?.[0] ?? ''
  // At the very end there is nothing to underline but the last character.
  const start = word === '' ? Math.max(0, from - 1) : from
  return [{ from: start, to: from + word.length, severity: 'error', message: fault.message }]
}
