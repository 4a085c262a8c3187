/** Places in an expression as Prometheus prints them: `line:column`, both from 1; columns count bytes. */

/** `1:5` for an offset into `text`. */
export function formatPosition(text: string, offset: number): string {
  const before = text.slice(0, offset)
  const lineStart = before.lastIndexOf('\n') + 1
  let line = 1
  for (let index = 0; index < lineStart; index++) if (before[index] === '\n') line++
  return `${line}:${Buffer.byteLength(before.slice(lineStart)) + 1}`
}
