// SPDX-License-Identifier: Apache-2.0
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  configureRecorder,
  eventHandle,
  now,
  OutsideRecorder,
  parseStartOptions,
  type RemoteControl,
  startRemoteControl,
} from './index.ts';
import { authorized } from './remote/http-server.ts';
import { counts, JDKS } from './testing/jdk.ts';

const Beat = {
  name: 'test.Beat',
  label: 'Beat',
  category: ['Test'],
  stackTrace: true,
  fields: [{ name: 'text', type: 'java.lang.String', label: 'Text' }],
} as const;

const TESTING = fileURLToPath(new URL('./testing/', import.meta.url));
const BEAN = 'jdk.management.jfr:type=FlightRecorder';

let directory: string;
let remote: RemoteControl;
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'remote-'));
  configureRecorder({ repository: directory });
  remote = await startRemoteControl({ http: { files: directory, token: 'a-token', user: 'jmc' } });
});
afterAll(async () => {
  await remote.close();
  rmSync(directory, { recursive: true, force: true });
});

// biome-ignore lint/suspicious/noExplicitAny: whatever the server says
async function post(body: unknown, query = ''): Promise<any> {
  const response = await fetch(`${remote.url}${query}`, {
    method: 'POST',
    headers: { authorization: 'Bearer a-token' },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
  return response.status === 200 ? response.json() : { http: response.status };
}

// biome-ignore lint/suspicious/noExplicitAny: whatever the operation answers
async function exec(operation: string, ...args: unknown[]): Promise<any> {
  const answer = await post({ type: 'exec', mbean: BEAN, operation, arguments: args });
  if (answer.status !== 200) throw new Error(`${answer.status} ${answer.error}`);
  return answer.value;
}

describe('the Jolokia endpoint', () => {
  it('answers what the real clients of JDK 17 and 25 were seen to ask', async () => {
    const log = readFileSync(join(TESTING, 'jolokia-wire-log.txt'), 'utf8').trim().split('\n');
    const beats = eventHandle(Beat);
    let recording = 0;
    let stream = 0;
    let bytes = 0;
    let requests = 0;
    for (let line = 0; line < log.length; line += 2) {
      const query = /POST \/jolokia(\?\S*)/.exec(log[line + 1]!)![1]!;
      const words = /^(\w+) (\S*) (.*)$/.exec(log[line]!)!;
      const [, type, target, rest] = words as unknown as [string, string, string, string];
      let request: Record<string, unknown> = { type };
      if (type === 'list') request.path = target;
      if (type === 'read') request = { type, mbean: target, attribute: rest.split(' ')[0] };
      if (type === 'exec') {
        const [, operation, args] = /^(\S+) (.*)$/.exec(rest)!;
        const list = args === '""' ? [] : (JSON.parse(args!) as unknown[]);
        if (list.length > 0) list[0] = operation!.startsWith('readStream') ? stream : recording;
        request = { type, mbean: target, operation, arguments: list };
      }
      const answer = await post(request, query);
      requests++;
      expect(answer.status, log[line]).toBe(200);
      if (rest.startsWith('newRecording')) recording = answer.value;
      if (rest.startsWith('openStream')) stream = answer.value;
      if (rest.startsWith('startRecording')) beats.commit(now(), 'in the stream');
      if (rest.startsWith('readStream')) {
        bytes += answer.value.length;
        if (answer.value.length === 0) await new Promise((resolve) => setTimeout(resolve, 100));
      }
      if (type === 'list') {
        expect(Object.keys(answer.value.op)).toHaveLength(16);
        expect(Object.keys(answer.value.attr)).toHaveLength(4);
      }
    }
    expect(requests).toBeGreaterThan(30);
    expect(bytes).toBeGreaterThan(10_000);
  });

  it('gives a recording in the order in which JMC asks for one', async () => {
    const types = (await post({ type: 'read', mbean: BEAN, attribute: 'EventTypes' })).value;
    expect(types.map(({ name }: { name: string }) => name)).toContain('test.Beat');
    const id = await exec('newRecording()');
    await exec('setRecordingOptions(long,javax.management.openmbean.TabularData)', id, {
      name: 'from JMC',
      maxSize: '10000000',
      maxAge: '1 h',
    });
    await exec('setPredefinedConfiguration(long,java.lang.String)', id, 'profile');
    await exec('setRecordingSettings(long,javax.management.openmbean.TabularData)', id, {
      'test.Beat#enabled': 'true',
      'jdk.CPULoad#enabled': 'true',
      'jdk.CPULoad#period': '100 ms',
    });
    await exec('startRecording(long)', id);
    const beats = eventHandle(Beat);
    for (let beat = 0; beat < 500; beat++) beats.commit(now(), `beat ${beat}`);
    const { value: running } = await post({ type: 'read', mbean: BEAN, attribute: 'Recordings' });
    expect(running.find((info: { id: number }) => info.id === id)).toMatchObject({
      name: 'from JMC',
      state: 'RUNNING',
      maxAge: 3600,
      maxSize: 10_000_000,
    });
    await expect(exec('openStream', id, {})).rejects.toThrow(/must be stopped/);
    const clone = await exec('cloneRecording(long,boolean)', id, true);
    const stream = await exec('openStream', clone, { blockSize: '3000' });
    const parts: Buffer[] = [];
    for (;;) {
      const block = await exec('readStream(long)', stream);
      if (block === null) break;
      expect(block.length).toBeLessThanOrEqual(3000);
      parts.push(Buffer.from(Int8Array.from(block).buffer));
    }
    await exec('closeStream(long)', stream);
    await exec('copyTo(long,java.lang.String)', clone, 'copy.jfr');
    const file = join(directory, 'streamed.jfr');
    writeFileSync(file, Buffer.concat(parts));
    expect(Buffer.concat(parts).equals(readFileSync(join(directory, 'copy.jfr')))).toBe(true);
    for (const jdk of JDKS) {
      expect(counts(jdk, file).get('test.Beat')).toBe(500);
      expect(counts(jdk, file).get('jdk.CPULoad')).toBeGreaterThan(0);
    }
    await exec('closeRecording(long)', clone);
    await exec('closeRecording(long)', id);
    const { value: left } = await post({ type: 'read', mbean: BEAN, attribute: 'Recordings' });
    expect(left.map((info: { id: number }) => info.id)).not.toContain(id);
  });

  it.each(JDKS)(
    'feeds the RemoteRecordingStream of JDK $version',
    async ({ home }) => {
      const beats = eventHandle(Beat);
      const timer = setInterval(() => beats.commit(now(), 'a text in the pool of strings'), 20);
      const java = spawn(join(home, 'bin/java'), [
        join(TESTING, 'programs/Remote.java'),
        remote.url!,
        remote.token!,
        '50',
      ]);
      const lines: string[] = [];
      createInterface({ input: java.stdout }).on('line', (line) => lines.push(line));
      createInterface({ input: java.stderr }).on('line', (line) => lines.push(`! ${line}`));
      await new Promise((resolve) => java.once('close', resolve));
      clearInterval(timer);
      expect(lines.at(-1)).toBe('done');
      expect(lines.filter((line) => line.startsWith('a text in the pool')).length).toBeGreaterThan(
        49,
      );
    },
    90_000,
  );

  it('wants a credential', async () => {
    const status = async (authorization?: string): Promise<number> => {
      const headers = authorization === undefined ? {} : { authorization };
      return (await fetch(remote.url!, { method: 'POST', headers, body: '{}' })).status;
    };
    const basic = (text: string): string => `Basic ${Buffer.from(text).toString('base64')}`;
    expect(await status()).toBe(401);
    expect(await status('Bearer wrong')).toBe(401);
    expect(await status(basic('jmc:wrong'))).toBe(401);
    expect(await status(basic('other:a-token'))).toBe(401);
    expect(await status(basic('jmc:a-token'))).toBe(200);
    expect(authorized('Basic !!!', { token: 'x' })).toBe(false);
    expect(new URL(remote.url!).hostname).toBe('127.0.0.1');
  });

  it('does not write, read or take what it should not', async () => {
    const id = await exec('newRecording()');
    await exec('startRecording(long)', id);
    for (const name of ['/etc/passwd', '../escaped.jfr', '.', '', 'a\0b']) {
      await expect(exec('copyTo', id, name), name).rejects.toThrow(/^403/);
    }
    await expect(exec('setRecordingOptions', id, { destination: '/tmp/x' })).rejects.toThrow(/403/);
    await expect(exec('setPredefinedConfiguration', id, '/etc/hosts')).rejects.toThrow(/403/);
    const bomb = '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><configuration/>';
    await expect(exec('setConfiguration', id, bomb)).rejects.toThrow(/document types/);
    await expect(exec('readStream', 4711)).rejects.toThrow(/no stream/);
    await expect(exec('openStream', id, { blockSize: '-1' })).rejects.toThrow(/block size/);
    await exec('closeRecording', id);
    expect(await post('x'.repeat(5 << 20))).toEqual({ http: 413 });
    expect((await post('not json')).status).toBe(400);
    expect((await post({ type: 'exec', mbean: 'a:b=c', operation: 'x' })).status).toBe(404);
    expect((await post({ type: 'exec', mbean: BEAN, operation: 'constructor' })).status).toBe(404);
    expect((await post(Array(101).fill({ type: 'version' }))).status).toBe(400);
    const bulk = await post([{ type: 'version' }, { type: 'search', mbean: '*:*' }]);
    expect(bulk.map(({ status }: { status: number }) => status)).toEqual([200, 200]);
  });
});

describe('a process driven from outside', () => {
  it('is recorded though it knows nothing of the recorder, even while it is busy', async () => {
    const program =
      'let n = 0; function spin() { const t = Date.now() + 200; while (Date.now() < t) n++; setTimeout(spin, 5); } spin(); setTimeout(() => process.exit(), 20000);';
    const child = spawn(process.execPath, ['-e', program], { stdio: 'ignore' });
    try {
      const pid = child.pid!;
      await new Promise((resolve) => setTimeout(resolve, 500));
      await expect(OutsideRecorder.open(pid)).rejects.toThrow(/has no recorder/);
      const recorder = await OutsideRecorder.open(pid, { inject: true });
      const options = parseStartOptions('settings=profile,name=outside');
      const { id } = await recorder.start(options);
      expect(await recorder.check()).toMatchObject([{ id, name: 'outside', state: 'running' }]);
      await new Promise((resolve) => setTimeout(resolve, 3500));
      const dumped = join(directory, 'dumped.jfr');
      await recorder.dump(id, dumped);
      await recorder.stop(id, join(directory, 'stopped.jfr'));
      expect(await recorder.check()).toEqual([]);
      for (const jdk of JDKS) {
        expect(counts(jdk, dumped).get('jdk.ExecutionSample')).toBeGreaterThan(20);
        expect(counts(jdk, join(directory, 'stopped.jfr')).get('jdk.CPULoad')).toBeGreaterThan(1);
      }
    } finally {
      child.kill('SIGKILL');
    }
  }, 60_000);

  it('says which process cannot be reached', async () => {
    await expect(OutsideRecorder.open(2 ** 22 + 1)).rejects.toThrow(/ESRCH/);
  });
});
