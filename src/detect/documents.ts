/** The documents of a YAML text, each with its lines where they were, so that messages name the right ones. */

/** The documents between `---` lines; empty lines stand before each so that line numbers stay right. */
export function splitDocuments(text: string): string[] {
  const documents: string[] = []
  const lines = text.split('\n')
  let start = 0
  for (let index = 0; index <= lines.length; index++) {
    if (index < lines.length && !/^---(\s|$)/.test(lines[index]!)) continue
    const document = lines.slice(start, index)
    if (document.some((line) => !/^\s*(#.*)?$/.test(line)))
      documents.push('\n'.repeat(start) + document.join('\n'))
    start = index + 1
  }
  return documents
}
