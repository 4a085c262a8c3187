/** Error codes of queries. The texts are Prometheus's, because clients and tests compare them. */

import { errorTable } from '../base/error.ts'

/** Makers of the query errors. */
export const queryErrors = errorTable('QUERY', {
  PARSE_FAILED: {
    kind: 'user',
    status: 400,
    message: (facts: { position: string; reason: string; start: number; end: number }) =>
      `${facts.position}: parse error: ${facts.reason}`,
    hint: 'Correct the expression at the place named.',
  },
  INVALID: {
    kind: 'user',
    status: 400,
    message: (facts: { reason: string }) => facts.reason,
    hint: 'Correct the parameters of the query.',
  },
  EXECUTION: {
    kind: 'user',
    status: 422,
    message: (facts: { reason: string }) => facts.reason,
    hint: 'Change the expression, or the data that it meets.',
  },
  TOO_MANY_SAMPLES: {
    kind: 'user',
    status: 422,
    message: (facts: { countMax: number }) =>
      'query processing would load too many samples into memory in query execution' +
      ` (the limit is ${facts.countMax})`,
    hint: 'Ask for fewer series, a shorter range or a larger step, or raise query.sample_count_max.',
  },
  TIMEOUT: {
    kind: 'operation',
    status: 503,
    canRetry: true,
    message: (facts: { timeoutMs: number; phase: string }) =>
      `query timed out in ${facts.phase} (the limit is ${facts.timeoutMs} ms)`,
    hint: 'Ask for less at once, or raise query.timeout.',
  },
  CANCELED: {
    kind: 'operation',
    status: 499,
    message: (facts: { phase: string }) => `query was canceled in ${facts.phase}`,
    hint: 'Nothing to do: the one who asked went away.',
  },
  LOG_PARSE_FAILED: {
    kind: 'user',
    status: 400,
    message: (facts: { position: string; reason: string; start: number; end: number }) =>
      `parse error at ${facts.position}: ${facts.reason}`,
    hint: 'Correct the log query at the place named.',
  },
  LOG_UNSUPPORTED: {
    kind: 'user',
    status: 400,
    message: (facts: { position: string; part: string; start: number; end: number }) =>
      `not supported yet: ${facts.part} at ${facts.position}`,
    hint: 'Use a stream selector with line filters: {label="value"} |= "text".',
  },
  LOGS_ABSENT: {
    kind: 'operation',
    status: 404,
    message: () => 'This server keeps no logs.',
    hint: 'Ask a server that receives logs.',
  },
})
