/** A small line without axes for figures; plain SVG, so that the first page needs no chart library. */

/** A sparkline; gaps are gaps. `max` fixes the top, for ratios. */
export function Sparkline(props: {
  values: readonly (number | null)[]
  label: string
  max?: number | undefined
  heightPx?: number
}) {
  const height = props.heightPx ?? 36
  const width = 240
  const known = props.values.filter((value) => value !== null)
  const max = props.max ?? Math.max(...known, 0) * 1.1
  const count = props.values.length
  let path = ''
  let isPenDown = false
  props.values.forEach((value, index) => {
    if (value === null) {
      isPenDown = false
      return
    }
    const x = count < 2 ? 0 : (index / (count - 1)) * width
    const y = height - 1.5 - (max > 0 ? Math.min(1, value / max) : 0) * (height - 3)
    path += `${isPenDown ? 'L' : 'M'}${x.toFixed(1)} ${y.toFixed(1)}`
    isPenDown = true
  })
  const area = known.length === count && count > 1 ? `${path}L${width} ${height}L0 ${height}Z` : ''
  return (
    <svg
      className="sparkline"
      viewBox={`0 0 ${width} ${height}`}
      preserveAspectRatio="none"
      height={height}
      role="img"
      aria-label={props.label}
    >
      {area === '' ? null : <path d={area} fill="var(--series-1)" opacity="0.1" />}
      <path
        d={path}
        fill="none"
        stroke="var(--series-1)"
        strokeWidth="1.5"
        vectorEffect="non-scaling-stroke"
      />
    </svg>
  )
}
