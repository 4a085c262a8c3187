/** The five states that everything in the product can be in, worst first. */

/** From worst to best; `unknown` means no data, which is never healthy. */
const healths = ['critical', 'warning', 'unknown', 'info', 'ok'] as const
/** One of `healths`. */
export type Health = (typeof healths)[number]

/** The worse of two. */
export function worseHealth(a: Health, b: Health): Health {
  return healths.indexOf(a) <= healths.indexOf(b) ? a : b
}

/** What a `severity` label means; names from the field's common rule sets. */
export function healthOfSeverity(severity: string): Health {
  if (/^(critical|page|error|fatal|emergency|p1|high)$/i.test(severity)) return 'critical'
  if (/^(info|none|notice|low|p4)$/i.test(severity)) return 'info'
  return 'warning'
}
