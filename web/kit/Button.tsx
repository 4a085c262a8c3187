/** Buttons: one look, three weights. A running button keeps its width and says so to screen readers. */

import type { ReactNode, Ref } from 'react'

/** What a button takes. */
export interface ButtonProps {
  children?: ReactNode
  icon?: ReactNode
  weight?: 'main' | 'plain' | 'quiet' | 'danger'
  size?: 'base' | 'small'
  type?: 'button' | 'submit'
  onClick?: (() => void) | undefined
  isRunning?: boolean
  isDisabled?: boolean
  isPressed?: boolean
  /** The name of a button that shows only an icon. */
  label?: string
  title?: string
  /** Has the focus when its dialog opens. */
  isFirst?: boolean
  ref?: Ref<HTMLButtonElement>
}

/** A button. */
export function Button(props: ButtonProps) {
  const { children, icon, weight = 'plain', size = 'base', isRunning = false, label, ref } = props
  // The rest is what a menu gives the button that opens it.
  const { onClick, isDisabled, isPressed, isFirst, title, type, ...rest } = omit(props)
  return (
    <button
      {...rest}
      ref={ref}
      type={type ?? 'button'}
      className="button"
      data-weight={weight}
      data-size={size}
      data-icon-only={children === undefined || undefined}
      data-running={isRunning || undefined}
      data-autofocus={isFirst || undefined}
      onClick={isRunning ? undefined : onClick}
      disabled={isDisabled ?? false}
      aria-busy={isRunning || undefined}
      aria-pressed={isPressed}
      aria-label={label}
      title={title ?? label}
    >
      {icon}
      {children === undefined ? null : <span className="button-text">{children}</span>}
    </button>
  )
}

function omit(props: ButtonProps) {
  const {
    children: _c,
    icon: _i,
    weight: _w,
    size: _s,
    isRunning: _r,
    label: _l,
    ref: _f,
    ...rest
  } = props
  return rest
}
