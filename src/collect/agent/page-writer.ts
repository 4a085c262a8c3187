/** Writes an exposition page in text format 0.0.4, family by family. */

/** Types that our pages use. */
export type WrittenType = 'counter' | 'gauge' | 'untyped'

/** Gathers samples by family, so that a family's lines stand together however they come. */
export class PageWriter {
  readonly #families = new Map<string, string[]>()

  /** Adds a sample; the family is declared at its first one. `labels` are `[name, value, …]`. */
  add(
    family: { name: string; type: WrittenType; help: string },
    value: number,
    labels: readonly string[] = [],
  ): void {
    let lines = this.#families.get(family.name)
    if (lines === undefined) {
      const help = family.help.replace(/[\\\n]/g, (character) =>
        character === '\n' ? '\\n' : '\\\\',
      )
      lines = [`# HELP ${family.name} ${help}`, `# TYPE ${family.name} ${family.type}`]
      this.#families.set(family.name, lines)
    }
    lines.push(`${family.name}${formatLabels(labels)} ${formatValue(value)}`)
  }

  toString(): string {
    let page = ''
    for (const lines of this.#families.values()) page += `${lines.join('\n')}\n`
    return page
  }
}

function formatLabels(labels: readonly string[]): string {
  if (labels.length === 0) return ''
  const parts: string[] = []
  for (let index = 0; index < labels.length; index += 2) {
    const value = labels[index + 1]!
    const escaped = /[\\"\n]/.test(value)
      ? value.replace(/[\\"\n]/g, (character) => (character === '\n' ? '\\n' : `\\${character}`))
      : value
    parts.push(`${labels[index]}="${escaped}"`)
  }
  return `{${parts.join(',')}}`
}

function formatValue(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return '+Inf'
  if (value === Number.NEGATIVE_INFINITY) return '-Inf'
  return String(value)
}
