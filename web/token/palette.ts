/**
 * Colours for the canvas, which cannot read CSS variables: a hidden element wears the variable and
 * the browser says what it came to in the mode in force. The eight series colours keep their order.
 */

/** How many series a chart may colour; the rest are grey. */
export const seriesColorCount = 8

/** The resolved colour of a token such as `series-1` in the mode in force now, made paler by a part. */
export function tokenColor(name: string, partPercent = 100): string {
  const probe = document.createElement('span')
  probe.style.color =
    partPercent === 100
      ? `var(--${name})`
      : `color-mix(in srgb, var(--${name}) ${partPercent}%, transparent)`
  document.body.append(probe)
  const color = getComputedStyle(probe).color
  probe.remove()
  return color
}

/** The token of the series at an index of the page's set; grey from the ninth on. */
export function seriesToken(index: number): string {
  return index < seriesColorCount ? `series-${index + 1}` : 'series-other'
}
