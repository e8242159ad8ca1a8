// SPDX-License-Identifier: Apache-2.0
import { existsSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  closeDescriptor,
  connectUnix,
  DescriptorChannel,
  POLL_HANGUP,
  POLL_IN,
  PollSet,
  peerCredentials,
  SystemError,
  UnixListener,
} from './index.ts';

let directory: string;
let listener: UnixListener;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'rekindle-linux-'));
  listener = UnixListener.listen(join(directory, 'socket'));
});

afterEach(() => {
  listener.close();
  rmSync(directory, { recursive: true, force: true });
});

function pair(): [number, number] {
  const client = connectUnix(listener.path);
  const server = listener.accept();
  if (server === undefined) throw new Error('no connection');
  return [client, server];
}

describe('Unix sockets', () => {
  it('carry descriptors beside text; the receiver owns a duplicate', () => {
    const [client, server] = pair();
    const path = join(directory, 'file');
    writeFileSync(path, 'through the socket');
    const fd = openSync(path, 'r');
    const channel = new DescriptorChannel();
    expect(channel.send(client, Buffer.from('hello'), [fd, fd])).toBe(5);
    closeDescriptor(fd);
    const received = channel.receive(server);
    expect(received?.length).toBe(5);
    expect(Buffer.from(channel.buffer.subarray(0, 5)).toString()).toBe('hello');
    expect(received?.descriptors).toHaveLength(2);
    const [first, second] = received!.descriptors;
    expect(readFileSync(first!, 'utf8')).toBe('through the socket');
    for (const descriptor of [first!, second!, client, server]) closeDescriptor(descriptor);
  });

  it('tell nothing yet, text, and the end apart', () => {
    const [client, server] = pair();
    const channel = new DescriptorChannel();
    expect(channel.receive(server)).toBeUndefined();
    channel.send(client, Buffer.from('x'));
    expect(channel.receive(server)).toEqual({ length: 1, descriptors: [] });
    const poll = new PollSet([server]);
    expect(poll.wait(0)).toBe(0);
    closeDescriptor(client);
    expect(poll.wait(1000)).toBe(1);
    expect(poll.events(0) & (POLL_IN | POLL_HANGUP)).toBe(POLL_IN | POLL_HANGUP);
    expect(channel.receive(server)).toEqual({ length: 0, descriptors: [] });
    closeDescriptor(server);
  });

  it('know who is at the other end', () => {
    const [client, server] = pair();
    expect(peerCredentials(server)).toEqual({
      pid: process.pid,
      uid: process.getuid?.(),
      gid: process.getgid?.(),
    });
    closeDescriptor(client);
    closeDescriptor(server);
  });

  it('refuse a taken path, a long one and a missing one, and clean up behind them', () => {
    expect(() => UnixListener.listen(listener.path)).toThrow(
      expect.objectContaining({ code: 'EADDRINUSE', place: listener.path }),
    );
    expect(() => UnixListener.listen(`/${'x'.repeat(107)}`)).toThrow(
      expect.objectContaining({ code: 'ENAMETOOLONG' }),
    );
    expect(() => connectUnix(join(directory, 'nobody'))).toThrow(SystemError);
    listener.close();
    expect(existsSync(listener.path)).toBe(false);
    listener.close();
  });
});
