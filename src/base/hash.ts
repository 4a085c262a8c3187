/**
 * 64-bit FNV-1a over UTF-8, as Prometheus and Alertmanager use for label fingerprints.
 * Source: FNV, public domain; vectors in model/labels.test.ts. Two 32-bit halves instead of BigInt:
 * about thirty times faster in V8.
 */

const encoder = new TextEncoder()
const scratch = new Uint8Array(65_536)

/** Running FNV-1a 64 state as two unsigned halves. */
export interface Fnv64 {
  high: number
  low: number
}

/** The offset basis `cbf29ce484222325`. */
export function startFnv64(): Fnv64 {
  return { high: 0xcbf29ce4, low: 0x84222325 }
}

/** Feeds one byte. */
export function addByte(state: Fnv64, byte: number): void {
  // prime = 2^40 + 0x1b3; 64-bit product from 32-bit halves, low product split to stay exact
  const low = (state.low ^ byte) >>> 0
  const product = (low & 0xffff) * 0x1b3
  const carry = (low >>> 16) * 0x1b3 + Math.floor(product / 65_536)
  const nextLow = (((carry & 0xffff) << 16) | (product & 0xffff)) >>> 0
  const nextHigh = (Math.imul(state.high, 0x1b3) + Math.floor(carry / 65_536) + (low << 8)) >>> 0
  state.low = nextLow
  state.high = nextHigh
}

/** Feeds a string's UTF-8 bytes. */
export function addText(state: Fnv64, text: string): void {
  const bytes = text.length * 3 <= scratch.length ? scratch : new Uint8Array(text.length * 3)
  const { written } = encoder.encodeInto(text, bytes)
  for (let index = 0; index < written; index++) addByte(state, bytes[index]!)
}

/** The state as 16 hexadecimal digits. */
export function formatFnv64(state: Fnv64): string {
  return state.high.toString(16).padStart(8, '0') + state.low.toString(16).padStart(8, '0')
}
