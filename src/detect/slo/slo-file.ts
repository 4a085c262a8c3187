/** Files of objectives, Sloth's and OpenSLO's: read, checked and made into groups of rules. */

import {
  type ConfigProblem,
  makeConfigError,
  type ParsedYaml,
  parseYaml,
  problemAt,
} from '../../config/config.ts'
import { CodedError } from '../../base/error.ts'
import { splitDocuments } from '../documents.ts'
import { type ExpressionParser, reasonAgainst, type RuleGroup } from '../rule-file.ts'
import { collectOpenSlo, makeLibrary, readOpenSlo } from './read-openslo.ts'
import { type FoundSlo, readSloth } from './read-sloth.ts'
import type { Slo } from './slo.ts'
import { makeSloGroups, type SloGuard } from './slo-rules.ts'

/** Longest period; a slip in a unit rather than a wish beyond it. */
const periodMsMax = 400 * 86_400_000
const periodMsMin = 86_400_000

/** The objectives of a file and their rules. */
export interface SloFile {
  slos: Slo[]
  groups: RuleGroup[]
}

/** Reads a file; throws `CONFIG_INVALID` with the place of every mistake. */
export function parseSloFile(
  text: string,
  file: string,
  options: { parser: ExpressionParser; guard: SloGuard },
): SloFile {
  const problems: ConfigProblem[] = []
  const attempt = <Result>(action: () => Result): Result | undefined => {
    try {
      return action()
    } catch (thrown) {
      if (!(thrown instanceof CodedError) || !Array.isArray(thrown.facts['problems'])) throw thrown
      problems.push(...(thrown.facts['problems'] as ConfigProblem[]))
      return undefined
    }
  }
  const documents = splitDocuments(text).flatMap(
    (document) => attempt(() => [parseYaml(document, file)]) ?? [],
  )
  const library = makeLibrary()
  for (const parsed of documents)
    if (isOpenSlo(parsed)) attempt(() => collectOpenSlo(parsed, library))
  const slos: Slo[] = []
  const ids = new Set<string>()
  for (const parsed of documents) {
    const found = attempt((): FoundSlo[] => {
      if (!isOpenSlo(parsed)) return readSloth(parsed)
      return kindOf(parsed) === 'SLO' ? readOpenSlo(parsed, library, problems) : []
    })
    for (const { slo, queries } of found ?? []) {
      const add = (path: PropertyKey[], message: string): void => {
        problems.push(problemAt(parsed, path, message))
      }
      if (ids.has(slo.id)) add([], `the objective "${slo.id}" is there twice`)
      if (slo.periodMs < periodMsMin || slo.periodMs > periodMsMax)
        add([], 'a period is at least a day and at most 400 days')
      ids.add(slo.id)
      for (const { path, query } of queries) {
        const reason = reasonAgainst(query('5m'), options.parser)
        if (reason !== undefined) add(path, reason)
      }
      slos.push(slo)
    }
  }
  if (problems.length > 0) throw makeConfigError(problems)
  return { slos, groups: slos.flatMap((slo) => makeSloGroups(slo, file, options.guard)) }
}

function isOpenSlo({ value }: ParsedYaml): boolean {
  return String((value as { apiVersion?: unknown }).apiVersion ?? '').startsWith('openslo/')
}

function kindOf({ value }: ParsedYaml): unknown {
  return (value as { kind?: unknown }).kind
}
