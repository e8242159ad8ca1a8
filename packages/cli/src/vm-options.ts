// SPDX-License-Identifier: Apache-2.0
// Options that several commands about VMs share, and what they mean.
import type { PortForward, TapNetwork } from '@rekindle/microvm';
import { InvalidArgumentError } from 'commander';

export const MIB: number = 1024 * 1024;

/** A positive whole number. */
export function positive(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < 1 || !Number.isSafeInteger(value)) {
    throw new InvalidArgumentError('must be a whole number above 0.');
  }
  return value;
}

/** `8080` (any free port of the host) or `9000:8080` (port 9000 of the host); repeatable. */
export function publish(text: string, before: readonly PortForward[] | undefined): PortForward[] {
  const match = /^(?:(\d+):)?(\d+)$/.exec(text);
  const [hostPort, guestPort] = [match?.[1], match?.[2]].map((port) =>
    port === undefined ? undefined : Number(port),
  );
  const valid = (port: number | undefined): boolean =>
    port === undefined || (port >= 1 && port <= 65_535);
  if (guestPort === undefined || !valid(guestPort) || !valid(hostPort)) {
    throw new InvalidArgumentError('must be GUESTPORT or HOSTPORT:GUESTPORT.');
  }
  return [...(before ?? []), { guestPort, hostPort }];
}

/** One of a few words. */
export function oneOf<T extends string>(words: readonly T[]): (text: string) => T {
  return (text) => {
    if (!words.includes(text as T))
      throw new InvalidArgumentError(`must be one of ${words.join(', ')}.`);
    return text as T;
  };
}

/** The path of an HTTP request. */
export function httpPath(text: string): string {
  if (!text.startsWith('/')) throw new InvalidArgumentError('must start with a slash.');
  return text;
}

/** The network of a Firecracker guest on a tap device that exists. */
export function tapNetwork(tap: string | undefined): TapNetwork | undefined {
  return tap === undefined
    ? undefined
    : { tap, hostAddress: '172.16.0.1', guestAddress: '172.16.0.2' };
}
