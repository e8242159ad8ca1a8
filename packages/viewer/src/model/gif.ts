// SPDX-License-Identifier: Apache-2.0
// GIF89a, written: a small picture that moves and that every README, ticket and chat shows.
//
//   "GIF89a"  width u2  height u2  0xF7 (256 global colours)  background u1  aspect u1
//   256 x (red, green, blue)
//   21 FF 0B "NETSCAPE2.0" 03 01 loops u2 00                         0 loops: for ever
//   per frame:
//     21 F9 04  flags u1  delay u2 (1/100 s)  transparent index u1  00
//     2C  left u2  top u2  width u2  height u2  00
//     08  LZW codes in blocks of (length u1, bytes)  00
//   3B
//
// All numbers little-endian. A frame is stored as the rectangle that differs from the frame before, with
// what is the same inside it transparent. Source: CompuServe, GIF89a specification (1990).

/** Index of the transparent colour; a palette has room for one less than 256. */
const TRANSPARENT = 255;
const CLEAR = 256;
const END = 257;
const MOST_CODES = 4096;
const BLOCK = 255;

/** Collects frames; `finish` gives the file. */
export class GifWriter {
  readonly width: number;
  readonly height: number;
  readonly #bytes = new Bytes();
  readonly #palette: Palette;
  readonly #frames: {
    left: number;
    top: number;
    width: number;
    pixels: Uint8Array;
    delay: number;
  }[] = [];
  #last: Uint32Array | undefined;

  /** @param exact canvas words of at most 255 colours that are kept as they are */
  constructor(width: number, height: number, exact: Iterable<number> = []) {
    if (!(width > 0 && height > 0 && width < 65_536 && height < 65_536)) {
      throw new RangeError(`a GIF cannot be ${width} by ${height} pixels`);
    }
    this.width = width;
    this.height = height;
    this.#palette = new Palette(exact);
  }

  /**
   * Adds a frame.
   *
   * @param words a canvas word per pixel, row by row; opacity is ignored
   * @param delay how long the frame is shown, in hundredths of a second
   */
  add(words: Uint32Array, delay: number): void {
    const { left, top, right, bottom } = this.#changed(words);
    const width = right - left;
    const pixels = new Uint8Array(width * (bottom - top));
    let at = 0;
    for (let row = top; row < bottom; row++) {
      for (let column = left; column < right; column++) {
        const pixel = row * this.width + column;
        const same = this.#last !== undefined && this.#last[pixel] === words[pixel];
        pixels[at++] = same ? TRANSPARENT : this.#palette.indexOf(words[pixel]!);
      }
    }
    this.#frames.push({ left, top, width, pixels, delay });
    this.#last = words.slice();
  }

  /** The file. */
  finish(): Uint8Array<ArrayBuffer> {
    const bytes = this.#bytes;
    bytes.text('GIF89a').u2(this.width).u2(this.height).u1(0xf7).u1(0).u1(0);
    this.#palette.write(bytes);
    bytes.u1(0x21).u1(0xff).u1(11).text('NETSCAPE2.0').u1(3).u1(1).u2(0).u1(0);
    for (const { left, top, width, pixels, delay } of this.#frames) {
      // Flags: keep this frame below the next (1 << 2), and there is a transparent colour (1).
      bytes.u1(0x21).u1(0xf9).u1(4).u1(0b101).u2(delay).u1(TRANSPARENT).u1(0);
      bytes
        .u1(0x2c)
        .u2(left)
        .u2(top)
        .u2(width)
        .u2(pixels.length / width)
        .u1(0);
      compress(pixels, bytes);
    }
    return bytes.u1(0x3b).finish();
  }

  /** The rectangle of what differs from the frame before; a pixel where nothing does. */
  #changed(words: Uint32Array): { left: number; top: number; right: number; bottom: number } {
    const { width, height } = this;
    const last = this.#last;
    if (last === undefined) return { left: 0, top: 0, right: width, bottom: height };
    let [left, top, right, bottom] = [width, height, 0, 0];
    for (let pixel = 0; pixel < words.length; pixel++) {
      if (words[pixel] === last[pixel]) continue;
      const column = pixel % width;
      const row = Math.floor(pixel / width);
      left = Math.min(left, column);
      right = Math.max(right, column + 1);
      top = Math.min(top, row);
      bottom = row + 1;
    }
    return right === 0 ? { left: 0, top: 0, right: 1, bottom: 1 } : { left, top, right, bottom };
  }
}

/**
 * At most 255 colours: those to be kept first, then others as they come, with the lower three bits of
 * each part left out (text has many that differ by nothing one could see), then the nearest.
 */
class Palette {
  readonly #colours: number[];
  readonly #known = new Map<number, number>();

  constructor(exact: Iterable<number>) {
    this.#colours = [...new Set([...exact].map((word) => word & 0xffffff))].slice(0, TRANSPARENT);
    for (const [index, colour] of this.#colours.entries()) this.#known.set(colour, index);
  }

  indexOf(word: number): number {
    const colour = word & 0xffffff;
    const known = this.#known.get(colour);
    if (known !== undefined) return known;
    const index = this.#add(colour & 0xf8f8f8);
    this.#known.set(colour, index);
    return index;
  }

  #add(colour: number): number {
    const known = this.#known.get(colour);
    if (known !== undefined) return known;
    if (this.#colours.length === TRANSPARENT) return this.#nearest(colour);
    const index = this.#colours.push(colour) - 1;
    this.#known.set(colour, index);
    return index;
  }

  #nearest(colour: number): number {
    const part = (of: number, shift: number) => (of >> shift) & 0xff;
    let best = 0;
    let least = Number.POSITIVE_INFINITY;
    this.#colours.forEach((each, index) => {
      const distance = [0, 8, 16].reduce(
        (sum, s) => sum + (part(each, s) - part(colour, s)) ** 2,
        0,
      );
      if (distance < least) [best, least] = [index, distance];
    });
    return best;
  }

  write(bytes: Bytes): void {
    for (let index = 0; index < 256; index++) {
      const colour = this.#colours[index] ?? 0;
      bytes
        .u1(colour & 0xff)
        .u1((colour >> 8) & 0xff)
        .u1((colour >> 16) & 0xff);
    }
  }
}

/** LZW with codes that grow from 9 to 12 bits, least significant bit first. */
function compress(pixels: Uint8Array, bytes: Bytes): void {
  bytes.u1(8);
  const out = new BitBlocks(bytes);
  const codes = new Map<number, number>();
  let size = 9;
  let next = END + 1;
  out.put(CLEAR, size);
  let prefix = pixels[0] ?? 0;
  for (let i = 1; i < pixels.length; i++) {
    const pixel = pixels[i]!;
    const key = (prefix << 8) | pixel;
    const known = codes.get(key);
    if (known !== undefined) {
      prefix = known;
      continue;
    }
    out.put(prefix, size);
    prefix = pixel;
    if (next < MOST_CODES) {
      codes.set(key, next++);
      // The reader learns a code one step later than the writer, hence not `>=`.
      if (next > 1 << size && size < 12) size++;
    } else {
      out.put(CLEAR, size);
      codes.clear();
      size = 9;
      next = END + 1;
    }
  }
  out.put(prefix, size);
  // The reader has one code more by now, and may expect a longer one.
  if (next === 1 << size && size < 12) size++;
  out.put(END, size);
  out.finish();
}

/** Codes of any length as bytes, in blocks of at most 255. */
class BitBlocks {
  readonly #bytes: Bytes;
  readonly #block = new Uint8Array(BLOCK);
  #length = 0;
  #bits = 0;
  #count = 0;

  constructor(bytes: Bytes) {
    this.#bytes = bytes;
  }

  put(code: number, size: number): void {
    this.#bits |= code << this.#count;
    this.#count += size;
    for (; this.#count >= 8; this.#count -= 8) {
      this.#byte(this.#bits & 0xff);
      this.#bits >>>= 8;
    }
  }

  finish(): void {
    if (this.#count > 0) this.#byte(this.#bits & 0xff);
    this.#flush();
    this.#bytes.u1(0);
  }

  #byte(value: number): void {
    this.#block[this.#length++] = value;
    if (this.#length === BLOCK) this.#flush();
  }

  #flush(): void {
    if (this.#length > 0) this.#bytes.u1(this.#length).all(this.#block.subarray(0, this.#length));
    this.#length = 0;
  }
}

/** Bytes that grow. */
class Bytes {
  #bytes = new Uint8Array(1 << 16);
  #length = 0;

  u1(value: number): this {
    if (this.#length === this.#bytes.length) this.#grow(1);
    this.#bytes[this.#length++] = value;
    return this;
  }

  u2(value: number): this {
    return this.u1(value & 0xff).u1(value >> 8);
  }

  text(ascii: string): this {
    for (let i = 0; i < ascii.length; i++) this.u1(ascii.charCodeAt(i));
    return this;
  }

  all(bytes: Uint8Array): this {
    if (this.#length + bytes.length > this.#bytes.length) this.#grow(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
    return this;
  }

  finish(): Uint8Array<ArrayBuffer> {
    return this.#bytes.slice(0, this.#length);
  }

  #grow(by: number): void {
    const wider = new Uint8Array(Math.max(this.#bytes.length * 2, this.#length + by));
    wider.set(this.#bytes);
    this.#bytes = wider;
  }
}
