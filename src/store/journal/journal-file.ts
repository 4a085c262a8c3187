/** A file that only grows. The disk is behind an interface, so that tests can fill it up. */

import { open } from 'node:fs/promises'

/** An open file at whose end bytes are written. */
export interface JournalFile {
  /** Writes all of `bytes` at `offset`, or rejects having written any part of them. */
  write(bytes: Uint8Array, offset: number): Promise<void>
  /** Brings what was written to the disk. */
  sync(): Promise<void>
  /** Cuts the file. */
  truncate(size: number): Promise<void>
  close(): Promise<void>
}

/** Makes a new file. */
export type MakeJournalFile = (path: string) => Promise<JournalFile>

/** Makes a file on the real disk. */
export const makeDiskFile: MakeJournalFile = async (path) => {
  const handle = await open(path, 'w')
  return {
    write: async (bytes, offset) => {
      let done = 0
      while (done < bytes.length) {
        const { bytesWritten } = await handle.write(bytes, done, bytes.length - done, offset + done)
        done += bytesWritten
      }
    },
    sync: () => handle.datasync(),
    truncate: (size) => handle.truncate(size),
    close: () => handle.close(),
  }
}
