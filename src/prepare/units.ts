/** Units that senders write values in, the base unit of each, and the words for them in names of metrics. */

/** `(value + shift) * multiply / divide` is in the base unit. */
export interface Conversion {
  readonly shift: number
  readonly multiply: number
  readonly divide: number
}

interface Unit {
  base: string
  words: ReadonlySet<string>
  conversion: Conversion
}

const scaled = (base: string, words: string, factor: { times?: number; by?: number }): Unit => ({
  base,
  words: new Set(words.split(' ')),
  conversion: { shift: 0, multiply: factor.times ?? 1, divide: factor.by ?? 1 },
})

/** Every unit, by the name it has in settings. */
export const units = {
  nanoseconds: scaled('seconds', 'nanoseconds nanosecond ns nanos nsec', { by: 1e9 }),
  microseconds: scaled('seconds', 'microseconds microsecond us micros usec', { by: 1e6 }),
  milliseconds: scaled('seconds', 'milliseconds millisecond ms millis msec', { by: 1000 }),
  minutes: scaled('seconds', 'minutes minute', { times: 60 }),
  hours: scaled('seconds', 'hours hour', { times: 3600 }),
  days: scaled('seconds', 'days day', { times: 86_400 }),
  bits: scaled('bytes', 'bits bit', { by: 8 }),
  kilobytes: scaled('bytes', 'kilobytes kilobyte kb', { times: 1000 }),
  megabytes: scaled('bytes', 'megabytes megabyte mb', { times: 1e6 }),
  gigabytes: scaled('bytes', 'gigabytes gigabyte gb', { times: 1e9 }),
  kibibytes: scaled('bytes', 'kibibytes kibibyte kib', { times: 1024 }),
  mebibytes: scaled('bytes', 'mebibytes mebibyte mib', { times: 1024 ** 2 }),
  gibibytes: scaled('bytes', 'gibibytes gibibyte gib', { times: 1024 ** 3 }),
  percent: scaled('ratio', 'percent percentage pct', { by: 100 }),
  fahrenheit: {
    base: 'celsius',
    words: new Set(['fahrenheit']),
    conversion: { shift: -32, multiply: 5, divide: 9 },
  },
  kelvin: {
    base: 'celsius',
    words: new Set(['kelvin']),
    conversion: { shift: -273.15, multiply: 1, divide: 1 },
  },
  millivolts: scaled('volts', 'millivolts millivolt mv', { by: 1000 }),
  milliamperes: scaled('amperes', 'milliamperes milliampere ma', { by: 1000 }),
  kilometers: scaled('meters', 'kilometers kilometer km', { times: 1000 }),
  millimeters: scaled('meters', 'millimeters millimeter mm', { by: 1000 }),
  miles: scaled('meters', 'miles mile', { times: 1609.344 }),
  kilograms: scaled('grams', 'kilograms kilogram kg', { times: 1000 }),
  kilowatthours: scaled('joules', 'kilowatthours kwh', { times: 3.6e6 }),
} satisfies Record<string, Unit>

/** The name of a unit. */
export type UnitName = keyof typeof units
