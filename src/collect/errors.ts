/** Error codes of collecting. */

import { errorTable } from '../base/error.ts'

/** Makers of collecting's errors. */
export const collectErrors = errorTable('COLLECT', {
  EXPOSITION_INVALID: {
    kind: 'user',
    status: 400,
    message: (facts: { line: number; reason: string }) => `line ${facts.line}: ${facts.reason}`,
    hint: 'Correct the page at the line named; "shipwatch check metrics" checks a page.',
  },
  SCRAPE_FAILED: {
    kind: 'operation',
    status: 502,
    canRetry: true,
    message: (facts: { reason: string }) => facts.reason,
    hint: 'Open the address of the target as the scraper would; the next scrape tries again.',
  },
  SCRAPE_LIMIT_EXCEEDED: {
    kind: 'operation',
    status: 502,
    message: (facts: { limit: string; max: number; got: string }) =>
      `${facts.limit} exceeded: ${facts.got}, limit ${facts.max}`,
    hint: 'Raise the limit of the scrape job, or have the target expose less.',
  },
  DISCOVERY_FILE_INVALID: {
    kind: 'user',
    status: 400,
    message: (facts: { path: string; reason: string }) =>
      `The target file ${facts.path} cannot be used: ${facts.reason}.`,
    hint: 'Correct the file; the targets it named before stay in force until then.',
  },
  DISCOVERY_FAILED: {
    kind: 'operation',
    status: 502,
    canRetry: true,
    message: (facts: { place: string; reason: string }) =>
      `Targets cannot be discovered by ${facts.place}: ${facts.reason}.`,
    hint: 'Check that it answers; the targets it named before stay in force until then.',
  },
  BODY_TOO_LARGE: {
    kind: 'user',
    status: 413,
    message: (facts: { size: number; bytesMax: number }) =>
      `the body has ${facts.size} bytes after decompression, more than the limit of ${facts.bytesMax}`,
    hint: 'Send smaller batches.',
  },
  ROWS_TOO_MANY: {
    kind: 'user',
    status: 413,
    message: (facts: { countMax: number }) =>
      `the body unfolds to more than ${facts.countMax} samples, attributes and buckets, which is the limit`,
    hint: 'Send smaller batches.',
  },
  PUSH_GROUPS_FULL: {
    kind: 'operation',
    status: 429,
    canRetry: true,
    message: (facts: { what: string; countMax: number }) =>
      `pushed groups hold ${facts.countMax} ${facts.what} already, which is the limit`,
    hint: 'Delete groups of jobs that are gone, or push fewer labels.',
  },
  BODY_INVALID: {
    kind: 'user',
    status: 400,
    message: (facts: { reason: string }) => facts.reason,
    hint: 'Correct what the sender writes; the text names the place.',
  },
  BODY_TYPE_UNSUPPORTED: {
    kind: 'user',
    status: 415,
    message: (facts: { reason: string }) => facts.reason,
    hint: 'Send one of the types and encodings named.',
  },
  OVERLOADED: {
    kind: 'operation',
    status: 429,
    canRetry: true,
    message: (facts: { count: number }) =>
      `${facts.count} requests are being taken in already, which is the limit`,
    hint: 'Senders should wait as Retry-After says and send the same again.',
  },
})
