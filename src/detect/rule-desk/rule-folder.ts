/**
 * The folder whose rule files may be edited over the API. Names are plain, so that nothing outside can be
 * reached; each save keeps the text before it under `.versions`, and is refused when somebody saved meanwhile.
 */

import {
  copyFileSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
} from 'node:fs'
import { join } from 'node:path'
import type { RuleFileEntry, RuleFileView } from '../../api/rules.ts'
import type { Clock } from '../../base/clock.ts'
import { messageOf } from '../../base/error.ts'
import { writeFileAtomic } from '../../base/files.ts'
import { addText, formatFnv64, startFnv64 } from '../../base/hash.ts'
import { detectErrors } from '../errors.ts'

const namePattern = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}\.ya?ml$/
const versionPattern = /^\d{13}(-\d+)?$/
/** Files in the folder. */
const fileCountMax = 1_000

/** Reads and writes the files of one folder. */
export class RuleFolder {
  readonly #path: string
  readonly #clock: Clock
  readonly #versionCountMax: number

  constructor(path: string, options: { clock: Clock; versionCountMax: number }) {
    this.#path = path
    this.#clock = options.clock
    this.#versionCountMax = options.versionCountMax
  }

  /** The files, by name. */
  list(): RuleFileEntry[] {
    return listRuleFiles(this.#path)
      .slice(0, fileCountMax)
      .map((name) => entryOf(name, this.#read(name), this.#pathOf(name)))
  }

  /** A file with its older versions. Throws `DETECT_RULE_FILE_UNKNOWN`. */
  view(name: string): RuleFileView {
    const text = this.#read(name)
    const versions = this.#versions(name).map((id) => {
      const path = join(this.#versionFolder(name), id)
      return { id, timeMs: Number(id.slice(0, 13)), sizeBytes: statSync(path).size }
    })
    return { ...entryOf(name, text, this.#pathOf(name)), text, versions: versions.reverse() }
  }

  /** An older text of a file. Throws `DETECT_RULE_FILE_UNKNOWN`. */
  viewVersion(name: string, id: string): RuleFileView {
    const path = join(this.#versionFolder(checkName(name)), id)
    if (!versionPattern.test(id)) throw detectErrors.RULE_FILE_UNKNOWN({ name: `${name}/${id}` })
    const text = readOr(path, () => detectErrors.RULE_FILE_UNKNOWN({ name: `${name}/${id}` }))
    return { ...entryOf(name, text, path), text, versions: [] }
  }

  /**
   * Writes a file and keeps what was there; answers the call that undoes it. Throws
   * `DETECT_RULE_FILE_CHANGED` when `revision` is not that of what is there.
   */
  save(name: string, text: string, revision: string): () => void {
    const before = this.#check(name, revision)
    if (before === undefined && this.list().length >= fileCountMax)
      throw detectErrors.RULE_FILES_FULL({ limit: fileCountMax })
    if (before !== undefined) this.#keep(name)
    this.#write(name, text)
    return () => (before === undefined ? rmSync(this.#pathOf(name)) : this.#write(name, before))
  }

  /** Removes a file and keeps what was there; answers the call that undoes it. */
  remove(name: string, revision: string): () => void {
    const before = this.#check(name, revision)
    if (before === undefined) throw detectErrors.RULE_FILE_UNKNOWN({ name })
    this.#keep(name)
    rmSync(this.#pathOf(name))
    return () => this.#write(name, before)
  }

  /** The text that is there, if any, when the revision is right. */
  #check(name: string, revision: string): string | undefined {
    const path = this.#pathOf(checkName(name))
    const there = lstatSync(path, { throwIfNoEntry: false })
    if (there !== undefined && !there.isFile()) throw detectErrors.RULE_FILE_NAME_INVALID({ name })
    const before = there === undefined ? undefined : this.#read(name)
    const found = before === undefined ? '' : revisionOf(before)
    if (found !== revision) throw detectErrors.RULE_FILE_CHANGED({ name })
    return before
  }

  #keep(name: string): void {
    const folder = this.#versionFolder(name)
    mkdirSync(folder, { recursive: true })
    const taken = new Set(readdirSync(folder))
    const stem = String(this.#clock.nowTimeMs()).padStart(13, '0')
    let id = stem
    for (let count = 1; taken.has(id); count++) id = `${stem}-${count}`
    copyFileSync(this.#pathOf(name), join(folder, id))
    const versions = this.#versions(name)
    for (const old of versions.slice(0, Math.max(0, versions.length - this.#versionCountMax)))
      rmSync(join(folder, old))
  }

  #write(name: string, text: string): void {
    try {
      writeFileAtomic(this.#pathOf(name), text)
    } catch (thrown) {
      throw detectErrors.RULE_FILE_UNWRITABLE({ name, reason: messageOf(thrown) }, thrown)
    }
  }

  #read(name: string): string {
    const path = this.#pathOf(checkName(name))
    const makeError = () => detectErrors.RULE_FILE_UNKNOWN({ name })
    // What a link leads to is not ours to show.
    if (lstatSync(path, { throwIfNoEntry: false })?.isFile() !== true) throw makeError()
    return readOr(path, makeError)
  }

  /** Ids of older texts, the oldest first. */
  #versions(name: string): string[] {
    try {
      return readdirSync(this.#versionFolder(name))
        .filter((id) => versionPattern.test(id))
        .sort()
    } catch {
      // Nothing was kept yet.
      return []
    }
  }

  #versionFolder(name: string): string {
    return join(this.#path, '.versions', name)
  }

  #pathOf(name: string): string {
    return join(this.#path, name)
  }
}

/** Names of the rule files in a folder; none when it is not there. */
export function listRuleFiles(path: string): string[] {
  try {
    return readdirSync(path, { withFileTypes: true })
      .filter((entry) => entry.isFile() && namePattern.test(entry.name))
      .map((entry) => entry.name)
      .sort()
  } catch {
    // It is made with the first save.
    return []
  }
}

function checkName(name: string): string {
  if (!namePattern.test(name)) throw detectErrors.RULE_FILE_NAME_INVALID({ name })
  return name
}

function readOr(path: string, makeError: () => Error): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    throw makeError()
  }
}

function entryOf(name: string, text: string, path: string): RuleFileEntry {
  const { size, mtimeMs } = statSync(path)
  return {
    name,
    sizeBytes: size,
    modifiedTimeMs: Math.round(mtimeMs),
    revision: revisionOf(text),
  }
}

function revisionOf(text: string): string {
  const state = startFnv64()
  addText(state, text)
  return formatFnv64(state)
}
