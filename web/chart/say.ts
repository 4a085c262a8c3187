/**
 * Says a chart in one sentence, for those who do not see it and those in a hurry: which series moved,
 * from what to what and when; which moved and came back; which began; which stayed. The level before
 * is the median of a series' first third. A series moved where its longest run of points differs from
 * that level by more than a third of it and more than four times its usual wavering (the median
 * distance from the level).
 */

/** What a sentence needs to know of a series. */
export interface SaidSeries {
  name: string
  values: readonly (number | null)[]
}

/** One series that changed. `untilTimeMs` is set when it came back. */
export interface Move {
  kind: 'moved' | 'passed' | 'began'
  name: string
  from: number
  to: number
  atTimeMs: number
  untilTimeMs: number
}

/** What was found; words make the sentence. */
export interface Saying {
  moves: Move[]
  steady: string[]
  silent: string[]
}

/** How many series of a sort are named; the table names all. */
const namedCountMax = 3
/** Fewer points than this say nothing. */
const pointCountMin = 8

/** Looks at each series; the strongest movers first. */
export function findSaying(timesMs: readonly number[], series: readonly SaidSeries[]): Saying {
  const firsts = series.map((one) => one.values.findIndex((value) => value !== null))
  const dataIndex = Math.min(...firsts.filter((index) => index >= 0))
  const moves: { move: Move; strength: number }[] = []
  const steady: string[] = []
  const silent: string[] = []
  for (const { name, values } of series) {
    const known = knownPoints(values)
    if (known.length === 0) {
      silent.push(name)
      continue
    }
    const isNew = known[0]!.index > dataIndex + values.length * 0.15
    const found = findMove(known, isNew)
    if (!found) steady.push(name)
    else {
      const timeOf = (index: number): number => timesMs[index] ?? 0
      const { kind, from, to, strength } = found
      const move = {
        kind,
        name,
        from,
        to,
        atTimeMs: timeOf(found.at),
        untilTimeMs: timeOf(found.until),
      }
      moves.push({ move, strength })
    }
  }
  moves.sort((a, b) => b.strength - a.strength)
  return {
    moves: moves.slice(0, namedCountMax).map((one) => one.move),
    steady: steady.slice(0, namedCountMax),
    silent: silent.slice(0, namedCountMax),
  }
}

interface Point {
  index: number
  value: number
}

interface FoundMove {
  kind: Move['kind']
  from: number
  to: number
  at: number
  until: number
  strength: number
}

function knownPoints(values: readonly (number | null)[]): Point[] {
  const out: Point[] = []
  values.forEach((value, index) => {
    if (value !== null) out.push({ index, value })
  })
  return out
}

function findMove(known: readonly Point[], isNew: boolean): FoundMove | undefined {
  const first = known[0]!
  const last = known.at(-1)!
  if (known.length < pointCountMin) return undefined
  if (isNew) {
    const to = median(known.map((point) => point.value))
    return { kind: 'began', from: to, to, at: first.index, until: last.index, strength: 0.5 }
  }
  const base = known.slice(0, Math.ceil(known.length / 3)).map((point) => point.value)
  const level = median(base)
  const waver = median(base.map((value) => Math.abs(value - level)))
  const limit = Math.max(Math.abs(level) / 3, waver * 4)
  const run = longestRun(known, (value) =>
    Math.abs(value - level) > limit ? Math.sign(value - level) : 0,
  )
  if (!run || run.length < Math.max(2, known.length / 60)) return undefined
  const to = median(run.map((point) => point.value))
  const isBack = run.at(-1)!.index < last.index - 1
  // What was different from the first point on had no level before: it only warmed up.
  if (isBack && run[0] === first) return undefined
  const size = Math.max(Math.abs(level), Math.abs(to))
  return {
    kind: isBack ? 'passed' : 'moved',
    from: level,
    to,
    at: run[0]!.index,
    until: run.at(-1)!.index,
    strength: size === 0 ? 0 : Math.abs(to - level) / size,
  }
}

/** The longest run of neighbours on the same side, where a side is not zero. */
function longestRun(
  known: readonly Point[],
  sideOf: (value: number) => number,
): Point[] | undefined {
  let best: Point[] | undefined
  let current: Point[] = []
  let side = 0
  for (const point of known) {
    const now = sideOf(point.value)
    if (now !== side) current = []
    side = now
    if (now === 0) continue
    current.push(point)
    if (!best || current.length > best.length) best = current
  }
  return best
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

/** Figures of a series for the legend. */
export function figuresOf(values: readonly (number | null)[]): {
  last: number | null
  min: number | null
  max: number | null
} {
  let last: number | null = null
  let min: number | null = null
  let max: number | null = null
  for (const value of values) {
    if (value === null) continue
    last = value
    if (min === null || value < min) min = value
    if (max === null || value > max) max = value
  }
  return { last, min, max }
}
