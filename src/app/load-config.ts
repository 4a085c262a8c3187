/**
 * From file to configuration in force: read, override, check against the schema, and check what a
 * schema cannot: rule files parse, routes name receivers that exist. All or nothing.
 */

import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { checkConfig, parseYaml, readConfigFile } from '../config/config.ts'
import { checkAlertSettings } from '../alert/alert.ts'
import { loadRuleGroups } from '../detect/detect.ts'
import { appErrors } from './errors.ts'
import { type Config, configSchema } from './settings.ts'

/** A configuration and where it came from. */
export interface LoadedConfig {
  config: Config
  /** Absolute, or empty when the built-in defaults are in force. */
  file: string
  /** The text as written; secrets included, so never shown unredacted. */
  yaml: string
  ruleCount: number
}

/** Reads and checks everything; throws `CONFIG_INVALID` with all mistakes, `CONFIG_FILE_UNREADABLE`, `APP_OVERRIDE_INVALID`. */
export function loadConfig(options: {
  file: string | undefined
  overrides: readonly string[]
}): LoadedConfig {
  const file = options.file ?? (existsSync('shipwatch.yml') ? 'shipwatch.yml' : undefined)
  const yaml = file === undefined ? '' : readConfigFile(file)
  const parsed = parseYaml(yaml, file ?? 'built-in defaults')
  for (const text of options.overrides) applyOverride(parsed.value, text)
  const path = file === undefined ? '' : resolve(file)
  const config = checkConfig(parsed, configSchema)
  checkAlertSettings(config, parsed)
  const groups = loadRuleGroups(config, path)
  const ruleCount = groups.reduce((count, group) => count + group.rules.length, 0)
  return { config, file: path, yaml, ruleCount }
}

/** Sets `a.b.c=value` in plain parsed YAML; the value is JSON when it parses as JSON, else text. */
function applyOverride(root: unknown, text: string): void {
  const equals = text.indexOf('=')
  if (equals <= 0)
    throw appErrors.OVERRIDE_INVALID({ text, reason: 'there is no "path=" before the value' })
  const path = text.slice(0, equals).split('.')
  let value: unknown = text.slice(equals + 1)
  try {
    value = JSON.parse(value as string)
  } catch {
    // Plain text, such as a duration.
  }
  let target = root
  for (const name of path.slice(0, -1)) {
    if (!isMapping(target))
      throw appErrors.OVERRIDE_INVALID({ text, reason: `"${name}" is not inside a section` })
    if (!Object.hasOwn(target, name))
      Object.defineProperty(target, name, { value: {}, enumerable: true, writable: true })
    target = target[name]
  }
  if (!isMapping(target))
    throw appErrors.OVERRIDE_INVALID({ text, reason: 'the path does not lead to a section' })
  Object.defineProperty(target, path.at(-1)!, {
    value,
    enumerable: true,
    writable: true,
    configurable: true,
  })
}

function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
