/**
 * Names of StatsD as names with labels: rules over the dotted name, with `*` for one part or as regular
 * expressions, as statsd_exporter has them. What a name becomes is remembered.
 * Source: prometheus/statsd_exporter README.md (metric mapping).
 */

import { compilePattern, type Pattern } from '../../base/regexp.ts'
import { fitLabelName, fitMetricName } from './plain-name.ts'
import type { StatsdSettings } from './statsd-settings.ts'

/** Names remembered at most. */
const rememberedMax = 50_000

/** What a name becomes. */
export interface MappedName {
  name: string
  /** `[name, value, …]` */
  labels: readonly string[]
}

interface Rule {
  pattern: Pattern
  name: string
  labels: readonly (readonly [string, string])[]
  isDrop: boolean
}

/** Applies `statsd.mappings`. */
export class StatsdMapping {
  readonly #rules: Rule[]
  readonly #remembered = new Map<string, MappedName | undefined>()

  constructor(settings: StatsdSettings['mappings']) {
    this.#rules = settings.map((rule) => ({
      pattern: compilePattern(rule.match_type === 'glob' ? globSource(rule.match) : rule.match),
      name: rule.name,
      labels: Object.entries(rule.labels),
      isDrop: rule.action === 'drop',
    }))
  }

  /** The name and labels of a name as sent; `undefined` when a rule drops it. */
  map(sent: string): MappedName | undefined {
    if (this.#rules.length === 0) return { name: fitMetricName(sent), labels: [] }
    const known = this.#remembered.get(sent)
    if (known !== undefined || this.#remembered.has(sent)) return known
    if (this.#remembered.size >= rememberedMax) this.#remembered.clear()
    const mapped = this.#find(sent)
    this.#remembered.set(sent, mapped)
    return mapped
  }

  #find(sent: string): MappedName | undefined {
    for (const rule of this.#rules) {
      const groups = rule.pattern.test(sent) ? rule.pattern.groups(sent) : undefined
      if (groups === undefined) continue
      if (rule.isDrop) return undefined
      const fill = (text: string): string =>
        text.replace(/\$(?:(\d+)|\{(\d+)\})/g, (_whole, plain?: string, braced?: string) => {
          return groups.byIndex[Number(plain ?? braced)] ?? ''
        })
      const labels = rule.labels.flatMap(([name, value]) => [fitLabelName(name), fill(value)])
      return { name: fitMetricName(fill(rule.name)), labels }
    }
    return { name: fitMetricName(sent), labels: [] }
  }
}

function globSource(glob: string): string {
  const parts = glob.split('*').map((part) => part.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&'))
  return parts.join('([^.]*)')
}
