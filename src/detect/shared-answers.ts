/**
 * One answer for all rules that ask the same at the same instant. Rule files repeat expressions: the
 * same condition with another `for`, severity or receiver. An answer holds as long as the instant is the
 * same and nothing arrived, so it is the one that each rule would have got by itself.
 */

import { Allowance } from './allowance.ts'
import type { Pace } from './pace.ts'
import type { PreparedQuery, QueryAnswer, QueryEngine } from '../query/query.ts'

/** The expressions of one set of rules, each parsed once. */
export class SharedAnswers {
  readonly #engine: QueryEngine
  readonly #queries = new Map<string, PreparedQuery>()
  /** Expressions that more than one rule has. */
  readonly #shared = new Set<PreparedQuery>()
  /** Answers at `#timeMs`; at most one for each shared expression. */
  readonly #answers = new Map<PreparedQuery, QueryAnswer>()
  readonly #allowances = new Map<PreparedQuery, Allowance>()
  readonly #pace: Pace
  #timeMs = Number.NaN

  constructor(engine: QueryEngine, pace: Pace) {
    this.#engine = engine
    this.#pace = pace
  }

  /** What all rules that ask it may take together on arrival. */
  allowanceOf(query: PreparedQuery): Allowance {
    let allowance = this.#allowances.get(query)
    if (allowance === undefined) {
      allowance = new Allowance(this.#pace)
      this.#allowances.set(query, allowance)
    }
    return allowance
  }

  /** Parses a rule's expression; throws `QUERY_PARSE_FAILED`. */
  prepare(expression: string): PreparedQuery {
    const known = this.#queries.get(expression)
    if (known !== undefined) {
      this.#shared.add(known)
      return known
    }
    const query = this.#engine.prepare(expression)
    this.#queries.set(expression, query)
    return query
  }

  /** As `PreparedQuery.evaluateRecent`. */
  evaluateRecent(query: PreparedQuery, timeMs: number): QueryAnswer | undefined {
    if (!this.#shared.has(query)) return query.evaluateRecent(timeMs)
    if (timeMs !== this.#timeMs) {
      this.#answers.clear()
      this.#timeMs = timeMs
    }
    const known = this.#answers.get(query)
    if (known !== undefined) return known
    const answer = query.evaluateRecent(timeMs)
    if (answer !== undefined) this.#answers.set(query, answer)
    return answer
  }

  /** Samples arrived: every answer may be another one now. */
  forget(): void {
    this.#answers.clear()
  }
}
