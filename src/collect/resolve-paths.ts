/** Relative paths of the configuration start at the configuration's folder, not where the process happens to run. */

import { resolve } from 'node:path'
import type { CollectSettings } from './settings.ts'

/** The same settings with every path absolute. */
export function resolvePaths(settings: CollectSettings, baseDir: string): CollectSettings {
  const one = (path: string): string => resolve(baseDir, path)
  const file = <Key extends string>(key: Key, holder: { [key in Key]?: string | undefined }) =>
    holder[key] === undefined ? {} : { [key]: one(holder[key]) }
  return {
    ...settings,
    scrape_configs: settings.scrape_configs.map((config) => ({
      ...config,
      file_sd_configs: config.file_sd_configs.map((found) => ({
        ...found,
        files: found.files.map(one),
      })),
      ...(config.basic_auth && {
        basic_auth: {
          ...config.basic_auth,
          ...file('username_file', config.basic_auth),
          ...file('password_file', config.basic_auth),
        },
      }),
      ...(config.authorization && {
        authorization: {
          ...config.authorization,
          ...file('credentials_file', config.authorization),
        },
      }),
    })),
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
