/**
 * Targets in files (`file_sd_configs`): JSON or YAML, a list of `{targets: […], labels: {…}}`. Files
 * are looked at every 5 s and read when size or modification time changed; a file that became
 * unreadable or wrong keeps the targets it named last, and says so. A file that is gone has none.
 */

import { glob, readFile, stat } from 'node:fs/promises'
import type { Clock, Timer } from '../../base/clock.ts'
import { messageOf } from '../../base/error.ts'
import { checkConfig, parseYaml } from '../../config/config.ts'
import { z } from '../../config/schema.ts'
import { collectErrors } from '../errors.ts'
import { targetGroup } from './settings.ts'
import type { Discovery, DiscoveryListener, TargetGroup } from './discover.ts'
import { makeTargetGroup } from './static.ts'

/** Files are small and local; a look costs one stat. */
const lookIntervalMs = 5000
/** A list of 100,000 targets has about 5 MB. */
const fileBytesMax = 32 * 1024 * 1024
const filesMax = 1000

const fileSchema = z.array(targetGroup)

interface KnownFile {
  stamp: string
  readTimeMs: number
  groups: readonly TargetGroup[]
}

/** `file_sd_configs`. */
export class FileDiscovery implements Discovery {
  readonly #patterns: readonly string[]
  readonly #refreshMs: number
  readonly #clock: Clock
  readonly #files = new Map<string, KnownFile>()
  #timer: Timer | undefined
  #isStopped = false

  constructor(options: { files: readonly string[]; refreshMs: number; clock: Clock }) {
    this.#patterns = options.files
    this.#refreshMs = options.refreshMs
    this.#clock = options.clock
  }

  async start(listener: DiscoveryListener): Promise<void> {
    let told: string | undefined
    const turn = async (): Promise<void> => {
      const problems: string[] = []
      let hasChanged = false
      try {
        hasChanged = await this.#look(problems)
      } catch (thrown) {
        problems.push(messageOf(thrown))
      }
      const text = problems.join('\n')
      if (hasChanged || text !== told) listener(this.#groups(), problems)
      told = text
      if (!this.#isStopped) this.#timer = this.#clock.after(lookIntervalMs, () => void turn())
    }
    await turn()
  }

  stop(): void {
    this.#isStopped = true
    this.#timer?.cancel()
  }

  #groups(): TargetGroup[] {
    return [...this.#files.values()].flatMap((file) => file.groups)
  }

  /** True when something changed. */
  async #look(problems: string[]): Promise<boolean> {
    const paths = new Set<string>()
    for (const pattern of this.#patterns) {
      for await (const path of glob(pattern)) {
        if (paths.size < filesMax) paths.add(path)
      }
    }
    let hasChanged = false
    for (const path of [...this.#files.keys()]) {
      if (!paths.has(path)) {
        this.#files.delete(path)
        hasChanged = true
      }
    }
    for (const path of paths) {
      try {
        if (await this.#readIfChanged(path)) hasChanged = true
      } catch (thrown) {
        const error = collectErrors.DISCOVERY_FILE_INVALID({ path, reason: messageOf(thrown) })
        problems.push(error.message)
      }
    }
    return hasChanged
  }

  async #readIfChanged(path: string): Promise<boolean> {
    const { size, mtimeMs, ino } = await stat(path)
    const stamp = `${size}:${mtimeMs}:${ino}`
    const known = this.#files.get(path)
    const nowTimeMs = this.#clock.nowTimeMs()
    const isFresh = known !== undefined && nowTimeMs - known.readTimeMs < this.#refreshMs
    if (known?.stamp === stamp && isFresh) return false
    if (size > fileBytesMax) throw new Error(`it has ${size} bytes, more than ${fileBytesMax}`)
    const groups = parseTargetFile(await readFile(path, 'utf8'), path)
    this.#files.set(path, { stamp, readTimeMs: nowTimeMs, groups })
    return known?.stamp !== stamp
  }
}

/** The groups of one file; throws with the place of each mistake. */
function parseTargetFile(text: string, path: string): TargetGroup[] {
  // JSON is read as YAML too, for the places in the error texts.
  const parsed = parseYaml(text, path)
  const written = text.trim() === '' ? [] : checkConfig(parsed, fileSchema)
  return written.map((group, index) =>
    makeTargetGroup(`${path}:${index}`, group, ['__meta_filepath', path]),
  )
}
