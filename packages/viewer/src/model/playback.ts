// SPDX-License-Identifier: Apache-2.0
// The playhead: where it is, whether it moves and how fast. It knows no clock; whoever draws frames
// tells it how much time went by.

/** Playing times offered: the whole run in this many seconds. */
export const SPEEDS = [60, 30, 15, 8, 4, 2] as const;

export class Playback {
  position = 0;
  playing = false;
  /** Seconds that the whole run takes to play. */
  seconds = 8;
  #length: number;

  constructor(length: number) {
    this.#length = length;
  }

  get length(): number {
    return this.#length;
  }

  /** How much slower than real time a run of `length` nanoseconds plays: 10 is ten times slower. */
  get slowdown(): number {
    return (this.seconds * 1e9) / this.#length;
  }

  /** Starts; from the beginning when it stands at the end. */
  play(): void {
    if (this.position >= this.#length) this.position = 0;
    this.playing = true;
  }

  pause(): void {
    this.playing = false;
  }

  toggle(): void {
    if (this.playing) this.pause();
    else this.play();
  }

  /** Goes to a position and stays there if it stood, plays on if it played. */
  seek(position: number): void {
    this.position = Math.max(0, Math.min(position, this.#length));
    if (this.position >= this.#length) this.playing = false;
  }

  /** Another axis: same moment, other numbers. */
  rescale(position: number, length: number): void {
    this.#length = length;
    this.position = Math.max(0, Math.min(position, length));
  }

  /** Moves on by the time that went by. @returns whether the position changed */
  advance(milliseconds: number): boolean {
    if (!this.playing) return false;
    const step = (milliseconds / 1000 / this.seconds) * this.#length;
    this.position = Math.min(this.position + step, this.#length);
    if (this.position >= this.#length) this.playing = false;
    return true;
  }
}
