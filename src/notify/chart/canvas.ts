/** A raster to draw on: rectangles, lines with soft edges, letters. Colours are blended, then counted. */

import { glyphHeight, glyphWidth, hasDot } from './font.ts'
import { encodePng } from './png.ts'

/** Red, green and blue, 0 to 255. */
export type Color = readonly [number, number, number]

/** Size and colour of a text. */
export interface TextStyle {
  color: Color
  /** Pixels of one dot. */
  scale: number
  align?: 'left' | 'right' | 'center'
}

/** The upper bits of each part of a colour are kept, so that a palette suffices. */
const keptBits = 4

/** A drawing of fixed size. */
export class Canvas {
  readonly width: number
  readonly height: number
  readonly #parts: Uint8Array

  constructor(width: number, height: number, background: Color) {
    this.width = width
    this.height = height
    this.#parts = new Uint8Array(width * height * 3)
    this.fill({ x: 0, y: 0, width, height }, background)
  }

  /** A filled rectangle; `opacity` from 0 to 1. */
  fill(
    area: { x: number; y: number; width: number; height: number },
    color: Color,
    opacity = 1,
  ): void {
    const right = Math.min(this.width, Math.round(area.x + area.width))
    const bottom = Math.min(this.height, Math.round(area.y + area.height))
    for (let y = Math.max(0, Math.round(area.y)); y < bottom; y++)
      for (let x = Math.max(0, Math.round(area.x)); x < right; x++)
        this.#blend(x, y, color, opacity)
  }

  /** A line between two points; with `dash`, so many pixels drawn and as many left out. */
  line(
    from: { x: number; y: number },
    to: { x: number; y: number },
    style: { color: Color; width: number; dash?: number },
  ): void {
    const { color, width, dash } = style
    const length = Math.hypot(to.x - from.x, to.y - from.y)
    const reach = width / 2 + 1
    const left = Math.max(0, Math.floor(Math.min(from.x, to.x) - reach))
    const right = Math.min(this.width - 1, Math.ceil(Math.max(from.x, to.x) + reach))
    const top = Math.max(0, Math.floor(Math.min(from.y, to.y) - reach))
    const bottom = Math.min(this.height - 1, Math.ceil(Math.max(from.y, to.y) + reach))
    const dx = length === 0 ? 0 : (to.x - from.x) / length
    const dy = length === 0 ? 0 : (to.y - from.y) / length
    for (let y = top; y <= bottom; y++) {
      for (let x = left; x <= right; x++) {
        const along = Math.max(0, Math.min(length, (x - from.x) * dx + (y - from.y) * dy))
        if (dash !== undefined && Math.floor(along / dash) % 2 === 1) continue
        const distance = Math.hypot(x - from.x - along * dx, y - from.y - along * dy)
        const cover = Math.max(0, Math.min(1, width / 2 + 0.5 - distance))
        if (cover > 0) this.#blend(x, y, color, cover)
      }
    }
  }

  /** One line of text; `y` is its top. */
  text(text: string, at: { x: number; y: number }, style: TextStyle): void {
    const { color, scale, align = 'left' } = style
    const width = widthOfText(text, scale)
    const shift = align === 'left' ? 0 : align === 'right' ? width : width / 2
    let x = Math.round(at.x - shift)
    for (const character of text) {
      for (let column = 0; column < glyphWidth; column++) {
        for (let row = 0; row < glyphHeight; row++) {
          if (!hasDot(character, column, row)) continue
          const area = { x: x + column * scale, y: at.y + row * scale, width: scale, height: scale }
          this.fill(area, color)
        }
      }
      x += (glyphWidth + 1) * scale
    }
  }

  /** The picture as PNG. */
  toPng(): Buffer {
    const indexes = new Int16Array(1 << (3 * keptBits)).fill(-1)
    const palette: Color[] = []
    const pixels = new Uint8Array(this.width * this.height)
    const parts = this.#parts
    for (let index = 0, part = 0; index < pixels.length; index++, part += 3) {
      const key = ((parts[part]! & 0xf0) << 4) | (parts[part + 1]! & 0xf0) | (parts[part + 2]! >> 4)
      let found = indexes[key]!
      if (found < 0) {
        found = palette.length < 256 ? palette.push(spread(key)) - 1 : nearest(palette, spread(key))
        indexes[key] = found
      }
      pixels[index] = found
    }
    return encodePng({ width: this.width, height: this.height, pixels, palette })
  }

  #blend(x: number, y: number, color: Color, opacity: number): void {
    const index = (y * this.width + x) * 3
    const parts = this.#parts
    parts[index] = parts[index]! + (color[0] - parts[index]!) * opacity + 0.5
    parts[index + 1] = parts[index + 1]! + (color[1] - parts[index + 1]!) * opacity + 0.5
    parts[index + 2] = parts[index + 2]! + (color[2] - parts[index + 2]!) * opacity + 0.5
  }
}

/** How wide a text is, in pixels. */
export function widthOfText(text: string, scale: number): number {
  return Math.max(0, [...text].length * (glyphWidth + 1) - 1) * scale
}

function spread(key: number): Color {
  return [((key >> 8) & 15) * 17, ((key >> 4) & 15) * 17, (key & 15) * 17]
}

function nearest(palette: readonly Color[], color: Color): number {
  let best = 0
  let bestDistance = Number.POSITIVE_INFINITY
  for (const [index, one] of palette.entries()) {
    const distance = one.reduce((sum, part, place) => sum + (part - color[place]!) ** 2, 0)
    if (distance >= bestDistance) continue
    best = index
    bestDistance = distance
  }
  return best
}
