/** A file of Native blocks for one table; made when the first block comes, taken by the engine as one insert. */

import { mkdirSync, rmSync } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { join } from 'node:path'
import type { Engine } from './engine.ts'
import { type NewColumn, writeNative } from './native.ts'

/** Makes the directory of such files, without those that a crash left behind. */
export function clearBlockDirectory(path: string): void {
  rmSync(path, { recursive: true, force: true })
  mkdirSync(path, { recursive: true })
}

/** Blocks on their way into a table. */
export class BlockFile {
  readonly #path: string
  readonly #table: string
  readonly #structure: string
  #handle: FileHandle | undefined
  #hasRows = false

  /** `structure` lists the columns of the blocks with their types. */
  constructor(directory: string, table: string, structure: string) {
    this.#path = join(directory, `${table}.native`)
    this.#table = table
    this.#structure = structure
  }

  /** Adds a block; none when it has no rows. */
  async write(count: number, columns: readonly NewColumn[]): Promise<void> {
    if (count === 0) return
    this.#hasRows = true
    this.#handle ??= await open(this.#path, 'w')
    await this.#handle.writeFile(writeNative(count, columns))
  }

  /** Has the engine take the blocks; rejects with its error. */
  async insert(engine: Engine): Promise<void> {
    await this.#close()
    if (!this.#hasRows) return
    await engine.insertFile(this.#table, { path: this.#path, structure: this.#structure })
  }

  /** Deletes the file. */
  async discard(): Promise<void> {
    await this.#close()
    rmSync(this.#path, { force: true })
  }

  async #close(): Promise<void> {
    await this.#handle?.close()
    this.#handle = undefined
  }
}
