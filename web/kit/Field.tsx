/** Fields: label, hint and fault belong to the input, for eyes and for screen readers. */

import { type ReactNode, type Ref, useId } from 'react'

interface FieldFrame {
  label: string
  /** Keeps the label for screen readers only. */
  isLabelHidden?: boolean
  hint?: string | undefined
  fault?: string | undefined
}

function Frame(props: FieldFrame & { id: string; children: ReactNode }) {
  const { id, label, isLabelHidden, hint, fault, children } = props
  return (
    <div className="field">
      <label htmlFor={id} className={isLabelHidden ? 'hidden-text' : 'field-label'}>
        {label}
      </label>
      {children}
      {hint ? (
        <p id={`${id}-hint`} className="field-hint">
          {hint}
        </p>
      ) : null}
      {fault ? (
        <p id={`${id}-fault`} className="field-fault" role="alert">
          {fault}
        </p>
      ) : null}
    </div>
  )
}

function describedBy(id: string, frame: FieldFrame): string | undefined {
  if (frame.fault) return `${id}-fault`
  return frame.hint ? `${id}-hint` : undefined
}

/** One line of text. */
export function TextField(
  props: FieldFrame & {
    value: string
    onChange: (value: string) => void
    onEnter?: () => void
    onEscape?: () => void
    /** The reader goes on to something else. */
    onLeave?: () => void
    type?: 'text' | 'password' | 'search'
    placeholder?: string
    autoComplete?: string
    isMono?: boolean
    /** Has the focus when its dialog opens. */
    isFirst?: boolean
    icon?: ReactNode
    ref?: Ref<HTMLInputElement>
  },
) {
  const id = useId()
  return (
    <Frame id={id} {...props}>
      <span className="input-frame" data-icon={props.icon ? true : undefined}>
        {props.icon}
        <input
          ref={props.ref}
          id={id}
          data-autofocus={props.isFirst || undefined}
          className={props.isMono ? 'input mono' : 'input'}
          type={props.type ?? 'text'}
          value={props.value}
          placeholder={props.placeholder}
          autoComplete={props.autoComplete ?? 'off'}
          spellCheck={false}
          aria-invalid={props.fault ? true : undefined}
          aria-describedby={describedBy(id, props)}
          onChange={(event) => props.onChange(event.target.value)}
          onBlur={props.onLeave}
          onKeyDown={(event) => {
            if (event.key === 'Enter' && !event.nativeEvent.isComposing) props.onEnter?.()
            if (event.key === 'Escape') props.onEscape?.()
          }}
        />
      </span>
    </Frame>
  )
}

/** Several lines of text. */
export function TextArea(
  props: FieldFrame & {
    value: string
    onChange: (value: string) => void
    rowCount?: number
    placeholder?: string
    isMono?: boolean
  },
) {
  const id = useId()
  return (
    <Frame id={id} {...props}>
      <textarea
        id={id}
        className={props.isMono ? 'input area mono' : 'input area'}
        rows={props.rowCount ?? 4}
        value={props.value}
        placeholder={props.placeholder}
        aria-describedby={describedBy(id, props)}
        onChange={(event) => props.onChange(event.target.value)}
      />
    </Frame>
  )
}

/** One of a few; the browser's own list, so that it works everywhere. */
export function SelectField<V extends string>(
  props: FieldFrame & {
    value: V
    options: readonly { value: V; label: string }[]
    onChange: (value: V) => void
    /** Has the focus when its dialog opens. */
    isFirst?: boolean
  },
) {
  const id = useId()
  return (
    <Frame id={id} {...props}>
      <select
        id={id}
        data-autofocus={props.isFirst || undefined}
        className="input select"
        value={props.value}
        aria-describedby={describedBy(id, props)}
        onChange={(event) => props.onChange(event.target.value as V)}
      >
        {props.options.map((option) => (
          <option key={option.value} value={option.value}>
            {option.label}
          </option>
        ))}
      </select>
    </Frame>
  )
}

/** On or off, at once. */
export function Switch(props: {
  label: string
  hint?: string
  isOn: boolean
  onChange: (isOn: boolean) => void
}) {
  const id = useId()
  return (
    <div className="switch-row">
      <button
        type="button"
        id={id}
        role="switch"
        aria-checked={props.isOn}
        aria-labelledby={`${id}-label`}
        aria-describedby={props.hint ? `${id}-hint` : undefined}
        className="switch"
        onClick={() => props.onChange(!props.isOn)}
      />
      <div>
        <label id={`${id}-label`} htmlFor={id}>
          {props.label}
        </label>
        {props.hint ? (
          <p id={`${id}-hint`} className="field-hint">
            {props.hint}
          </p>
        ) : null}
      </div>
    </div>
  )
}

/** One of a few, all seen; `count` stands beside a label. */
export function Segments<V extends string>(props: {
  label: string
  value: V
  options: readonly { value: V; label: ReactNode; count?: number | undefined }[]
  onChange: (value: V) => void
}) {
  return (
    <div className="segments" role="radiogroup" aria-label={props.label}>
      {props.options.map((option, index) => (
        // biome-ignore lint/a11y/useSemanticElements: a radio group of buttons takes no form
        <button
          key={option.value}
          type="button"
          role="radio"
          aria-checked={option.value === props.value}
          tabIndex={option.value === props.value ? 0 : -1}
          className="segment"
          onClick={() => props.onChange(option.value)}
          onKeyDown={(event) => {
            const step =
              event.key === 'ArrowRight' || event.key === 'ArrowDown'
                ? 1
                : event.key === 'ArrowLeft' || event.key === 'ArrowUp'
                  ? -1
                  : 0
            if (step === 0) return
            event.preventDefault()
            const count = props.options.length
            const next = (index + step + count) % count
            props.onChange(props.options[next]!.value)
            const group = event.currentTarget.parentElement
            ;(group?.children[next] as HTMLElement | undefined)?.focus()
          }}
        >
          {option.label}
          {option.count === undefined ? null : (
            <span className="segment-count">{option.count}</span>
          )}
        </button>
      ))}
    </div>
  )
}
