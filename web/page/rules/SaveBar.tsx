/** Saving, discarding and deleting: what is left of an edit. */

import { useEffect, useRef, useState } from 'react'
import { useRemoveRuleFile, useRuleList, useSaveRuleFile } from '../../data/rules.ts'
import { Button } from '../../kit/Button.tsx'
import { ActFault } from '../../kit/Feedback.tsx'
import { TextField } from '../../kit/Field.tsx'
import { DoneIcon } from '../../kit/icons.ts'
import { ConfirmButton } from '../../kit/Overlay.tsx'
import { Link, useAddress } from '../../route/router.tsx'
import { useWords } from '../../word/word.tsx'

/** The bar. `request` asks to save, from the keyboard. */
export function SaveBar(props: {
  file: { name: string; revision: string }
  text: string
  isReady: boolean
  isChanged: boolean
  request: object | undefined
  onSaved: () => void
  onDiscard: (() => void) | undefined
}) {
  const { file } = props
  const words = useWords()
  const address = useAddress()
  const canEdit = useRuleList().data?.canEdit ?? true
  const [name, setName] = useState('')
  const save = useSaveRuleFile()
  const remove = useRemoveRuleFile(file)
  const isNew = file.name === ''
  const target = isNew ? name.trim() : file.name
  const isReady = canEdit && props.isReady && props.isChanged && target !== ''
  const run = (): void => {
    if (!isReady || save.isRunning) return
    save.run(
      { name: target, text: props.text, revision: file.revision },
      {
        onDone: () => {
          props.onSaved()
          if (isNew) address.go('/rules/edit', { file: target })
        },
      },
    )
  }
  const latest = useRef(run)
  latest.current = run
  useEffect(() => {
    if (props.request !== undefined) latest.current()
  }, [props.request])
  if (!canEdit)
    return (
      <span className="mid save-note">
        <Link to="/rules" search={{ view: 'files' }}>
          {words.rules.files.locked}
        </Link>
      </span>
    )
  return (
    <div className="stack-small save-bar">
      <div className="line-wrap">
        {isNew ? (
          <TextField
            label={words.ruleEditor.fileName}
            isLabelHidden
            isMono
            placeholder={words.ruleEditor.fileNameHint}
            value={name}
            onChange={setName}
            onEnter={run}
          />
        ) : (
          <ConfirmButton
            button={{ children: words.ruleEditor.remove, weight: 'danger' }}
            title={words.ruleEditor.removeTitle({ name: file.name })}
            text={words.ruleEditor.removeText}
            confirm={words.ruleEditor.remove}
            act={{
              ...remove,
              run: (reason) =>
                remove.run(reason, {
                  onDone: () => {
                    props.onSaved()
                    address.go('/rules', { view: 'files' })
                  },
                }),
            }}
          />
        )}
        {props.onDiscard ? (
          <Button onClick={props.onDiscard}>{words.ruleEditor.discard}</Button>
        ) : null}
        <Button
          weight="main"
          icon={<DoneIcon size={15} />}
          isDisabled={!isReady}
          isRunning={save.isRunning}
          onClick={run}
        >
          {words.ruleEditor.save}
        </Button>
      </div>
      <ActFault error={save.error} />
      <span role="status" className="quiet">
        {save.answer && !props.isChanged ? words.ruleEditor.saved : ''}
      </span>
    </div>
  )
}
