/** Error codes of detection. */

import { errorTable } from '../base/error.ts'

/** Makers of detection's errors. */
export const detectErrors = errorTable('DETECT', {
  DUPLICATE_LABELS: {
    kind: 'user',
    status: 422,
    message: (facts: { rule: string; labels: string }) =>
      `rule "${facts.rule}": vector contains metrics with the same labelset after applying rule labels: ${facts.labels}`,
    hint: 'Keep a label that tells the elements apart, or aggregate them in the expression.',
  },
  LIMIT_EXCEEDED: {
    kind: 'user',
    status: 422,
    message: (facts: { rule: string; limit: number; count: number }) =>
      `rule "${facts.rule}": exceeded limit of ${facts.limit} with ${facts.count} results`,
    hint: 'Raise "limit" of the group, or make the expression answer fewer elements.',
  },
  RESULT_NOT_VECTOR: {
    kind: 'user',
    status: 422,
    message: (facts: { rule: string; type: string }) =>
      `rule "${facts.rule}": the result is a ${facts.type}, not a vector or scalar`,
    hint: 'Write an expression that answers an instant vector or a scalar.',
  },
  RULE_FILES_UNREADABLE: {
    kind: 'user',
    status: 400,
    message: (facts: { pattern: string; reason: string }) =>
      `rule_files: "${facts.pattern}" cannot be read: ${facts.reason}.`,
    hint: 'Check the path and its permissions; relative paths start at the configuration file.',
  },
  TEST_TOO_LONG: {
    kind: 'user',
    status: 400,
    message: (facts: { test: string; count: number; limit: number }) =>
      `test "${facts.test}": ${facts.count} evaluations are more than ${facts.limit}`,
    hint: 'Raise "evaluation_interval", or check earlier.',
  },
})
