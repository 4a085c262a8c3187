/** Plurals and numbers for the word files, by the rules of the reader's language (Intl). */

/** Writes a count into one of two forms; `#` stands for the number. */
export type CountWriter = (count: number, one: string, other: string) => string

/** A CountWriter for a language; languages without plurals pass the same form twice. */
export function makeCount(language: string): CountWriter {
  const rules = new Intl.PluralRules(language)
  const numbers = new Intl.NumberFormat(language)
  return (count, one, other) =>
    (rules.select(count) === 'one' ? one : other).replace('#', numbers.format(count))
}

/** A list as the language writes it: "a, b and c". */
export function makeList(language: string): (items: readonly string[]) => string {
  const format = new Intl.ListFormat(language, { style: 'long', type: 'conjunction' })
  return (items) => format.format(items)
}
