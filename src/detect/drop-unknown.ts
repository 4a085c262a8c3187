/** Takes what a schema does not know out of a file, for people who keep fields of other programs in it. */

import type { ParsedYaml } from '../config/config.ts'
import type { z } from '../config/schema.ts'

/** The same file without unknown keys; every other mistake stays. */
export function dropUnknown(parsed: ParsedYaml, schema: z.ZodType): ParsedYaml {
  const result = schema.safeParse(parsed.value)
  if (result.success) return parsed
  const value: unknown = structuredClone(parsed.value)
  for (const issue of result.error.issues) {
    if (issue.code !== 'unrecognized_keys') continue
    let place: unknown = value
    for (const key of issue.path) place = (place as Record<PropertyKey, unknown> | null)?.[key]
    if (typeof place !== 'object' || place === null) continue
    for (const key of issue.keys) Reflect.deleteProperty(place, key)
  }
  return { ...parsed, value }
}
