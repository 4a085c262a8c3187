/**
 * Numbers, spans and times as people read them. A number and its unit are one token that never
 * breaks, joined by a narrow no-break space; times are 24-hour, dates ISO, in the reader's zone.
 */

/** What a value is measured in. */
export type Unit = 'ratio' | 'seconds' | 'bytes' | 'bytes-per-second' | 'per-second' | 'count'

/** A number and its unit, apart so that the unit can be quieter. */
export interface Quantity {
  number: string
  unit: string
}

/** Words that spans of time need. */
export interface TimeWords {
  second: string
  minute: string
  hour: string
  day: string
}

/** Narrow no-break space. */
export const thinSpace = '\u202f'

const siSteps: [number, string][] = [
  [1e12, 'T'],
  [1e9, 'G'],
  [1e6, 'M'],
  [1e3, 'k'],
]
const byteSteps: [number, string][] = [
  [2 ** 50, 'PiB'],
  [2 ** 40, 'TiB'],
  [2 ** 30, 'GiB'],
  [2 ** 20, 'MiB'],
  [2 ** 10, 'KiB'],
]

/** Formats for one language and zone. */
export class Format {
  readonly language: string
  readonly zone: string
  readonly #words: TimeWords
  readonly #dateTime: Intl.DateTimeFormat
  readonly #fixed = new Map<number, Intl.NumberFormat>()

  constructor(o: { language: string; timeZone: string | undefined; words: TimeWords }) {
    this.language = o.language
    this.#words = o.words
    // The Swedish form is ISO 8601 with a space.
    this.#dateTime = new Intl.DateTimeFormat('sv-SE', {
      timeZone: o.timeZone,
      year: 'numeric',
      month: '2-digit',
      day: '2-digit',
      hour: '2-digit',
      minute: '2-digit',
      second: '2-digit',
    })
    this.zone = this.#dateTime.resolvedOptions().timeZone
  }

  /** A whole number with the language's separators. */
  count(value: number): string {
    return this.#number(value, 0)
  }

  /** Names as the language lists them: "a, b and c". */
  list(names: readonly string[]): string {
    return new Intl.ListFormat(this.language, { style: 'long', type: 'conjunction' }).format(names)
  }

  /** A value with three significant digits and the unit that suits its size. */
  quantity(value: number | null | undefined, unit: Unit): Quantity {
    if (value === null || value === undefined || Number.isNaN(value))
      return { number: '–', unit: '' }
    if (!Number.isFinite(value)) return { number: value > 0 ? '∞' : '−∞', unit: '' }
    if (unit === 'ratio') return { number: this.#digits(value * 100), unit: '%' }
    if (unit === 'seconds') return this.#seconds(value)
    if (unit === 'bytes') return this.#scaled(value, byteSteps, 'B')
    if (unit === 'bytes-per-second') {
      const { number, unit: bytes } = this.#scaled(value, byteSteps, 'B')
      return { number, unit: `${bytes}/s` }
    }
    const scaled = this.#scaled(value, siSteps, '')
    return unit === 'per-second' ? { number: scaled.number, unit: `${scaled.unit}/s` } : scaled
  }

  /** A value with its unit as one unbreakable text. */
  value(value: number | null | undefined, unit: Unit): string {
    const { number, unit: mark } = this.quantity(value, unit)
    return mark === '' ? number : `${number}${thinSpace}${mark}`
  }

  /** A span in one or two units: `14 min`, `3 d 4 h`. */
  span(spanMs: number): string {
    const { second, minute, hour, day } = this.#words
    const s = Math.max(0, Math.round(spanMs / 1000))
    const join = (...parts: [number, string][]): string =>
      parts
        .filter(([number], index) => number > 0 || index === 0)
        .map(([number, unit]) => `${number}${thinSpace}${unit}`)
        .join('\u00a0')
    if (s < 60) return join([s, second])
    if (s < 600 && s % 60 > 0) return join([Math.floor(s / 60), minute], [s % 60, second])
    if (s < 3600) return join([Math.floor(s / 60), minute])
    if (s < 86_400) return join([Math.floor(s / 3600), hour], [Math.floor((s % 3600) / 60), minute])
    return join([Math.floor(s / 86_400), day], [Math.floor((s % 86_400) / 3600), hour])
  }

  /** `2026-11-20 12:47:03`. */
  dateTime(timeMs: number): string {
    return this.#dateTime.format(timeMs)
  }

  /** `12:47:03`. */
  time(timeMs: number): string {
    return this.dateTime(timeMs).slice(11)
  }

  /** `12:47`. */
  minute(timeMs: number): string {
    return this.dateTime(timeMs).slice(11, 16)
  }

  /** `2026-11-20`. */
  date(timeMs: number): string {
    return this.dateTime(timeMs).slice(0, 10)
  }

  /** `12:47` on the day of `nearTimeMs`, else with month and day. */
  near(timeMs: number, nearTimeMs: number): string {
    const isSameDay = this.date(timeMs) === this.date(nearTimeMs)
    return isSameDay ? this.time(timeMs) : this.dateTime(timeMs).slice(5, 16)
  }

  #seconds(value: number): Quantity {
    const size = Math.abs(value)
    if (size === 0) return { number: '0', unit: 's' }
    if (size < 1e-3) return { number: this.#digits(value * 1e6), unit: 'µs' }
    if (size < 1) return { number: this.#digits(value * 1e3), unit: 'ms' }
    if (size < 120) return { number: this.#digits(value), unit: 's' }
    if (size < 7200) return { number: this.#digits(value / 60), unit: this.#words.minute }
    if (size < 172_800) return { number: this.#digits(value / 3600), unit: this.#words.hour }
    return { number: this.#digits(value / 86_400), unit: this.#words.day }
  }

  #scaled(value: number, steps: [number, string][], base: string): Quantity {
    for (const [step, unit] of steps) {
      // 999.95 rounds up to the next step's 1.
      if (Math.abs(value) >= step * 0.99995) return { number: this.#digits(value / step), unit }
    }
    return { number: this.#digits(value), unit: base }
  }

  /** Three significant digits, no needless zeros, tiny values in powers of ten. */
  #digits(value: number): string {
    const size = Math.abs(value)
    if (size === 0) return '0'
    if (size < 0.001) return value.toExponential(1)
    const places = size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3
    return this.#number(value, places)
  }

  #number(value: number, places: number): string {
    let format = this.#fixed.get(places)
    if (!format) {
      format = new Intl.NumberFormat(this.language, { maximumFractionDigits: places })
      this.#fixed.set(places, format)
    }
    return format.format(value)
  }
}
