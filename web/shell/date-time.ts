/** Reads a date and time as a person types it, in a zone of their choice. */

/** `2026-11-20 12:47[:03]` in a zone as ms since 1970 UTC; undefined when it is no such text. */
export function parseDateTime(text: string, timeZone: string): number | undefined {
  const match = /^\s*(\d{4})-(\d\d)-(\d\d)[ T](\d\d):(\d\d)(?::(\d\d))?\s*$/.exec(text)
  if (!match) return undefined
  const [year, month, day, hour, minute, second] = match.slice(1).map((part) => Number(part ?? 0))
  const wanted = Date.UTC(year!, month! - 1, day!, hour!, minute!, second || 0)
  const format = new Intl.DateTimeFormat('sv-SE', {
    timeZone,
    dateStyle: 'short',
    timeStyle: 'medium',
  })
  const offsetAt = (timeMs: number): number =>
    Date.parse(`${format.format(timeMs).replace(' ', 'T')}Z`) - timeMs
  // The zone's offset at a first guess corrects the guess, also around a change of the clocks.
  const guess = wanted - offsetAt(wanted)
  const found = wanted - offsetAt(guess)
  return Number.isFinite(found) ? found : undefined
}
