/** Which page an alert belongs to, and in a few words who has it. */

import type { PageView } from '../../../src/api/on-call.ts'

/** By fingerprint: the newest open page that an alert is on. */
export function pagesByAlert(pages: readonly PageView[]): Map<string, PageView> {
  const found = new Map<string, PageView>()
  for (const page of [...pages].sort((a, b) => a.openedTimeMs - b.openedTimeMs)) {
    for (const fingerprint of page.alerts) found.set(fingerprint, page)
  }
  return found
}

/** Whether nobody has taken a page yet. */
export function isUnanswered(page: PageView): boolean {
  return page.state === 'firing' || page.state === 'escalated'
}

/** The pages of some alerts that nobody has yet, each once. */
export function unansweredPages(
  fingerprints: readonly string[],
  pages: ReadonlyMap<string, PageView>,
): PageView[] {
  const found = new Set<PageView>()
  for (const fingerprint of fingerprints) {
    const page = pages.get(fingerprint)
    if (page !== undefined && isUnanswered(page)) found.add(page)
  }
  return [...found]
}

/** Alerts by the value of a label, groups in the order of their values; one group without a name when `label` is empty. */
export function groupByLabel<A extends { labels: Readonly<Record<string, string>> }>(
  alerts: readonly A[],
  label: string,
): { value: string; alerts: A[] }[] {
  if (label === '') return [{ value: '', alerts: [...alerts] }]
  const groups = new Map<string, A[]>()
  for (const alert of alerts) {
    const value = alert.labels[label] ?? ''
    const group = groups.get(value)
    if (group === undefined) groups.set(value, [alert])
    else group.push(alert)
  }
  return [...groups]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([value, members]) => ({ value, alerts: members }))
}
