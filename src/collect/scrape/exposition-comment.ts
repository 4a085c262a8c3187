/** Words and escapes of metadata lines in exposition pages, by format. */

/** The two syntaxes. */
export type ExpositionFormat = 'text' | 'openmetrics'

/** Types that a TYPE line may name, per format; `untyped` is text format's word for `unknown`. */
export const metricTypes: Record<ExpositionFormat, ReadonlySet<string>> = {
  text: new Set([
    'counter',
    'gauge',
    'histogram',
    'summary',
    'untyped',
    'unknown',
    'gaugehistogram',
    'info',
    'stateset',
  ]),
  openmetrics: new Set([
    'counter',
    'gauge',
    'histogram',
    'gaugehistogram',
    'stateset',
    'info',
    'summary',
    'unknown',
  ]),
}

/** `\\`, `\"`, `\n`; any other backslash stands for itself. */
export function unescapeValue(text: string): string {
  return text.replace(/\\([\\"n])/g, (_whole, character: string) =>
    character === 'n' ? '\n' : character,
  )
}

/** HELP texts of the text format know no `\"`. */
export function unescapeHelp(text: string): string {
  return text.replace(/\\([\\n])/g, (_whole, character: string) =>
    character === 'n' ? '\n' : character,
  )
}
