/**
 * Scrape jobs in files of their own (`scrape_config_files`): each file holds `scrape_configs`, and
 * relative paths within start at its own folder. Names of jobs are unique over all files.
 */

import { globSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import {
  checkConfig,
  type ConfigProblem,
  makeConfigError,
  type ParsedYaml,
  parseYaml,
  problemAt,
  readConfigFile,
} from '../config/config.ts'
import { z } from '../config/schema.ts'
import { resolveScrapePaths } from './resolve-paths.ts'
import { type ScrapeConfig, scrapeConfigs } from './settings.ts'

/** Files of all patterns together at most. */
const filesMax = 1000

const fileSchema = z.strictObject({ scrape_configs: scrapeConfigs.optional() })

/**
 * All jobs: those given, then those of the files in the order of their patterns and names. Throws
 * `CONFIG_INVALID` with the place of each mistake, `CONFIG_FILE_UNREADABLE`.
 */
export function readScrapeConfigFiles(
  settings: { scrape_configs: ScrapeConfig[]; scrape_config_files: readonly string[] },
  baseDir: string,
): ScrapeConfig[] {
  const jobs = [...settings.scrape_configs]
  const placeOfName = new Map(jobs.map(({ job_name: name }) => [name, 'the main file']))
  for (const file of findFiles(settings.scrape_config_files, baseDir)) {
    const parsed = parseYaml(readConfigFile(file), file)
    const found = checkConfig(parsed, fileSchema).scrape_configs ?? []
    const problems: ConfigProblem[] = []
    found.forEach((job, index) => {
      const place = placeOfName.get(job.job_name)
      if (place !== undefined) problems.push(tellTwice(parsed, index, { job, place }))
      placeOfName.set(job.job_name, file)
      jobs.push(resolveScrapePaths(job, dirname(file)))
    })
    if (problems.length > 0) throw makeConfigError(problems)
  }
  return jobs
}

function findFiles(patterns: readonly string[], baseDir: string): string[] {
  const files = new Set<string>()
  for (const pattern of patterns) {
    const path = resolve(baseDir, pattern)
    // A plain path that does not exist is a mistake, a pattern that finds nothing is not.
    const found = /[*?[{]/.test(pattern) ? globSync(path).sort() : [path]
    for (const file of found) files.add(file)
  }
  if (files.size > filesMax) {
    const message = `scrape_config_files names ${files.size} files, more than ${filesMax}`
    const place = { file: baseDir, line: 0, column: 0, path: 'scrape_config_files', lineText: '' }
    throw makeConfigError([{ ...place, message }])
  }
  return [...files]
}

function tellTwice(
  parsed: ParsedYaml,
  index: number,
  twice: { job: ScrapeConfig; place: string },
): ConfigProblem {
  return problemAt(
    parsed,
    ['scrape_configs', index, 'job_name'],
    `found multiple scrape configs with job name "${twice.job.job_name}"; the other is in ${twice.place}`,
  )
}
