/**
 * Settings as described data: the one way to declare an option. From these come the validator, its
 * messages with the place in the file, the reference page, and the JSON Schema for editors.
 * Durations, sizes and secrets become milliseconds, bytes and `Secret` here, so nobody parses twice.
 */

import { z } from 'zod'
import { parseBytes } from '../base/bytes.ts'
import { parseDuration } from '../base/duration.ts'
import { Secret } from '../base/secret.ts'

export { z }

/** What the reference page says of a setting beside its type and default. */
export interface SettingNote {
  /** One sentence. */
  description: string
  /** Takes effect at reload; `false` needs a restart. Default true. */
  isReloadable?: boolean
  /** How the default is written in the file, when it has one. */
  defaultText?: string
  typeText?: string
}

/** A folder's part of the configuration: keys under the shared `global`, and top-level keys. */
export interface SettingsPart {
  global: z.ZodRawShape
  top: z.ZodRawShape
}

/** The configuration as a folder sees it: its own keys and its own part of `global`, if it has one. */
export type SettingsOf<Part extends SettingsPart> = z.output<z.ZodObject<Part['top']>> &
  (keyof Part['global'] extends never ? unknown : { global: z.output<z.ZodObject<Part['global']>> })

/** A duration such as `15s`; milliseconds in the result. */
export function duration(description: string, defaultText?: string) {
  const schema = z
    .union([z.string(), z.literal(0)], 'must be a duration such as 15s, 5m or 1h30m')
    .transform((value, context): number => {
      const spanMs = parseDuration(String(value))
      if (spanMs === undefined) {
        context.addIssue({
          code: 'custom',
          message: `"${value}" is not a duration; write for example 15s, 5m or 1h30m`,
        })
        return z.NEVER
      }
      return spanMs
    })
  return schema.meta({
    description,
    typeText: 'duration',
    ...(defaultText === undefined ? {} : { defaultText }),
  })
}

/** A duration with a default, given as it would be written. */
export function durationOr(defaultText: string, description: string) {
  const schema = duration(description, defaultText)
  return schema
    .default(parseDuration(defaultText) ?? 0)
    .meta({ description, typeText: 'duration', defaultText })
}

/** A size such as `64MiB`; bytes in the result. */
export function bytesOr(defaultText: string, description: string) {
  return z
    .union([z.string(), z.number().int().nonnegative()])
    .transform((value, context): number => {
      const size = typeof value === 'number' ? value : parseBytes(value)
      if (size === undefined) {
        context.addIssue({
          code: 'custom',
          message: `"${value}" is not a size; write for example 512KB or 64MiB`,
        })
        return z.NEVER
      }
      return size
    })
    .default(parseBytes(defaultText) ?? 0)
    .meta({ description, typeText: 'size', defaultText })
}

/** A string that must not be printed. */
export function secret(description: string) {
  return z
    .string()
    .transform((value) => new Secret(value))
    .meta({ description, typeText: 'secret' })
}

/** A string. */
export function text(description: string) {
  return z.string().meta({ description, typeText: 'string' })
}

/** A string with a default. */
export function textOr(defaultText: string, description: string) {
  return z.string().default(defaultText).meta({ description, typeText: 'string', defaultText })
}

/** true or false, with a default. */
export function flagOr(defaultValue: boolean, description: string) {
  return z
    .boolean()
    .default(defaultValue)
    .meta({ description, typeText: 'boolean', defaultText: String(defaultValue) })
}

/** A number in a range, with a default. */
export function numberOr(
  defaultValue: number,
  bounds: { min: number; max: number; isWhole?: boolean },
  description: string,
) {
  const plain = z.number().min(bounds.min).max(bounds.max)
  return (bounds.isWhole === false ? plain : plain.int())
    .default(defaultValue)
    .meta({ description, typeText: 'number', defaultText: String(defaultValue) })
}

/** A mapping of label names to values. */
export function labelMap(description: string) {
  return z.record(z.string(), z.string()).meta({ description, typeText: 'labels' })
}

/** One row of the reference page. */
export interface SettingDescription {
  path: string
  type: string
  defaultText: string
  description: string
}

/** All settings below `schema`, depth first, for the reference page and its test. */
export function describeSettings(schema: z.ZodType, path = ''): SettingDescription[] {
  const { inner, note } = unwrap(schema)
  const rows: SettingDescription[] = []
  if (path !== '') {
    rows.push({
      path,
      type: note.typeText ?? typeOf(inner),
      defaultText: note.defaultText ?? '',
      description: note.description ?? '',
    })
  }
  if (inner instanceof z.ZodObject) {
    for (const [name, field] of Object.entries(inner.shape)) {
      rows.push(...describeSettings(field as z.ZodType, path === '' ? name : `${path}.${name}`))
    }
  } else if (inner instanceof z.ZodArray) {
    const { inner: element } = unwrap(inner.element as z.ZodType)
    if (element instanceof z.ZodObject) {
      rows.push(...describeSettings(element, `${path}[]`).slice(1))
    }
  }
  return rows
}

/** The schema below optional, default and transform, and the outermost note on the way there. */
function unwrap(schema: z.ZodType): { inner: z.ZodType; note: Partial<SettingNote> } {
  let inner: z.ZodType = schema
  let note: Partial<SettingNote> = {}
  for (;;) {
    note = { ...(inner.meta() as Partial<SettingNote> | undefined), ...note }
    if (
      inner instanceof z.ZodOptional ||
      inner instanceof z.ZodDefault ||
      inner instanceof z.ZodNullable ||
      inner instanceof z.ZodPrefault
    ) {
      inner = inner.unwrap() as z.ZodType
    } else if (inner instanceof z.ZodPipe) inner = inner.in as z.ZodType
    else return { inner, note }
  }
}

function typeOf(schema: z.ZodType): string {
  if (schema instanceof z.ZodObject) return 'section'
  if (schema instanceof z.ZodArray) return 'list'
  if (schema instanceof z.ZodEnum) return schema.options.join(' | ')
  return schema.def.type
}
