/**
 * From file to configuration in force: read, override, check against the schema, and check what a
 * schema cannot: rule files parse, routes name receivers that exist. All or nothing.
 */

import { existsSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { systemClock } from '../base/clock.ts'
import { type Log, silentLog } from '../base/log.ts'
import { readScrapeConfigFiles } from '../collect/collect.ts'
import {
  type ConfigProblem,
  checkConfig,
  makeConfigError,
  type ParsedYaml,
  parseYaml,
  problemAt,
  readConfigFile,
} from '../config/config.ts'
import { loadGroups } from '../detect/detect.ts'
import { systemRandom } from '../base/random.ts'
import { checkReceivers } from '../notify/notify.ts'
import { findNameProblems } from '../oncall/oncall.ts'
import { QueryEngine } from '../query/query.ts'
import type { RouteSettings } from '../alert/settings.ts'
import { MemoryStore } from '../store/store.ts'
import { appErrors } from './errors.ts'
import { type Config, configSchema } from './settings.ts'

/** A configuration and where it came from. */
export interface LoadedConfig {
  config: Config
  /** Absolute, or empty when the built-in defaults are in force. */
  file: string
  /** Where relative paths in the configuration start: the file's folder. */
  baseDir: string
  /** The text as written; secrets included, so never shown unredacted. */
  yaml: string
  ruleCount: number
}

/** Reads and checks everything; throws `CONFIG_INVALID` with all mistakes, `CONFIG_FILE_UNREADABLE`, `APP_OVERRIDE_INVALID`. */
export function loadConfig(options: {
  file: string | undefined
  overrides: readonly string[]
  log?: Log
}): LoadedConfig {
  const file = options.file ?? (existsSync('shipwatch.yml') ? 'shipwatch.yml' : undefined)
  const yaml = file === undefined ? '' : readConfigFile(file)
  const parsed = parseYaml(yaml, file ?? 'built-in defaults')
  for (const text of options.overrides) applyOverride(parsed.value, text)
  const config = checkConfig(parsed, configSchema)
  checkRoutes(config, parsed)
  const path = file === undefined ? '' : resolve(file)
  const baseDir = path === '' ? process.cwd() : dirname(path)
  config.scrape_configs = readScrapeConfigFiles(config, baseDir)
  checkReceivers(config, { clock: systemClock, random: systemRandom, baseDir })
  const groups = loadGroups(config, {
    engine: makeParser(config),
    log: options.log ?? silentLog,
    baseDir,
  })
  const ruleCount = groups.reduce((count, group) => count + group.rules.length, 0)
  return { config, file: path, baseDir, yaml, ruleCount }
}

/** An engine over nothing: it only parses. */
function makeParser(settings: Config): QueryEngine {
  const querier = new MemoryStore({ clock: systemClock })
  return new QueryEngine({ querier, logs: undefined, settings, clock: systemClock, log: silentLog })
}

/** Every route must name a receiver and time intervals that exist. */
function checkRoutes(config: Config, parsed: ParsedYaml): void {
  const intervals = new Set(
    [...config.time_intervals, ...config.mute_time_intervals].map((interval) => interval.name),
  )
  const names = new Set(config.receivers.map((receiver) => receiver.name))
  const problems: ConfigProblem[] = []
  const newer = new Set(config.time_intervals.map(({ name }) => name))
  for (const [index, { name }] of config.mute_time_intervals.entries()) {
    if (!newer.has(name)) continue
    const path = ['mute_time_intervals', index, 'name']
    problems.push(problemAt(parsed, path, `time interval "${name}" is not unique`))
  }
  const walk = (route: RouteSettings, path: PropertyKey[]): void => {
    if (route.receiver && !names.has(route.receiver)) {
      const known =
        names.size === 0 ? 'there are no receivers' : `there are ${[...names].join(', ')}`
      problems.push(
        problemAt(
          parsed,
          [...path, 'receiver'],
          `there is no receiver "${route.receiver}"; ${known}`,
        ),
      )
    }
    for (const key of ['mute_time_intervals', 'active_time_intervals'] as const) {
      for (const [index, name] of (route[key] ?? []).entries()) {
        if (intervals.has(name)) continue
        const message = `there is no time interval "${name}"; add it under time_intervals`
        problems.push(problemAt(parsed, [...path, key, index], message))
      }
    }
    for (const [index, child] of (route.routes ?? []).entries())
      walk(child, [...path, 'routes', index])
  }
  if (config.route !== undefined) walk(config.route, ['route'])
  for (const { path, message } of findNameProblems(config))
    problems.push(problemAt(parsed, path, message))
  if (problems.length > 0) throw makeConfigError(problems)
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
