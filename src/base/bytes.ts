/** Sizes in bytes as people write them: `64MiB`, `512KB`, `1GB`, `100`. Binary and `KB` alike are powers of 1,024, as in Prometheus. */

const units: Record<string, number> = {
  B: 1,
  K: 1024,
  M: 1024 ** 2,
  G: 1024 ** 3,
  T: 1024 ** 4,
  P: 1024 ** 5,
}

/** Bytes of `text`, or `undefined` when it is not a size. */
export function parseBytes(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)\s*([KMGTP]?)i?B?$/.exec(text.trim())
  if (match === null) return undefined
  return Math.round(Number(match[1]) * units[match[2] || 'B']!)
}
