/**
 * What floats: menus, dialogs, drawers. Mantine brings the focus, the keys and the roles; the look is
 * ours (kit.css), so none of its style sheets are loaded.
 */

import {
  Drawer as MantineDrawer,
  HeadlessMantineProvider,
  Menu as MantineMenu,
  Modal,
} from '@mantine/core'
import { type ReactNode, useLayoutEffect, useState } from 'react'
import { useWords } from '../word/word.tsx'
import { Button, type ButtonProps } from './Button.tsx'
import { ActFault } from './Feedback.tsx'
import { TextField } from './Field.tsx'
import { CloseIcon } from './icons.ts'

/** Gives the floating parts what they need; once, at the top. */
export function KitProvider(props: { children: ReactNode }) {
  return <HeadlessMantineProvider>{props.children}</HeadlessMantineProvider>
}

/**
 * Gives the focus back to where it was. Mantine does so for what stays mounted; most of ours comes and goes
 * with the address.
 */
function useFocusBack(isOpen: boolean): void {
  useLayoutEffect(() => {
    if (!isOpen) return
    const before = document.activeElement
    return () => {
      // After what floated has left the page, and only when nothing else took the focus.
      setTimeout(() => {
        const isLost = document.activeElement === document.body || !document.activeElement
        if (isLost && before instanceof HTMLElement && before.isConnected) before.focus()
      })
    }
  }, [isOpen])
}

const dialogClasses = {
  root: 'dialog-root',
  inner: 'dialog-inner',
  overlay: 'scrim',
  content: 'dialog',
  header: 'dialog-head',
  title: 'dialog-title',
  body: 'dialog-body',
  close: 'button',
}

/** A dialog in the middle. */
export function Dialog(props: {
  isOpen: boolean
  onClose: () => void
  title: string
  isTitleHidden?: boolean
  size?: 'base' | 'wide'
  children: ReactNode
}) {
  const words = useWords()
  useFocusBack(props.isOpen)
  return (
    <Modal.Root
      opened={props.isOpen}
      onClose={props.onClose}
      classNames={dialogClasses}
      transitionProps={{ duration: 0 }}
    >
      <Modal.Overlay />
      <Modal.Content data-size={props.size ?? 'base'}>
        <div className={props.isTitleHidden ? 'hidden-text' : 'dialog-head'}>
          <Modal.Title>{props.title}</Modal.Title>
          {props.isTitleHidden ? null : (
            <Button
              weight="quiet"
              label={words.kit.close}
              icon={<CloseIcon size={16} />}
              onClick={props.onClose}
            />
          )}
        </div>
        <Modal.Body>{props.children}</Modal.Body>
      </Modal.Content>
    </Modal.Root>
  )
}

const drawerClasses = {
  root: 'dialog-root',
  inner: 'drawer-inner',
  overlay: 'scrim',
  content: 'drawer',
  title: 'dialog-title',
  body: 'drawer-body',
}

/** Details at the right, over the list that keeps its place. */
export function Drawer(props: {
  isOpen: boolean
  onClose: () => void
  title: ReactNode
  children: ReactNode
}) {
  const words = useWords()
  useFocusBack(props.isOpen)
  return (
    <MantineDrawer.Root
      opened={props.isOpen}
      onClose={props.onClose}
      position="right"
      classNames={drawerClasses}
      transitionProps={{ duration: 0 }}
    >
      <MantineDrawer.Overlay />
      <MantineDrawer.Content>
        <div className="dialog-head">
          <MantineDrawer.Title>{props.title}</MantineDrawer.Title>
          <Button
            weight="quiet"
            label={words.kit.close}
            icon={<CloseIcon size={16} />}
            onClick={props.onClose}
          />
        </div>
        <MantineDrawer.Body>{props.children}</MantineDrawer.Body>
      </MantineDrawer.Content>
    </MantineDrawer.Root>
  )
}

interface Question {
  title: string
  text: ReactNode
  confirm: string
  /** Asks for a sentence that is kept with the act. */
  reason?: { label: string; placeholder?: string; isNeeded?: boolean }
  act: {
    run: (reason: string, o?: { onDone?: () => void }) => void
    isRunning: boolean
    error: unknown
    reset: () => void
  }
}

/** Asks before something that cannot be taken back; names the object and takes the reason. */
export function ConfirmButton(props: Question & { button: ButtonProps }) {
  const [isOpen, setOpen] = useState(false)
  const { button, ...question } = props
  return (
    <>
      <Button {...button} onClick={() => setOpen(true)} />
      {isOpen ? (
        <ConfirmDialog
          {...question}
          isDanger={button.weight === 'danger'}
          onClose={() => setOpen(false)}
        />
      ) : null}
    </>
  )
}

/** The question itself, for where no button asks it. */
export function ConfirmDialog(props: Question & { isDanger?: boolean; onClose: () => void }) {
  const words = useWords()
  const [reason, setReason] = useState('')
  const close = (): void => {
    props.act.reset()
    props.onClose()
  }
  const isReady = !props.reason?.isNeeded || reason.trim() !== ''
  const confirm = (): void => {
    if (isReady && !props.act.isRunning) props.act.run(reason.trim(), { onDone: close })
  }
  return (
    <Dialog isOpen onClose={close} title={props.title}>
      <div className="stack">
        <div>{props.text}</div>
        {props.reason ? (
          <TextField
            label={props.reason.label}
            isFirst
            value={reason}
            onChange={setReason}
            onEnter={confirm}
            {...(props.reason.placeholder ? { placeholder: props.reason.placeholder } : {})}
          />
        ) : null}
        <ActFault error={props.act.error} />
        <div className="dialog-foot">
          <Button isFirst={props.reason === undefined} onClick={close}>
            {words.kit.cancel}
          </Button>
          <Button
            weight={props.isDanger ? 'danger' : 'main'}
            isRunning={props.act.isRunning}
            isDisabled={!isReady}
            onClick={confirm}
          >
            {props.confirm}
          </Button>
        </div>
      </div>
    </Dialog>
  )
}

const menuClasses = {
  dropdown: 'menu',
  item: 'menu-item',
  itemLabel: 'menu-label',
  itemSection: 'menu-mark',
  label: 'menu-title',
  divider: 'menu-line',
}

/** One entry of a menu. */
export interface MenuItem {
  key: string
  label: ReactNode
  mark?: ReactNode
  isChosen?: boolean
  onPick: () => void
}

/** A menu that opens from a button. */
export function Menu(props: {
  button: ButtonProps
  title?: string
  items: readonly MenuItem[]
  children?: ReactNode
  align?: 'start' | 'end'
}) {
  return (
    <MantineMenu
      position={props.align === 'start' ? 'bottom-start' : 'bottom-end'}
      offset={4}
      shadow=""
      classNames={menuClasses}
      transitionProps={{ duration: 0 }}
    >
      <MantineMenu.Target>
        <Button {...props.button} />
      </MantineMenu.Target>
      <MantineMenu.Dropdown>
        {props.title ? <MantineMenu.Label>{props.title}</MantineMenu.Label> : null}
        {props.items.map((item) => (
          <MantineMenu.Item
            key={item.key}
            onClick={item.onPick}
            data-chosen={item.isChosen || undefined}
            leftSection={item.mark}
          >
            {item.label}
          </MantineMenu.Item>
        ))}
        {props.children}
      </MantineMenu.Dropdown>
    </MantineMenu>
  )
}
