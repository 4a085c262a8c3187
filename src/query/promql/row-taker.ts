/**
 * Uses up the series of a read one by one as they are unpacked: of each becomes a row at once, while its
 * samples still lie in the processor's cache, and they are never held together. So do selectors whose
 * values depend on their own series and on time alone: plain vectors, and range functions without other
 * arguments. Where rows are only summed up, or the like, not even these are held: each goes to its group.
 * What needs more (`timestamp`, `info`, a ratio that is computed) is read as a whole.
 */

import type { SeriesColumns, SeriesVisitor } from '../../model/flow.ts'
import type { Block } from './block.ts'
import { canMakeWindowRows, makeWindowRows } from './call.ts'
import type { Context } from './context.ts'
import { findFold, RowFold } from './fold.ts'
import { tellResets } from './histogram/arithmetic.ts'
import type { Read, SelectorUse } from './plan.ts'
import { VectorRows, withoutStale } from './select.ts'
import type { AggregateNode, Expression } from './tree.ts'

/** Functions that look at the samples behind a vector. */
const sampleFunctions = new Set(['timestamp', 'start_timestamp', 'info'])

/** Whether everything that uses a read can take its series one by one. */
export function canTake(read: Read): boolean {
  return read.uses.every(({ node, isRange, above }) => {
    // Pinned ones are evaluated for one step and spread.
    if (node.mode !== 'plain' || node.at !== undefined) return false
    if (isRange) return above?.kind === 'call' && canMakeWindowRows(above)
    return above?.kind !== 'call' || !sampleFunctions.has(above.name)
  })
}

/** Asks for a rest, or for none, or throws to stop; called after each series. */
type AskRest = () => Promise<void> | undefined

/** Reads and uses up the series of a read; answers how much that was. */
export async function takeRead(
  read: Read,
  context: Context,
  parts: { visit: (visitor: SeriesVisitor) => Promise<void>; rest: AskRest },
): Promise<{ sampleCount: number; seriesCount: number }> {
  const folding = new RowTaker(read, context, { rest: parts.rest, isFolding: true })
  try {
    await parts.visit(folding)
    folding.finish()
    return folding
  } catch (thrown) {
    if (!(thrown instanceof FoldRefused)) throw thrown
  }
  folding.discard()
  const holding = new RowTaker(read, context, { rest: parts.rest, isFolding: false })
  await parts.visit(holding)
  holding.finish()
  return holding
}

/** Native histograms came where floats were to be folded: the rows must be held after all. */
class FoldRefused extends Error {}

/** Takes the series of one read. */
class RowTaker implements SeriesVisitor {
  readonly #read: Read
  readonly #context: Context
  readonly #rest: AskRest
  readonly #makers: RowMaker[]
  sampleCount = 0
  seriesCount = 0

  /** Folding may throw `FoldRefused`. */
  constructor(read: Read, context: Context, options: { rest: AskRest; isFolding: boolean }) {
    this.#read = read
    this.#context = context
    this.#rest = options.rest
    this.#makers = read.uses.map((use) => makeRowMaker(use, context, options.isFolding))
  }

  expect(seriesCount: number): void {
    for (const maker of this.#makers) maker.expect(seriesCount)
  }

  visit(columns: SeriesColumns): Promise<void> | undefined {
    this.sampleCount += columns.count
    this.seriesCount++
    if (this.#read.isStatistic && columns.histogram !== undefined) {
      columns.histogram = tellResets(columns.histogram)
    }
    for (const maker of this.#makers) maker.add(columns)
    return this.#rest()
  }

  /** Puts the values where evaluation looks for them. */
  finish(): void {
    for (const maker of this.#makers) this.#context.made.set(maker.target, maker.finish())
  }

  /** Gives up what it held. */
  discard(): void {
    for (const maker of this.#makers) maker.discard()
  }
}

/** Makes the value of one node of series as they come. */
interface RowMaker {
  readonly target: Expression
  expect(seriesCount: number): void
  add(columns: SeriesColumns): void
  finish(): Block
  discard(): void
}

function makeRowMaker(use: SelectorUse, context: Context, isFolding: boolean): RowMaker {
  const { isRange, above, outer } = use
  const target = isRange ? above! : use.node
  const parent = isRange ? outer : above
  // A single row may be beyond the limit already: it is refused before there is room for it.
  if (use.grid.stepCount > context.sampleRoom) context.countSamples(use.grid.stepCount)
  const rows = makeRows(use, context)
  if (isFolding && parent?.kind === 'aggregate' && findFold(parent.operator) !== undefined) {
    return new FoldMaker(parent, rows, context)
  }
  return new HoldMaker(target, rows, context)
}

/** Rows behind each other in a block. */
interface Rows {
  readonly block: Block
  expect(seriesCount: number): void
  add(columns: SeriesColumns): void
}

function makeRows({ node, isRange, above, grid }: SelectorUse, context: Context): Rows {
  if (!isRange) return new VectorRows(node, grid, { context, as: 'value' })
  if (above?.kind !== 'call') throw new Error('BUG: a range without its function')
  const windows = makeWindowRows(above, grid, context)
  return {
    get block() {
      return windows.block
    },
    expect: (seriesCount) => windows.expect(seriesCount),
    add: (columns) => windows.add(withoutStale(columns)),
  }
}

/** Holds all rows. */
class HoldMaker implements RowMaker {
  readonly target: Expression
  readonly #rows: Rows
  readonly #context: Context
  #seriesCount = 0

  constructor(target: Expression, rows: Rows, context: Context) {
    this.target = target
    this.#rows = rows
    this.#context = context
  }

  expect(seriesCount: number): void {
    // What is beyond the limit is refused as it comes; no room is made for it.
    const rowCountMax = Math.floor(this.#context.sampleRoom / this.#rows.block.stepCount)
    this.#rows.expect(Math.min(seriesCount, rowCountMax))
  }

  add(columns: SeriesColumns): void {
    this.#context.countSamples(this.#rows.block.stepCount)
    this.#seriesCount++
    this.#rows.add(columns)
  }

  finish(): Block {
    return this.#rows.block
  }

  discard(): void {
    this.#context.releaseSamples(this.#seriesCount * this.#rows.block.stepCount)
  }
}

/** Holds groups alone. */
class FoldMaker implements RowMaker {
  readonly target: AggregateNode
  readonly #rows: Rows
  readonly #fold: RowFold

  constructor(target: AggregateNode, rows: Rows, context: Context) {
    this.target = target
    this.#rows = rows
    this.#fold = new RowFold(target, rows.block.stepCount, context)
    rows.expect(1)
  }

  expect(): void {
    // There is never more than one row.
  }

  add(columns: SeriesColumns): void {
    this.#rows.add(columns)
    const { block } = this.#rows
    if (block.histogram !== undefined) throw new FoldRefused()
    if (block.rowCount === 0) return
    this.#fold.add(block)
    block.clear()
  }

  finish(): Block {
    return this.#fold.finish()
  }

  discard(): void {
    this.#fold.discard()
  }
}
