/**
 * Prometheus remote write 2.0, rewritten as 1.0 so that both take the same way into the store:
 *
 *   Request    { 4: symbol…, 5: TimeSeries… }
 *   TimeSeries { 1: labels_refs (packed pairs of indexes), 2: Sample…, 3: Histogram…, 4: Exemplar…, 5: Metadata }
 *   Metadata   { 1: type, 3: help_ref, 4: unit_ref }
 *
 * Samples and histograms are the same bytes in both (their start timestamp is passed over), so a series
 * is its labels written out and the rest copied; an exemplar is its labels written out as well. Symbols repeat in every series that names them, so a small body can
 * stand for a huge one: what is written is limited, and checked before it is written.
 * Source: prometheus/docs specs/prw/remote_write_spec_2_0.md; prometheus prompb/io/prometheus/write/v2.
 */

import { collectErrors } from '../errors.ts'
import { WireReader } from './protobuf.ts'

/** Bytes of the rewritten request at most; usual ones become three to five times larger. */
const writtenBytesMax = 256 * 1024 * 1024
/** Symbols of one request at most. */
const symbolCountMax = 4 * 1024 * 1024
/** References of one series that are written out: one label more than 1.0 reads, which then refuses it. */
const refsWrittenMax = 2 * 1025

const metricNameBytes = Buffer.from('__name__')
/** Samples of families carry these suffixes; what is said is said of the family. */
const familySuffix = /_(?:bucket|count|sum)$/
/** Types whose samples carry suffixes: histogram, gauge histogram, summary. */
const suffixedTypes = new Set([3, 4, 5])

/** Rewrites a body; throws `COLLECT_BODY_INVALID` with the byte, `COLLECT_BODY_TOO_LARGE`. */
export function rewriteAsV1(body: Buffer): Buffer {
  return new Rewriter(body).run()
}

class Rewriter {
  readonly #wire: WireReader
  #symbolCount = 0
  /** Start and end of each symbol in the body. */
  #symbols = new Uint32Array(2048)
  #out: Buffer
  #size = 0
  /** Pairs of indexes of the series being read. */
  #refs = new Uint32Array(256)
  #refCount = 0
  /** With those beyond `refsWrittenMax`. */
  #refTotal = 0
  /** Metric names whose metadata was written. */
  readonly #described = new Set<number>()

  constructor(body: Buffer) {
    this.#wire = new WireReader(body)
    this.#out = Buffer.allocUnsafe(Math.max(4096, body.length * 4))
  }

  run(): Buffer {
    const wire = this.#wire
    const end = wire.bytes.length
    this.#readSymbols(end)
    wire.at = 0
    while (wire.at < end) {
      const tag = wire.readSize(end)
      if (tag === 0x2a) this.#rewriteSeries(wire.readEnd(end))
      else wire.skip(tag, end)
    }
    return this.#out.subarray(0, this.#size)
  }

  /** All symbols first: protobuf lets them stand behind the series. */
  #readSymbols(end: number): void {
    const wire = this.#wire
    while (wire.at < end) {
      const tag = wire.readSize(end)
      if (tag !== 0x22) {
        wire.skip(tag, end)
        continue
      }
      const symbolEnd = wire.readEnd(end)
      if (this.#symbolCount >= symbolCountMax) {
        throw collectErrors.ROWS_TOO_MANY({ countMax: symbolCountMax })
      }
      if (this.#symbolCount === 0 && symbolEnd > wire.at) {
        wire.fail('a first symbol that is not empty')
      }
      if (this.#symbolCount * 2 === this.#symbols.length) this.#symbols = grow(this.#symbols)
      this.#symbols[this.#symbolCount * 2] = wire.at
      this.#symbols[this.#symbolCount * 2 + 1] = symbolEnd
      this.#symbolCount++
      wire.at = symbolEnd
    }
  }

  #rewriteSeries(end: number): void {
    const wire = this.#wire
    const start = wire.at
    let seriesSize = 0
    this.#refCount = 0
    this.#refTotal = 0
    let metadataAt = -1
    const exemplarPlaces: number[] = []
    while (wire.at < end) {
      const fieldAt = wire.at
      const tag = wire.readSize(end)
      if (tag === 0x0a) this.#readRefs(wire.readEnd(end))
      else if (tag === 0x08) this.#addRef(wire.readSize(end))
      else if (tag === 0x2a) {
        metadataAt = wire.at
        wire.at = wire.readEnd(end)
      } else {
        if (tag === exemplarTag) exemplarPlaces.push(wire.at)
        wire.skip(tag, end)
        if (newTags.has(tag)) seriesSize += wire.at - fieldAt
      }
    }
    if (this.#refTotal % 2 === 1) wire.fail('a label name without a value')
    const exemplars = exemplarPlaces.map((place) => this.#measureExemplar(place))
    for (const { size } of exemplars) seriesSize += 1 + sizeOfSize(size) + size
    seriesSize += this.#labelsSize(this.#refs, this.#refCount)
    this.#reserve(seriesSize + 8)
    this.#writeHead(0x0a, seriesSize)
    this.#writeLabels(this.#refs, this.#refCount)
    wire.at = start
    while (wire.at < end) {
      const fieldAt = wire.at
      const tag = wire.readSize(end)
      wire.skip(tag, end)
      const newTag = newTags.get(tag)
      if (newTag !== undefined) {
        this.#size += wire.buffer.copy(this.#out, this.#size, fieldAt, wire.at)
        this.#out[this.#size - (wire.at - fieldAt)] = newTag
      }
    }
    for (const exemplar of exemplars) this.#writeExemplar(exemplar)
    if (metadataAt >= 0) {
      wire.at = metadataAt
      this.#rewriteMetadata(wire.readEnd(end))
    }
    wire.at = end
  }

  /** Said once of each metric, though the sender says it with every series. */
  #rewriteMetadata(end: number): void {
    const nameRef = this.#findMetricName()
    const wire = this.#wire
    let type = 0
    let help = 0
    let unit = 0
    while (wire.at < end) {
      const tag = wire.readSize(end)
      if (tag === 0x08) type = wire.readSize(end)
      else if (tag === 0x18) help = this.#checkRef(wire.readSize(end))
      else if (tag === 0x20) unit = this.#checkRef(wire.readSize(end))
      else wire.skip(tag, end)
    }
    const isEmpty = type === 0 && help === 0 && unit === 0
    if (isEmpty || nameRef < 0 || this.#described.has(nameRef)) return
    this.#described.add(nameRef)
    let nameEnd = this.#symbols[nameRef * 2 + 1]!
    const nameStart = this.#symbols[nameRef * 2]!
    if (suffixedTypes.has(type)) {
      const tail = wire.buffer.toString('latin1', Math.max(nameStart, nameEnd - 7), nameEnd)
      nameEnd -= familySuffix.exec(tail)?.[0].length ?? 0
    }
    // The wide types of a later version mean nothing here.
    const typeByte = type < 128 ? type : 0
    const nameSize = 1 + sizeOfSize(nameEnd - nameStart) + nameEnd - nameStart
    const size = 2 + nameSize + this.#symbolSize(help) + this.#symbolSize(unit)
    this.#reserve(size + 8)
    this.#writeHead(0x1a, size)
    this.#out[this.#size++] = 0x08
    this.#out[this.#size++] = typeByte
    this.#writeHead(0x12, nameEnd - nameStart)
    this.#size += wire.buffer.copy(this.#out, this.#size, nameStart, nameEnd)
    this.#writeSymbol(0x22, help)
    this.#writeSymbol(0x2a, unit)
  }

  #findMetricName(): number {
    const { buffer } = this.#wire
    for (let index = 0; index < this.#refCount; index += 2) {
      const ref = this.#refs[index]!
      const start = this.#symbols[ref * 2]!
      const end = this.#symbols[ref * 2 + 1]!
      if (metricNameBytes.equals(buffer.subarray(start, end))) return this.#refs[index + 1]!
    }
    return -1
  }

  #readRefs(end: number): void {
    while (this.#wire.at < end) this.#addRef(this.#wire.readSize(end))
  }

  #addRef(ref: number): void {
    this.#refTotal++
    if (this.#refCount === refsWrittenMax) {
      this.#checkRef(ref)
      return
    }
    if (this.#refCount === this.#refs.length) this.#refs = grow(this.#refs)
    this.#refs[this.#refCount++] = this.#checkRef(ref)
  }

  #checkRef(ref: number): number {
    if (ref >= this.#symbolCount) {
      this.#wire.fail(`the symbol ${ref}, of ${this.#symbolCount} there are`)
    }
    return ref
  }

  /** Bytes of a symbol as a field. */
  #symbolSize(ref: number): number {
    const size = this.#symbols[ref * 2 + 1]! - this.#symbols[ref * 2]!
    return 1 + sizeOfSize(size) + size
  }

  /** Bytes of labels as fields. */
  #labelsSize(refs: ArrayLike<number>, count: number): number {
    let size = 0
    for (let index = 0; index < count; index += 2) {
      const labelSize = this.#symbolSize(refs[index]!) + this.#symbolSize(refs[index + 1]!)
      size += 1 + sizeOfSize(labelSize) + labelSize
    }
    return size
  }

  #writeLabels(refs: ArrayLike<number>, count: number): void {
    for (let index = 0; index < count; index += 2) {
      this.#writeHead(0x0a, this.#symbolSize(refs[index]!) + this.#symbolSize(refs[index + 1]!))
      this.#writeSymbol(0x0a, refs[index]!)
      this.#writeSymbol(0x12, refs[index + 1]!)
    }
  }

  /** The labels of the exemplar whose length is at `place`, and what it takes without its own head. */
  #measureExemplar(place: number): MeasuredExemplar {
    const wire = this.#wire
    wire.at = place
    const end = wire.readEnd(wire.bytes.length)
    const refs: number[] = []
    let restSize = 0
    while (wire.at < end) {
      const fieldAt = wire.at
      const tag = wire.readSize(end)
      if (tag === 0x0a) {
        const refsEnd = wire.readEnd(end)
        while (wire.at < refsEnd) refs.push(this.#checkRef(wire.readSize(refsEnd)))
      } else if (tag === 0x08) refs.push(this.#checkRef(wire.readSize(end)))
      else {
        wire.skip(tag, end)
        if (exemplarTags.has(tag)) restSize += wire.at - fieldAt
      }
      if (refs.length > refsWrittenMax) wire.fail('an exemplar with too many labels')
    }
    if (refs.length % 2 === 1) wire.fail('a label name of an exemplar without a value')
    return { place, refs, size: restSize + this.#labelsSize(refs, refs.length) }
  }

  #writeExemplar({ place, refs, size }: MeasuredExemplar): void {
    const wire = this.#wire
    this.#writeHead(0x1a, size)
    this.#writeLabels(refs, refs.length)
    wire.at = place
    const end = wire.readEnd(wire.bytes.length)
    while (wire.at < end) {
      const fieldAt = wire.at
      const tag = wire.readSize(end)
      wire.skip(tag, end)
      if (!exemplarTags.has(tag)) continue
      this.#size += wire.buffer.copy(this.#out, this.#size, fieldAt, wire.at)
    }
  }

  #writeSymbol(tag: number, ref: number): void {
    const start = this.#symbols[ref * 2]!
    const end = this.#symbols[ref * 2 + 1]!
    this.#writeHead(tag, end - start)
    this.#size += this.#wire.buffer.copy(this.#out, this.#size, start, end)
  }

  #writeHead(tag: number, size: number): void {
    this.#out[this.#size++] = tag
    let rest = size
    while (rest > 127) {
      this.#out[this.#size++] = (rest & 127) | 128
      rest >>>= 7
    }
    this.#out[this.#size++] = rest
  }

  #reserve(size: number): void {
    const needed = this.#size + size
    if (needed > writtenBytesMax) {
      throw collectErrors.BODY_TOO_LARGE({ size: needed, bytesMax: writtenBytesMax })
    }
    if (needed <= this.#out.length) return
    const grown = Buffer.allocUnsafe(Math.max(needed, this.#out.length * 2))
    this.#out.copy(grown, 0, 0, this.#size)
    this.#out = grown
  }
}

/** An exemplar to be written: where its length stands, its labels, and its size in 1.0. */
interface MeasuredExemplar {
  place: number
  refs: readonly number[]
  size: number
}

/** Tags of 1.0 for fields of a series that are copied, by their tags of 2.0: samples, histograms. */
const newTags = new Map([
  [0x12, 0x12],
  [0x1a, 0x22],
])
const exemplarTag = 0x22
/** Fields of an exemplar that are the same in both: value and time. */
const exemplarTags = new Set([0x11, 0x18])

function grow(array: Uint32Array<ArrayBuffer>): Uint32Array<ArrayBuffer> {
  const grown = new Uint32Array(array.length * 2)
  grown.set(array)
  return grown
}

/** Bytes of a length as a varint. */
function sizeOfSize(size: number): number {
  let count = 1
  for (let rest = size >>> 7; rest > 0; rest >>>= 7) count++
  return count
}
