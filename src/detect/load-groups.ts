/** All rule files of a configuration, the built-in one included. */

import { globSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { CodedError, messageOf } from '../base/error.ts'
import type { Log } from '../base/log.ts'
import { type ConfigProblem, makeConfigError, readConfigFile } from '../config/config.ts'
import { detectErrors } from './errors.ts'
import { type ExpressionParser, parseRuleFile, type RuleGroup } from './rule-file.ts'
import { listRuleFiles } from './rule-desk/rule-folder.ts'
import type { DetectSettings } from './settings.ts'
import { parseSloFile } from './slo/slo-file.ts'

/** Reads all rule files; throws one error with every mistake of all of them. */
export function loadGroups(
  settings: DetectSettings,
  parts: { engine: ExpressionParser; log: Log; baseDir?: string },
): RuleGroup[] {
  const groups: RuleGroup[] = []
  const problems: ConfigProblem[] = []
  const parseRules = (text: string, file: string): RuleGroup[] =>
    parseRuleFile(text, file, { parser: parts.engine })
  const read = (parse: typeof parseRules, text: string, file: string): void => {
    try {
      groups.push(...parse(text, file))
    } catch (thrown) {
      if (!(thrown instanceof CodedError) || !Array.isArray(thrown.facts['problems'])) throw thrown
      problems.push(...(thrown.facts['problems'] as ConfigProblem[]))
    }
  }
  if (settings.default_rules) {
    const file = 'default-rules.yml'
    read(parseRules, readFileSync(join(import.meta.dirname, file), 'utf8'), file)
  }
  const baseDir = parts.baseDir ?? process.cwd()
  const seen = new Set<string>()
  const readAll = (patterns: readonly string[], parse: typeof parseRules): void => {
    for (const pattern of patterns) {
      const files = findFiles(resolve(baseDir, pattern))
      if (files.length === 0) parts.log.warn({ pattern }, 'no rule file has this name')
      for (const file of files) {
        if (!seen.has(file)) read(parse, readConfigFile(file), file)
        seen.add(file)
      }
    }
  }
  const guard = { badEventsMin: settings.slo_bad_events_min }
  readAll(settings.rule_files, parseRules)
  const { directory } = settings.rule_editing
  if (directory !== '') {
    const folder = resolve(baseDir, directory)
    readAll(
      listRuleFiles(folder).map((name) => join(folder, name)),
      parseRules,
    )
  }
  readAll(
    settings.slo_files,
    (text, file) => parseSloFile(text, file, { parser: parts.engine, guard }).groups,
  )
  if (problems.length > 0) throw makeConfigError(problems)
  return groups
}

function findFiles(pattern: string): string[] {
  try {
    return globSync(pattern).sort()
  } catch (thrown) {
    throw detectErrors.RULE_FILES_UNREADABLE({ pattern, reason: messageOf(thrown) }, thrown)
  }
}
