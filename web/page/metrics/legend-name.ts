/** Names of series by a format of the reader's: `{{label}}` stands for the label's value, as in Grafana. */

/** The name of a series; the labels that are missing leave nothing. */
export function legendName(format: string, labels: Readonly<Record<string, string>>): string {
  return format
    .replace(/\{\{\s*([^{}\s]+)\s*\}\}/g, (_whole, name: string) =>
      Object.hasOwn(labels, name) ? labels[name]! : '',
    )
    .trim()
}
