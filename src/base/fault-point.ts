/**
 * Places at which the process can be made to die, so that a test can show what survives. Named, in
 * the order of an alert's way. Nothing happens unless `SHIPWATCH_FAULT_POINT=<name>:<n>` was set when
 * the process began: then it kills itself without notice when it passes the place the n-th time.
 */

const [armedName, armedCount] = (process.env['SHIPWATCH_FAULT_POINT'] ?? '').split(':')
let passesLeft = Number(armedCount ?? 1)

/** The places, in the order in which an alert passes them. */
export type FaultPoint =
  | 'alert-received'
  | 'alert-kept'
  | 'group-look'
  | 'page-opened'
  | 'page-kept'
  | 'message-sending'
  | 'message-sent'
  | 'ledger-written'
  | 'log-written'
  | 'page-sent'
  | 'page-sent-kept'

/** Dies here when told to. */
export function passFaultPoint(name: FaultPoint): void {
  if (armedName !== name || --passesLeft > 0) return
  process.kill(process.pid, 'SIGKILL')
}
