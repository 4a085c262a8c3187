/** Small messages of the exposition in protobuf: numbers, labels, exemplars. */

import type { WireReader } from '../receive/protobuf.ts'
import type { PageExemplar } from './page-reader.ts'

/** A float64. */
export function readDouble(wire: WireReader, end: number): number {
  const { at } = wire
  if (at + 8 > end) wire.fail('a field that reaches behind its message')
  wire.at = at + 8
  return wire.view.getFloat64(at, true)
}

/** A signed number in zigzag; exact within ±2^52. */
export function readZigzag(wire: WireReader, end: number): number {
  const value = wire.readInt64(end)
  const half = Math.floor(value / 2)
  return value % 2 === 0 ? half : -half - 1
}

/** The fields of a `LabelPair` up to `end`, appended to `pairs` as name and value. */
export function readLabelPair(wire: WireReader, end: number, pairs: string[]): void {
  let name = ''
  let value = ''
  while (wire.at < end) {
    const tag = wire.readSize(end)
    if (tag === 0x0a) name = wire.readText(end)
    else if (tag === 0x12) value = wire.readText(end)
    else wire.skip(tag, end)
  }
  for (let index = 0; index < pairs.length; index += 2) {
    if (pairs[index] === name) wire.fail(`the label ${JSON.stringify(name)} a second time`)
  }
  pairs.push(name, value)
}

/** An `Exemplar`, from its length on. */
export function readExemplar(wire: WireReader): PageExemplar {
  const end = wire.readEnd(wire.bytes.length)
  const exemplar: PageExemplar = { labels: [], value: 0, timeMs: undefined }
  while (wire.at < end) {
    const tag = wire.readSize(end)
    if (tag === 0x0a) readLabelPair(wire, wire.readEnd(end), exemplar.labels)
    else if (tag === 0x11) exemplar.value = readDouble(wire, end)
    else if (tag === 0x1a) exemplar.timeMs = readTimeMs(wire, wire.readEnd(end))
    else wire.skip(tag, end)
  }
  return exemplar
}

function readTimeMs(wire: WireReader, end: number): number {
  let timeMs = 0
  while (wire.at < end) {
    const tag = wire.readSize(end)
    if (tag === 0x08) timeMs += wire.readInt64(end) * 1000
    else if (tag === 0x10) timeMs += Math.floor(wire.readInt64(end) / 1_000_000)
    else wire.skip(tag, end)
  }
  return timeMs
}
