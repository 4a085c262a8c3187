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
  RULE_EDITING_OFF: {
    kind: 'user',
    status: 409,
    message: () => 'Rule files cannot be edited here.',
    hint: 'Set "rule_editing.directory" to the folder whose files may be edited.',
  },
  RULE_FILE_UNKNOWN: {
    kind: 'user',
    status: 404,
    message: (facts: { name: string }) => `There is no rule file "${facts.name}" to edit.`,
    hint: 'List the files with GET /rules/files.',
  },
  RULE_FILE_NAME_INVALID: {
    kind: 'user',
    status: 400,
    message: (facts: { name: string }) => `"${facts.name}" cannot be the name of a rule file.`,
    hint: 'Use letters, digits, dots, dashes and underscores, ending in .yml or .yaml.',
  },
  RULE_FILE_CHANGED: {
    kind: 'user',
    status: 409,
    message: (facts: { name: string }) => `"${facts.name}" was changed meanwhile.`,
    hint: 'Read it again, bring your change in, and save with its new revision.',
  },
  RULE_FILES_FULL: {
    kind: 'user',
    status: 409,
    message: (facts: { limit: number }) => `There are ${facts.limit} rule files already.`,
    hint: 'Remove or join files.',
  },
  RULE_FILE_UNWRITABLE: {
    kind: 'operation',
    status: 500,
    message: (facts: { name: string; reason: string }) =>
      `"${facts.name}" could not be written: ${facts.reason}.`,
    hint: 'Check the permissions and the space of the folder.',
  },
  BACK_TEST_UNKNOWN: {
    kind: 'user',
    status: 404,
    message: (facts: { id: string }) => `There is no back-test "${facts.id}".`,
    hint: 'Results are kept for an hour; start it again.',
  },
  BACK_TEST_SPAN_INVALID: {
    kind: 'user',
    status: 400,
    message: (facts: { spanMs: number }) =>
      `A back-test cannot cover ${facts.spanMs} ms: it ends after it begins, and covers 400 days at most.`,
    hint: 'Give a start before the end.',
  },
  BACK_TESTS_BUSY: {
    kind: 'operation',
    status: 429,
    canRetry: true,
    message: (facts: { limit: number }) => `${facts.limit} back-tests are running already.`,
    hint: 'Wait for one to end, or stop one.',
  },
  TEST_TOO_LONG: {
    kind: 'user',
    status: 400,
    message: (facts: { test: string; count: number; limit: number }) =>
      `test "${facts.test}": ${facts.count} evaluations are more than ${facts.limit}`,
    hint: 'Raise "evaluation_interval", or check earlier.',
  },
})
