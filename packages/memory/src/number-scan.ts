// SPDX-License-Identifier: Apache-2.0
// Numbers straight from bytes. A 64-bit value is kept as two 32-bit halves; as a double it is exact
// for every page-aligned address (52 significant bits) and for every value below 2^53.

/** A position in a line, and the number read last. */
export class NumberScan {
  bytes: Uint8Array = new Uint8Array(0);
  at = 0;
  end = 0;
  /** Lower and upper 32 bits of the number read last. */
  low = 0;
  high = 0;

  reset(bytes: Uint8Array, at: number, end: number): this {
    this.bytes = bytes;
    this.at = at;
    this.end = end;
    return this;
  }

  skipBlanks(): void {
    while (this.at < this.end && (this.bytes[this.at] === 32 || this.bytes[this.at] === 9)) {
      this.at++;
    }
  }

  /**
   * Reads a hexadecimal number, with or without `0x`; false when there is none or it has more than 64
   * bits. printf's `%#018lx` writes the value 0 as 18 zeros without `0x`, which this reads too.
   */
  hex(): boolean {
    const { bytes, end } = this;
    let at = this.at;
    if (bytes[at] === 48 && at + 1 < end && (bytes[at + 1]! | 32) === 120) at += 2;
    const first = at;
    let low = 0;
    let high = 0;
    for (; at < end; at++) {
      const byte = bytes[at]!;
      let digit: number;
      if (byte >= 48 && byte <= 57) digit = byte - 48;
      else {
        const letter = byte | 32;
        if (letter < 97 || letter > 102) break;
        digit = letter - 87;
      }
      if (high >>> 28 !== 0) return false;
      high = ((high << 4) | (low >>> 28)) >>> 0;
      low = ((low << 4) | digit) >>> 0;
    }
    if (at === first) return false;
    this.at = at;
    this.low = low;
    this.high = high;
    return true;
  }

  /** Reads a signed decimal number below 2^53; false when there is none. */
  decimal(): boolean {
    const { bytes, end } = this;
    let at = this.at;
    const negative = at < end && bytes[at] === 45;
    if (negative) at++;
    const first = at;
    let value = 0;
    for (; at < end; at++) {
      const digit = bytes[at]! - 48;
      if (digit < 0 || digit > 9) break;
      value = value * 10 + digit;
      if (value > Number.MAX_SAFE_INTEGER) return false;
    }
    if (at === first) return false;
    this.at = at;
    this.decimalValue = negative ? -value : value;
    return true;
  }

  decimalValue = 0;

  /** The hexadecimal number read last, as a double. */
  get value(): number {
    return this.high * 0x1_0000_0000 + this.low;
  }

  /** Whether the line ends here or a blank follows. */
  atBlank(): boolean {
    return this.at >= this.end || this.bytes[this.at] === 32 || this.bytes[this.at] === 9;
  }

  /** Steps over one given byte; false when another is there. */
  skip(byte: number): boolean {
    if (this.at >= this.end || this.bytes[this.at] !== byte) return false;
    this.at++;
    return true;
  }
}
