/**
 * Operating errors: expected, coded, documented. Each folder declares its own in `errors.ts` through
 * `errorTable`; the reference page and the API replies are made from the same tables. Codes are
 * permanent: a code that is no longer thrown stays in its table under `retired`.
 */

/** Whose move it is: the user's input, the world around us, or a defect of ours not worth dying for. */
export type ErrorKind = 'user' | 'operation' | 'ours'

/** One row of an error table. `message` gets the facts; `hint` says what to do (or "none"). */
export interface ErrorSpec<Facts extends Record<string, unknown>> {
  kind: ErrorKind
  /** HTTP status of an API reply that carries the error. */
  status: number
  /** May the same call succeed later without a change? */
  canRetry?: boolean
  message: (facts: Facts) => string
  hint: string
  retired?: boolean
}

/** An operating error with its code, remedy and facts. */
export class CodedError extends Error {
  readonly code: string
  readonly hint: string
  readonly kind: ErrorKind
  readonly status: number
  readonly canRetry: boolean
  readonly facts: Readonly<Record<string, unknown>>

  constructor(init: {
    code: string
    message: string
    hint: string
    kind: ErrorKind
    status: number
    canRetry: boolean
    facts: Record<string, unknown>
    cause?: unknown
  }) {
    super(init.message, init.cause === undefined ? undefined : { cause: init.cause })
    this.name = 'CodedError'
    this.code = init.code
    this.hint = init.hint
    this.kind = init.kind
    this.status = init.status
    this.canRetry = init.canRetry
    this.facts = init.facts
  }
}

// biome-ignore lint/suspicious/noExplicitAny: the table maps each row to its own facts
type AnySpec = ErrorSpec<any>
type FactsOf<Spec> = Spec extends { message: (facts: infer Facts) => string } ? Facts : never

/** The makers of a table: one function per row, `errors.NAME(facts, cause?)` gives the error to throw. */
export type ErrorMakers<Table extends Record<string, AnySpec>> = {
  readonly [Name in keyof Table]: (facts: FactsOf<Table[Name]>, cause?: unknown) => CodedError
}

/** What the reference page needs of one code. */
export interface ErrorDescription {
  code: string
  kind: ErrorKind
  status: number
  canRetry: boolean
  hint: string
  /** The message with `{name}` in the place of each fact. */
  template: string
  retired: boolean
}

const described = new Map<string, ErrorDescription>()

/** Declares a folder's errors. `prefix` is the folder in capitals; a code is `PREFIX_NAME`. */
export function errorTable<Table extends Record<string, AnySpec>>(
  prefix: string,
  table: Table,
): ErrorMakers<Table> {
  const makers: Record<string, (facts: Record<string, unknown>, cause?: unknown) => CodedError> = {}
  for (const [name, spec] of Object.entries(table)) {
    const code = `${prefix}_${name}`
    const canRetry = spec.canRetry ?? false
    described.set(code, {
      code,
      kind: spec.kind,
      status: spec.status,
      canRetry,
      hint: spec.hint,
      template: spec.message(placeholders),
      retired: spec.retired ?? false,
    })
    makers[name] = (facts, cause) =>
      new CodedError({
        code,
        message: spec.message(facts),
        hint: spec.hint,
        kind: spec.kind,
        status: spec.status,
        canRetry,
        facts,
        cause,
      })
  }
  return makers as ErrorMakers<Table>
}

/** Answers every fact's name with `{name}`. */
const placeholders: Record<string, unknown> = new Proxy(
  {},
  { get: (_target, name) => `{${String(name)}}` },
)

/** Every code declared so far, by code. */
export function listErrors(): ErrorDescription[] {
  return [...described.values()].sort((a, b) => (a.code < b.code ? -1 : 1))
}

/** The text of anything thrown, for logs and replies. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown)
}
