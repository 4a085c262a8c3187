/**
 * Samples in memory: chains of chunks in three sizes (8, 32, 128 samples). A chunk has a base time,
 * 32-bit offsets from it and float64 values: 12 bytes a sample. Chunks lie in slabs of 65,536
 * samples and are named by numbers: the size class in the two highest bits, the place below.
 * A series begins with a small chunk, so a million series with few samples cost about 100 bytes each.
 */

/** The end of a chain. */
export const noChunk = 0xffffffff

const slabSampleCount = 65_536
const sizes = [8, 32, 128] as const
const classShift = 30
const placeMask = 0x3fffffff
/** Bytes of one sample: a 32-bit offset and a float64. */
const sampleBytes = 12

/** One size class. */
class ChunkClass {
  readonly size: number
  readonly #perSlab: number
  readonly slabShift: number
  offsets: Uint32Array[] = []
  values: Float64Array[] = []
  valueBits: Uint32Array[] = []
  base: Float64Array = new Float64Array(1_024)
  count: Uint8Array = new Uint8Array(1_024)
  next: Uint32Array = new Uint32Array(1_024)
  #free: number[] = []
  #end = 0
  usedCount = 0

  constructor(size: number) {
    this.size = size
    this.#perSlab = slabSampleCount / size
    this.slabShift = Math.log2(this.#perSlab)
  }

  take(): number {
    this.usedCount++
    const freed = this.#free.pop()
    if (freed !== undefined) return freed
    const place = this.#end++
    if (place >= this.base.length) {
      const capacity = this.base.length * 2
      this.base = extend(this.base, new Float64Array(capacity))
      this.count = extend(this.count, new Uint8Array(capacity))
      this.next = extend(this.next, new Uint32Array(capacity))
    }
    if (place >> this.slabShift >= this.offsets.length) {
      const values = new Float64Array(slabSampleCount)
      this.offsets.push(new Uint32Array(slabSampleCount))
      this.values.push(values)
      this.valueBits.push(new Uint32Array(values.buffer))
    }
    return place
  }

  give(place: number): void {
    this.usedCount--
    this.#free.push(place)
  }
}

function extend<Column extends Uint8Array | Uint32Array | Float64Array>(
  from: Column,
  to: Column,
): Column {
  to.set(from)
  return to
}

/** All chunks of a head. */
export class ChunkPool {
  #classes = sizes.map((size) => new ChunkClass(size))

  /** Chunks in use. */
  get usedCount(): number {
    return this.#classes.reduce((sum, one) => sum + one.usedCount, 0)
  }

  /** Bytes of chunks in use. */
  get usedBytes(): number {
    let bytes = 0
    for (const one of this.#classes) bytes += one.usedCount * (one.size * sampleBytes + 13)
    return bytes
  }

  /**
   * Adds a sample behind `chunk`, the last of a chain (or `noChunk`), and answers the last chunk
   * now. `bits` and `index` name the value by its two 32-bit halves, so that stale markers survive.
   */
  push(chunk: number, timeMs: number, bits: Uint32Array, index: number): number {
    if (chunk === noChunk) return this.#begin(0, timeMs, bits, index)
    const one = this.#classes[chunk >>> classShift]!
    const place = chunk & placeMask
    const count = one.count[place]!
    const offset = timeMs - one.base[place]!
    if (count === one.size || offset > 0xffffffff) {
      const next = this.#begin(Math.min(2, (chunk >>> classShift) + 1), timeMs, bits, index)
      one.next[place] = next
      return next
    }
    const slab = place >> one.slabShift
    const at = (place & ((1 << one.slabShift) - 1)) * one.size + count
    one.offsets[slab]![at] = offset
    const own = one.valueBits[slab]!
    own[at * 2] = bits[index * 2]!
    own[at * 2 + 1] = bits[index * 2 + 1]!
    one.count[place] = count + 1
    return chunk
  }

  #begin(sizeClass: number, timeMs: number, bits: Uint32Array, index: number): number {
    const one = this.#classes[sizeClass]!
    const place = one.take()
    one.base[place] = timeMs
    one.count[place] = 0
    one.next[place] = noChunk
    return this.push(((sizeClass << classShift) | place) >>> 0, timeMs, bits, index)
  }

  /** The chunk after `chunk`. */
  nextOf(chunk: number): number {
    return this.#classes[chunk >>> classShift]!.next[chunk & placeMask]!
  }

  /** Time of a chunk's first sample. */
  firstTimeMs(chunk: number): number {
    return this.#classes[chunk >>> classShift]!.base[chunk & placeMask]!
  }

  /** Time of a row of a chunk. */
  timeAt(chunk: number, row: number): number {
    return this.#timeAt(this.#classes[chunk >>> classShift]!, chunk & placeMask, row)
  }

  /** Time of a chunk's last sample. */
  lastTimeMs(chunk: number): number {
    const one = this.#classes[chunk >>> classShift]!
    const place = chunk & placeMask
    return this.#timeAt(one, place, one.count[place]! - 1)
  }

  /** Rows `[from, to)` of a chunk that have start ≤ time ≤ end, as `from * 256 + to`. */
  range(chunk: number, startTimeMs: number, endTimeMs: number): number {
    const one = this.#classes[chunk >>> classShift]!
    const place = chunk & placeMask
    const count = one.count[place]!
    let from = 0
    if (one.base[place]! < startTimeMs) from = this.#lowerBound(one, place, startTimeMs)
    let to = count
    if (this.#timeAt(one, place, count - 1) > endTimeMs) {
      to = this.#lowerBound(one, place, endTimeMs + 1)
    }
    return from * 256 + Math.max(from, to)
  }

  /** Copies rows `[from, to)` to `timeMs` and `value` at `target`. */
  copy(
    chunk: number,
    rows: { from: number; to: number },
    out: { timeMs: Float64Array; value: Float64Array; at: number },
  ): void {
    const one = this.#classes[chunk >>> classShift]!
    const place = chunk & placeMask
    const slab = place >> one.slabShift
    const start = (place & ((1 << one.slabShift) - 1)) * one.size
    const base = one.base[place]!
    const offsets = one.offsets[slab]!
    const { timeMs, at } = out
    for (let row = rows.from; row < rows.to; row++) {
      timeMs[at + row - rows.from] = base + offsets[start + row]!
    }
    out.value.set(one.values[slab]!.subarray(start + rows.from, start + rows.to), at)
  }

  /** Whether row `at` has these bits. */
  hasBits(chunk: number, at: number, bits: Uint32Array, index: number): boolean {
    const one = this.#classes[chunk >>> classShift]!
    const place = chunk & placeMask
    const own = one.valueBits[place >> one.slabShift]!
    const row = (place & ((1 << one.slabShift) - 1)) * one.size + at
    return own[row * 2] === bits[index * 2] && own[row * 2 + 1] === bits[index * 2 + 1]
  }

  /** Whether a sample behind the last of `chunk` fits into it. */
  hasRoom(chunk: number, timeMs: number): boolean {
    const one = this.#classes[chunk >>> classShift]!
    const place = chunk & placeMask
    return one.count[place]! < one.size && timeMs - one.base[place]! <= 0xffffffff
  }

  /** A new chunk of one sample, between `before` (whose next size it gets; or `noChunk`) and `after`. */
  addBetween(
    neighbours: { before: number; after: number },
    timeMs: number,
    bits: Uint32Array,
    index: number,
  ): number {
    const { before, after } = neighbours
    const sizeClass = before === noChunk ? 0 : Math.min(2, (before >>> classShift) + 1)
    const chunk = this.#begin(sizeClass, timeMs, bits, index)
    this.#link(chunk, after)
    if (before !== noChunk) this.#link(before, chunk)
    return chunk
  }

  /** Adds a sample within the span of `chunk`, which has room for one; a time that it has is left as it is. */
  insert(chunk: number, timeMs: number, bits: Uint32Array, index: number): void {
    const one = this.#classes[chunk >>> classShift]!
    const place = chunk & placeMask
    const count = one.count[place]!
    const at = this.#lowerBound(one, place, timeMs)
    if (at < count && this.#timeAt(one, place, at) === timeMs) return
    const slab = place >> one.slabShift
    const start = (place & ((1 << one.slabShift) - 1)) * one.size
    const offsets = one.offsets[slab]!
    const own = one.valueBits[slab]!
    offsets.copyWithin(start + at + 1, start + at, start + count)
    own.copyWithin((start + at + 1) * 2, (start + at) * 2, (start + count) * 2)
    offsets[start + at] = timeMs - one.base[place]!
    own[(start + at) * 2] = bits[index * 2]!
    own[(start + at) * 2 + 1] = bits[index * 2 + 1]!
    one.count[place] = count + 1
  }

  /** Moves the later half of a chunk to a new one behind it; answers that. */
  split(chunk: number): number {
    const one = this.#classes[chunk >>> classShift]!
    const place = chunk & placeMask
    const half = one.count[place]! >> 1
    const moved = one.count[place]! - half
    const newPlace = one.take()
    const from = (place & ((1 << one.slabShift) - 1)) * one.size + half
    const to = (newPlace & ((1 << one.slabShift) - 1)) * one.size
    const offsets = one.offsets[place >> one.slabShift]!
    const newOffsets = one.offsets[newPlace >> one.slabShift]!
    const shift = offsets[from]!
    for (let row = 0; row < moved; row++) newOffsets[to + row] = offsets[from + row]! - shift
    one.valueBits[newPlace >> one.slabShift]!.set(
      one.valueBits[place >> one.slabShift]!.subarray(from * 2, (from + moved) * 2),
      to * 2,
    )
    one.base[newPlace] = one.base[place]! + shift
    one.count[newPlace] = moved
    one.count[place] = half
    one.next[newPlace] = one.next[place]!
    const added = (((chunk >>> classShift) << classShift) | newPlace) >>> 0
    one.next[place] = added
    return added
  }

  #link(chunk: number, next: number): void {
    this.#classes[chunk >>> classShift]!.next[chunk & placeMask] = next
  }

  /** Gives a chunk back; answers the one after it. */
  free(chunk: number): number {
    const one = this.#classes[chunk >>> classShift]!
    const place = chunk & placeMask
    const next = one.next[place]!
    one.give(place)
    return next
  }

  #timeAt(one: ChunkClass, place: number, row: number): number {
    const at = (place & ((1 << one.slabShift) - 1)) * one.size + row
    return one.base[place]! + one.offsets[place >> one.slabShift]![at]!
  }

  /** First row whose time is ≥ `timeMs`. */
  #lowerBound(one: ChunkClass, place: number, timeMs: number): number {
    let low = 0
    let high = one.count[place]!
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.#timeAt(one, place, middle) < timeMs) low = middle + 1
      else high = middle
    }
    return low
  }
}
