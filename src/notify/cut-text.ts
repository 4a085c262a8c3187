/**
 * Texts cut to what a service takes, always between characters: half an emoji or half a Chinese
 * character makes some services refuse the whole message.
 */

/** Long texts have room to say that something is missing. */
const saidLengthMin = 1_000

function noteFor(roomMax: number): string {
  return roomMax < saidLengthMin ? '…' : '… (cut)'
}

/** At most `bytesMax` bytes of UTF-8; a text that was cut ends in an ellipsis, a long one in a note. */
export function cutBytes(text: string, bytesMax: number): string {
  if (Buffer.byteLength(text) <= bytesMax) return text
  const more = noteFor(bytesMax)
  const room = new Uint8Array(Math.max(0, bytesMax - Buffer.byteLength(more)))
  const { read } = new TextEncoder().encodeInto(text, room)
  return `${text.slice(0, read)}${more}`
}

/** At most `lengthMax` UTF-16 units, which no service counts as more than it says. */
export function cutLength(text: string, lengthMax: number): string {
  if (text.length <= lengthMax) return text
  const more = noteFor(lengthMax)
  const end = lengthMax - more.length
  const code = text.charCodeAt(end - 1)
  const isHalf = code >= 0xd800 && code <= 0xdbff
  return `${text.slice(0, isHalf ? end - 1 : end)}${more}`
}
