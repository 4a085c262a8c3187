/** Relative paths of the configuration start at the configuration's folder, not where the process happens to run. */

import { resolve } from 'node:path'
import type { HttpSettings } from '../config/http-settings.ts'
import type { BearerSettings } from './bearer-settings.ts'
import type { CollectSettings, ScrapeConfig } from './settings.ts'

/** The same settings with every path absolute. */
export function resolvePaths(settings: CollectSettings, baseDir: string): CollectSettings {
  const one = (path: string): string => resolve(baseDir, path)
  const { scrape_failure_log_file: logFile } = settings.global
  return {
    ...settings,
    global: {
      ...settings.global,
      ...(logFile && { scrape_failure_log_file: one(logFile) }),
    },
    scrape_configs: settings.scrape_configs.map((config) => resolveScrapePaths(config, baseDir)),
    logs: {
      ...settings.logs,
      files: settings.logs.files.map((followed) => ({
        ...followed,
        paths: followed.paths.map(one),
        exclude: followed.exclude.map(one),
      })),
    },
  }
}

/** The same job with every path absolute. */
export function resolveScrapePaths(config: ScrapeConfig, baseDir: string): ScrapeConfig {
  const { scrape_failure_log_file: logFile } = config
  return {
    ...resolveHttpPaths(config, baseDir),
    ...(logFile && { scrape_failure_log_file: resolve(baseDir, logFile) }),
    file_sd_configs: config.file_sd_configs.map((found) => ({
      ...found,
      files: found.files.map((path) => resolve(baseDir, path)),
    })),
    http_sd_configs: config.http_sd_configs.map((found) => resolveHttpPaths(found, baseDir)),
  }
}

function resolveHttpPaths<Settings extends HttpSettings & BearerSettings>(
  config: Settings,
  baseDir: string,
): Settings {
  const headers = Object.entries(config.http_headers).map(([name, header]) => [
    name,
    { ...header, files: header.files.map((path) => resolve(baseDir, path)) },
  ])
  const { bearer_token_file: bearerFile } = config
  return {
    ...config,
    ...(bearerFile && { bearer_token_file: resolve(baseDir, bearerFile) }),
    basic_auth: resolveFiles(config.basic_auth, baseDir),
    authorization: resolveFiles(config.authorization, baseDir),
    tls_config: resolveFiles(config.tls_config, baseDir),
    oauth2: config.oauth2 && {
      ...resolveFiles(config.oauth2, baseDir),
      tls_config: resolveFiles(config.oauth2.tls_config, baseDir),
    },
    http_headers: Object.fromEntries(headers),
  }
}

/** Makes every value whose key ends in `_file` absolute. */
function resolveFiles<Section extends object>(
  section: Section | undefined,
  baseDir: string,
): Section | undefined {
  if (section === undefined) return undefined
  const entries = Object.entries(section).map(([key, value]) => {
    const isPath = key.endsWith('_file') && typeof value === 'string' && value !== ''
    return [key, isPath ? resolve(baseDir, value) : value]
  })
  return Object.fromEntries(entries) as Section
}
