/** Figures of a run: quantiles, and tables that line up. */

/** The value below which `share` (0..1) of the values lie; NaN of none. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN
}

/** A number with as many digits as say something. */
export function formatNumber(value: number): string {
  if (!Number.isFinite(value)) return '-'
  if (value >= 10_000) return `${Math.round(value).toLocaleString('en-US')}`
  return value >= 100 ? value.toFixed(0) : value >= 1 ? value.toFixed(1) : value.toFixed(2)
}

/** Rows below heads, columns aligned. */
export function formatTable(heads: string[], rows: string[][]): string {
  const widths = heads.map((head, column) =>
    Math.max(head.length, ...rows.map((row) => (row[column] ?? '').length)),
  )
  const line = (cells: string[]): string =>
    cells
      .map((cell, at) => (at === 0 ? cell.padEnd(widths[at]!) : cell.padStart(widths[at]!)))
      .join('  ')
  return [heads, ...rows].map((cells) => `  ${line(cells)}`).join('\n')
}
