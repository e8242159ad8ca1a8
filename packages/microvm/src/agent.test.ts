// SPDX-License-Identifier: Apache-2.0
// The client against a scripted agent: what may come over the wire, in whatever pieces.
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AgentClient } from './agent.ts';

let directory: string;
let server: Server | undefined;
let client: AgentClient | undefined;
const peers = new Set<Socket>();

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'rekindle-agent-test-'));
});
afterEach(async () => {
  client?.close();
  for (const peer of peers) peer.destroy();
  peers.clear();
  server?.close();
  server = undefined;
  await rm(directory, { recursive: true, force: true });
});

type Answer = (request: { token: string; words: string }, socket: Socket) => void;

/** An agent that answers each line as the script says. Returns a client for it. */
async function agent(answer: Answer, options: { vsockPort?: number } = {}): Promise<AgentClient> {
  const socketPath = join(directory, 'agent.sock');
  server = createServer((socket) => {
    peers.add(socket);
    let text = '';
    socket.on('error', () => {});
    socket.on('data', (bytes) => {
      text += bytes.toString();
      for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n')) {
        const [, token = '', words = ''] = /^(@\S+) (.*)$/.exec(text.slice(0, end)) ?? [];
        const line = text.slice(0, end);
        text = text.slice(end + 1);
        answer(token === '' ? { token, words: line } : { token, words }, socket);
      }
    });
  }).listen(socketPath);
  await once(server, 'listening');
  client = new AgentClient({ socketPath, timeoutMs: 2000, ...options });
  return client;
}

describe('AgentClient', () => {
  it('reads an answer of known length', async () => {
    const it = await agent(({ token, words }, socket) =>
      socket.write(`${token} OK ${words.length}\n${words}`),
    );
    expect((await it.request('nmt 7')).toString()).toBe('nmt 7');
    expect(await it.ping()).toBe('ping');
  });

  it('reads any payload in any chunks, cut anywhere, after any rubbish', async () => {
    let wire = Buffer.alloc(0);
    let cuts: number[] = [];
    const it = await agent(({ token }, socket) => {
      const bytes = Buffer.from(wire.toString('latin1').replaceAll('@TOKEN', token), 'latin1');
      let from = 0;
      for (const cut of [...cuts, 1]) {
        const to = cut === 1 ? bytes.length : Math.min(bytes.length, from + cut);
        socket.write(bytes.subarray(from, to));
        from = to;
      }
    });
    const bytes = fc.uint8Array({ maxLength: 40 }).map((list) => Buffer.from(list));
    const chunks = fc.array(
      bytes.filter((chunk) => chunk.length > 0),
      { maxLength: 5 },
    );
    const sizes = fc.array(fc.integer({ min: 2, max: 20 }), { maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(bytes, chunks, sizes, fc.boolean(), async (rubbish, parts, at, whole) => {
        const payload = Buffer.concat(parts);
        const body = whole
          ? [Buffer.from(`@TOKEN OK ${payload.length}\n`), payload]
          : [
              Buffer.from('@TOKEN OK *\n'),
              ...parts.flatMap((part) => [Buffer.from(`${part.length}\n`), part]),
              Buffer.from('0\n'),
            ];
        wire = Buffer.concat([rubbish, ...body]);
        cuts = at;
        expect(await it.request('mappings')).toEqual(payload);
      }),
      { numRuns: 200 },
    );
  });

  it('is not misled by the rest of an answer to somebody else', async () => {
    const it = await agent(({ token }, socket) =>
      socket.write(`p 0x00 0x00 1 1\n0\n@0123456789abcdef OK 3\nold${token} OK 3\nnew`),
    );
    expect((await it.request('ping')).toString()).toBe('new');
  });

  it('passes a refusal on and stays usable', async () => {
    const it = await agent(({ token, words }, socket) =>
      socket.write(words === 'ping' ? `${token} OK 2\nhi` : `${token} ERR process 9 is no JVM\n`),
    );
    await expect(it.nativeMemory(9)).rejects.toMatchObject({
      code: 'AGENT_REFUSED',
      message: 'process 9 is no JVM',
      place: expect.stringContaining('nmt 9'),
    });
    expect(await it.ping()).toBe('hi');
    expect(peers.size).toBe(1);
  });

  it('rejects a stream that ends in an error: half a mapping is none', async () => {
    const it = await agent(({ token }, socket) =>
      socket.write(`${token} OK *\n5\nhelloERR the process went away\n`),
    );
    await expect(it.mappings()).rejects.toMatchObject({ message: 'the process went away' });
  });

  it('gives up after its time, then connects anew', async () => {
    let silent = true;
    const it = await agent(({ token }, socket) => {
      if (!silent) socket.write(`${token} OK 2\nhi`);
    });
    await expect(it.ping({ timeoutMs: 50 })).rejects.toMatchObject({ code: 'AGENT_TIMEOUT' });
    silent = false;
    expect(await it.ping()).toBe('hi');
    expect(peers.size).toBe(2);
  });

  it('connects anew after the guest went away, as at a restore', async () => {
    const it = await agent(({ token, words }, socket) => {
      if (words === 'sync') socket.destroy();
      else socket.write(`${token} OK 2\nhi`);
    });
    expect(await it.ping()).toBe('hi');
    await expect(it.sync()).rejects.toMatchObject({ code: 'AGENT_UNREACHABLE' });
    expect(await it.ping()).toBe('hi');
  });

  it('says so when there is no socket', async () => {
    client = new AgentClient({ socketPath: join(directory, 'none') });
    await expect(client.ping()).rejects.toMatchObject({
      code: 'AGENT_UNREACHABLE',
      message: expect.stringContaining('ENOENT'),
    });
  });

  it.each([
    ['OK twelve\n', 'unexpected answer'],
    ['OK 99999999999\n', 'an answer of'],
    ['OK *\nmany\n', 'unexpected chunk head'],
    [`${'x'.repeat(10_000)}\n`, 'a line of more than'],
  ])('rejects a malformed answer (%#)', async (answer, message) => {
    const it = await agent(({ token }, socket) => socket.write(`${token} ${answer}`));
    await expect(it.ping()).rejects.toMatchObject({
      code: 'AGENT_PROTOCOL',
      message: expect.stringContaining(message),
    });
  });

  it('keeps a request to one line', async () => {
    const it = await agent(() => {});
    await expect(it.request('ping\npoweroff')).rejects.toMatchObject({ code: 'AGENT_PROTOCOL' });
    await expect(it.jcmd(1, 'x'.repeat(5000))).rejects.toMatchObject({ code: 'AGENT_PROTOCOL' });
  });

  it('sends one request at a time', async () => {
    let open = 0;
    const it = await agent(({ token, words }, socket) => {
      expect(++open).toBe(1);
      setTimeout(() => {
        open--;
        socket.write(`${token} OK ${words.length}\n${words}`);
      }, 5);
    });
    const words = ['a', 'b', 'c', 'd'];
    const answers = await Promise.all(words.map((word) => it.request(word)));
    expect(answers.map(String)).toEqual(words);
  });

  it('asks Firecracker for the vsock port first', async () => {
    const seen: string[] = [];
    const it = await agent(
      ({ token, words }, socket) => {
        seen.push(words);
        socket.write(token === '' ? 'OK 1073741824\n' : `${token} OK 2\nhi`);
      },
      { vsockPort: 5252 },
    );
    expect(await it.ping()).toBe('hi');
    expect(seen).toEqual(['CONNECT 5252', 'ping']);
  });

  it('reads clocks and JVMs', async () => {
    const it = await agent(({ token, words }, socket) => {
      const text =
        words === 'clock'
          ? 'realtime 1795346725349178051\nmonotonic 8830482714\nboottime 8830488244\n'
          : '80 /usr/lib/jvm/a b/bin/java\n93 /opt/java\n';
      socket.write(`${token} OK ${text.length}\n${text}`);
    });
    expect(await it.clocks()).toEqual({
      realtime: 1795346725349178051n,
      monotonic: 8830482714n,
      boottime: 8830488244n,
    });
    expect(await it.javaProcesses()).toEqual([
      { pid: 80, executable: '/usr/lib/jvm/a b/bin/java' },
      { pid: 93, executable: '/opt/java' },
    ]);
  });
});
