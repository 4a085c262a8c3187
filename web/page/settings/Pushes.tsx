/** Whether this browser shows alerts by itself, also while no page is open. */

import { useState } from 'react'
import { useAgreeToPushes, useEndPushes, usePushState } from '../../data/push.ts'
import { Button } from '../../kit/Button.tsx'
import { Card } from '../../kit/Card.tsx'
import { ActFault, Shown } from '../../kit/Feedback.tsx'
import { TextField } from '../../kit/Field.tsx'
import { useWords } from '../../word/word.tsx'

/** The card. */
export function Pushes(props: { user: string }) {
  const words = useWords().push
  const reading = usePushState()
  return (
    <Card title={words.title}>
      <Shown reading={reading} rowCount={2}>
        {(state) => (
          <div className="stack">
            <p className="mid" role="status">
              {words.states[state]}
            </p>
            {state === 'off' ? <Agree user={props.user} /> : null}
            {state === 'on' ? <End /> : null}
          </div>
        )}
      </Shown>
    </Card>
  )
}

function Agree(props: { user: string }) {
  const words = useWords().push
  const act = useAgreeToPushes()
  const [name, setName] = useState('')
  const [owner, setOwner] = useState('')
  return (
    <form
      className="stack"
      onSubmit={(event) => {
        event.preventDefault()
        act.run({ label: name.trim() || words.unnamed, owner: owner.trim() })
      }}
    >
      <div className="tiles">
        <TextField
          label={words.name}
          value={name}
          onChange={setName}
          placeholder={words.nameExample}
        />
        <TextField label={words.owner} value={owner} onChange={setOwner} placeholder={props.user} />
      </div>
      <ActFault error={act.error} />
      <div className="line">
        <Button type="submit" isRunning={act.isRunning}>
          {words.agree}
        </Button>
      </div>
    </form>
  )
}

function End() {
  const words = useWords().push
  const act = useEndPushes()
  return (
    <>
      <ActFault error={act.error} />
      <div className="line">
        <Button isRunning={act.isRunning} onClick={() => act.run(undefined)}>
          {words.end}
        </Button>
      </div>
    </>
  )
}
