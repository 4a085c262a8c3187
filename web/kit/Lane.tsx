/**
 * The health lane: a day of health in one quiet line. Healthy is pale; only trouble has colour, and
 * the sentence beside it says the same in words.
 */

import type { Health } from '../../src/model/health.ts'

/** One piece of a lane. */
export interface LanePiece {
  fromTimeMs: number
  toTimeMs: number
  health: Health
}

/** A lane over a span; `label` is its content in words, `marks` are deliveries. */
export function Lane(props: {
  pieces: readonly LanePiece[]
  fromTimeMs: number
  toTimeMs: number
  marks?: readonly number[]
  label: string
}) {
  const { fromTimeMs, toTimeMs } = props
  const width = 600
  const at = (timeMs: number): number =>
    Math.min(width, Math.max(0, ((timeMs - fromTimeMs) / (toTimeMs - fromTimeMs)) * width))
  return (
    <svg
      className="lane"
      viewBox={`0 0 ${width} 12`}
      preserveAspectRatio="none"
      role="img"
      aria-label={props.label}
    >
      <title>{props.label}</title>
      {props.pieces.map((piece) => (
        <rect
          key={piece.fromTimeMs}
          className="lane-piece"
          data-health={piece.health}
          x={Math.min(at(piece.fromTimeMs), width - leastWidth(piece))}
          y={piece.health === 'ok' ? 3 : piece.health === 'unknown' ? 5 : 1}
          width={Math.max(leastWidth(piece), at(piece.toTimeMs) - at(piece.fromTimeMs) - 1)}
          height={piece.health === 'ok' ? 6 : piece.health === 'unknown' ? 2 : 10}
        />
      ))}
      {props.marks?.map((timeMs) => (
        <rect key={timeMs} className="lane-mark" x={at(timeMs) - 1} y={0} width={2.5} height={12} />
      ))}
    </svg>
  )
}

/** Minutes of trouble in a month are still seen. */
function leastWidth(piece: LanePiece): number {
  return piece.health === 'ok' ? 1.5 : 4
}
