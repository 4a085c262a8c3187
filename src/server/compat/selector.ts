/** `match[]` of Prometheus's HTTP API: a series selector that must not select everything there is. */

import { messageOf } from '../../base/error.ts'
import type { Matcher } from '../../model/matcher.ts'
import type { EnginePart } from '../parts.ts'
import { invalidParameter, withParameter } from './parameter.ts'

const emptyText = 'match[] must contain at least one non-empty matcher'

/** The matchers of one `match[]`; throws with Prometheus's text. */
export function readSelector(engine: EnginePart, text: string): readonly Matcher[] {
  const matchers = withParameter('match[]', () => {
    try {
      return engine.parseSelector(text)
    } catch (thrown) {
      // Upstream says it in other words here than in a query.
      if (!/at least one non-empty matcher/.test(messageOf(thrown))) throw thrown
      return []
    }
  })
  if (matchers.every((matcher) => matcher.matches(''))) throw invalidParameter('match[]', emptyText)
  return matchers
}
