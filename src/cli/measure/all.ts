/** Every suite by the name of its folder; each is loaded when it is asked for. */

import type { MeasureOptions, MeasureResult } from './measure.ts'

/** Runs one suite. */
export type Suite = (options: MeasureOptions) => Promise<MeasureResult>

const loaders: Readonly<Record<string, () => Promise<Suite>>> = {
  promqltest: async () => (await import('./promqltest.ts')).measurePromqltest,
}

/** In the order of the help. */
export const suiteNames: readonly string[] = Object.keys(loaders)

/** The suite of this name, or `undefined`. */
export async function findSuite(name: string): Promise<Suite | undefined> {
  return Object.hasOwn(loaders, name) ? loaders[name]!() : undefined
}
