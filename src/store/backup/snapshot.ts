/**
 * A second name (hard link) for every file of a data directory that a backup needs: taken in
 * milliseconds while the household rests, read afterwards at leisure. Parts of the engine and closed
 * journal segments never change, so their links stay true; files that are replaced whole are copied;
 * of a log that grows, the bytes up to its end at that moment count.
 */

import {
  constants,
  copyFileSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
} from 'node:fs'
import { dirname, join, relative, sep } from 'node:path'
import type { TarEntry } from './tar.ts'

/** A thing to be backed up: where it stands now, and what it is in the backup. */
export interface SnapshotEntry extends TarEntry {
  source: string
}

/** Collects links below a directory of its own. */
export class Snapshot {
  readonly entries: SnapshotEntry[] = []
  readonly #dataDir: string
  readonly #directory: string

  constructor(dataDir: string, directory: string) {
    this.#dataDir = dataDir
    this.#directory = directory
    mkdirSync(directory, { recursive: true, mode: 0o700 })
  }

  /** A file that is never changed in place; of one that only grows, its first `sizeBytes`. */
  link(path: string, sizeBytes = lstatSync(path).size): void {
    const source = this.#placeOf(path)
    try {
      linkSync(path, source)
    } catch (thrown) {
      const { code } = thrown as NodeJS.ErrnoException
      // File systems without hard links, and those with a limit of them.
      if (!['EPERM', 'EXDEV', 'EMLINK', 'ENOTSUP', 'EOPNOTSUPP'].includes(code ?? '')) throw thrown
      copyFileSync(path, source, constants.COPYFILE_FICLONE)
    }
    this.#note({ path, source, kind: 'file', sizeBytes, target: '' })
  }

  /** A small file that is replaced from time to time; nothing when it is missing. */
  copy(path: string): void {
    const source = this.#placeOf(path)
    try {
      copyFileSync(path, source)
    } catch (thrown) {
      if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return
      throw thrown
    }
    this.#note({ path, source, kind: 'file', sizeBytes: lstatSync(source).size, target: '' })
  }

  /** A file that was made for this snapshot at `placeOf`, to be known as `path`. */
  add(path: string, source: string): void {
    this.#note({ path, source, kind: 'file', sizeBytes: lstatSync(source).size, target: '' })
  }

  /** Where a file for `add` can be made. */
  placeFor(path: string): string {
    return this.#placeOf(path)
  }

  /** A directory with everything in it that `isWanted` by path; symbolic links stay links. */
  addTree(path: string, isWanted: (path: string) => boolean): void {
    for (const item of readdirSync(path, { withFileTypes: true })) {
      const inside = join(path, item.name)
      if (!isWanted(inside)) continue
      if (item.isDirectory()) this.addTree(inside, isWanted)
      else if (item.isFile()) this.link(inside)
      else if (item.isSymbolicLink()) {
        const target = readlinkSync(inside)
        this.#note({ path: inside, source: inside, kind: 'link', sizeBytes: 0, target })
      }
    }
  }

  #placeOf(path: string): string {
    const place = join(this.#directory, relative(this.#dataDir, path))
    mkdirSync(dirname(place), { recursive: true })
    return place
  }

  #note(entry: SnapshotEntry): void {
    const path = relative(this.#dataDir, entry.path).split(sep).join('/')
    this.entries.push({ ...entry, path })
  }
}
