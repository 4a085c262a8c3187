/**
 * Broken beliefs: what can only be false when our own code is wrong. The process logs and stops; a
 * supervisor starts it again and the journal brings the data back. Never for input or the world.
 */

/** Throws an error whose message begins with `BUG:` unless `condition` holds. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new Error(`BUG: ${message}`)
}
