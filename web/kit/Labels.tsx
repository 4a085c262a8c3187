/** A label set, one small element per label since pages hold thousands. */

/** Labels as chips; the whole set on hover. */
export function Labels(props: {
  labels: Readonly<Record<string, string>>
  hide?: readonly string[]
  onPick?: (name: string, value: string) => void
  pickLabel?: (label: string) => string
}) {
  const entries = Object.entries(props.labels).filter(([name]) => !props.hide?.includes(name))
  const { onPick } = props
  return (
    <span className="labels">
      {entries.map(([name, value]) => {
        const text = `${name}="${value}"`
        return onPick ? (
          <button
            key={name}
            type="button"
            className="chip"
            title={props.pickLabel?.(text)}
            onClick={() => onPick(name, value)}
          >
            <span className="chip-name">{name}</span>
            {value}
          </button>
        ) : (
          <span key={name} className="chip" title={text}>
            <span className="chip-name">{name}</span>
            {value}
          </span>
        )
      })}
    </span>
  )
}
