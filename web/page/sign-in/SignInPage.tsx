/** Sign in: by the link that the server printed, by a token, or with a password when there is one. */

import { useEffect, useState } from 'react'
import { noteSignedIn } from '../../data/live.ts'
import { useSession, useSignIn } from '../../data/queries.ts'
import { Button } from '../../kit/Button.tsx'
import { Fault } from '../../kit/Feedback.tsx'
import { TextField } from '../../kit/Field.tsx'
import { useAddress } from '../../route/router.tsx'
import { useWords } from '../../word/word.tsx'

/** Codes that were sent already: a code counts once, also when React mounts the page twice. */
const sentCodes = new Set<string>()

/** The page. */
export default function SignInPage() {
  const words = useWords()
  const address = useAddress()
  const session = useSession()
  const signIn = useSignIn()
  const [user, setUser] = useState('admin')
  const [password, setPassword] = useState('')
  const [token, setToken] = useState('')
  const { code, next } = address.search
  const isIn = session.data?.isSignedIn === true || session.data?.isAuthRequired === false

  useEffect(() => {
    if (!code || sentCodes.has(code)) return
    sentCodes.add(code)
    signIn.mutate({ code })
  }, [code, signIn.mutate])

  useEffect(() => {
    if (!isIn || signIn.isPending) return
    noteSignedIn()
    // Only an address of this UI: a foreign one would lead the reader away right after signing in.
    const target = next && /^\/(?![/\\])/.test(next) ? new URL(next, location.origin) : undefined
    address.go(target?.pathname ?? '/', Object.fromEntries(target?.searchParams ?? []))
  }, [isIn, signIn.isPending, next, address.go])

  useEffect(() => {
    document.title = `${words.signIn.title} · Shipwatch`
  }, [words])

  return (
    <main className="sign-in">
      <div className="sign-in-card">
        <h1 className="sign-in-brand">
          <img src="/mark.svg" width={32} height={32} alt="" />
          {words.signIn.title}
        </h1>
        {signIn.error ? (
          <Fault
            what={code ? words.signIn.linkRefused : words.signIn.refused}
            error={signIn.error}
          />
        ) : null}
        {session.error && !session.data ? (
          <Fault error={session.error} onRetry={session.refetch} />
        ) : null}
        {session.data?.hasPassword ? (
          <>
            <form
              onSubmit={(event) => {
                event.preventDefault()
                signIn.mutate({ user, password })
              }}
            >
              <TextField
                label={words.signIn.user}
                value={user}
                onChange={setUser}
                autoComplete="username"
              />
              <TextField
                label={words.signIn.password}
                type="password"
                value={password}
                onChange={setPassword}
                autoComplete="current-password"
              />
              <Button
                type="submit"
                weight="main"
                isRunning={signIn.isPending}
                isDisabled={password === ''}
              >
                {words.signIn.withPassword}
              </Button>
            </form>
            <p className="rule-line">{words.signIn.or}</p>
          </>
        ) : null}
        <form
          onSubmit={(event) => {
            event.preventDefault()
            signIn.mutate({ token: token.trim() })
          }}
        >
          <TextField
            label={words.signIn.token}
            type="password"
            value={token}
            onChange={setToken}
            autoComplete="off"
            hint={words.signIn.tokenHint}
          />
          <Button
            type="submit"
            weight={session.data?.hasPassword ? 'plain' : 'main'}
            isRunning={signIn.isPending}
            isDisabled={token.trim() === ''}
          >
            {words.signIn.withToken}
          </Button>
        </form>
        <p className="quiet">{words.signIn.linkHint}</p>
      </div>
    </main>
  )
}
