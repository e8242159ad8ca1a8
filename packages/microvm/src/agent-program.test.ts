// SPDX-License-Identifier: Apache-2.0
// The guest's agent itself, compiled and run on this host: its answers against /proc read
// independently, and against the JDK's own jcmd.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  readSync,
  rmSync,
} from 'node:fs';
import { tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { setTimeout as rest } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { whichTool } from './cache-process.ts';
import { ensurePrograms, guestDirectory } from './image-programs.ts';

const root = process.getuid?.() === 0 && existsSync('/proc/kpageflags');
if (!root) console.log('not root, or no /proc/kpageflags: mappings are not checked');
const small = totalmem() < 2 ** 36;
if (!small) console.log('more than 64 GiB of memory: its page frames are not listed');
const jdk = whichTool('java') !== undefined && whichTool('jcmd') !== undefined;
if (!jdk) console.log('no JDK: the attach protocol is not checked');

let agent: string;
beforeAll(async () => {
  agent = join((await ensurePrograms()).directory, 'agent');
}, 60_000);

/** The payload of the answer, whichever way it is framed. */
function ask(...words: string[]): string {
  const bytes = execFileSync(agent, words, { maxBuffer: 1 << 30 });
  const end = bytes.indexOf(10);
  const head = bytes.toString('latin1', 0, end);
  if (head !== 'OK *') {
    const length = Number(/^OK (\d+)$/.exec(head)?.[1] ?? Number.NaN);
    expect(bytes.length, head).toBe(end + 1 + length);
    return bytes.toString('utf8', end + 1);
  }
  const parts: Buffer[] = [];
  for (let at = end + 1; ; ) {
    const newline = bytes.indexOf(10, at);
    const length = Number(bytes.toString('latin1', at, newline));
    if (length === 0) {
      expect(newline).toBe(bytes.length - 1);
      return Buffer.concat(parts).toString('utf8');
    }
    parts.push(bytes.subarray(newline + 1, newline + 1 + length));
    at = newline + 1 + length;
  }
}

/** What C's `%#018lx` prints. */
const hex = (value: bigint) =>
  value === 0n ? '0'.repeat(18) : `0x${value.toString(16).padStart(16, '0')}`;

/** The lines for one process, from /proc, page by page. */
function expectedLines(pid: number): string[] {
  const lines = [`= ${pid} ${readlinkSync(`/proc/${pid}/exe`)}`];
  const pagemap = openSync(`/proc/${pid}/pagemap`, 'r');
  const entry = Buffer.alloc(8);
  for (const line of readFileSync(`/proc/${pid}/maps`, 'utf8').trimEnd().split('\n')) {
    const [, from, to] = /^([0-9a-f]+)-([0-9a-f]+) /.exec(line)!;
    const [start, end] = [BigInt(`0x${from}`), BigInt(`0x${to}`)];
    const name = line.slice(line.lastIndexOf(' ') + 1);
    lines.push(`v ${hex(start)} ${hex(end)}${name && ` ${name}`}`);
    for (let page = start; page < end; page += 4096n) {
      if (page >> 47n) break; // the vsyscall page: no address of the process's own
      if (readSync(pagemap, entry, 0, 8, Number(page >> 9n)) !== 8) break;
      const bits = entry.readBigUInt64LE();
      if (!(bits >> 63n)) continue;
      const frame = (bits & ((1n << 55n) - 1n)) * 4096n;
      lines.push(`p ${hex(page)} ${hex(frame)} ${(bits >> 56n) & 1n} ${(bits >> 61n) & 1n}`);
    }
  }
  closeSync(pagemap);
  return lines;
}

/** Sections of the mem_mapping text by the pid in their `=` line. */
function sections(text: string): Map<number, string[]> {
  const found = new Map<number, string[]>();
  for (const section of text.split(/^(?== )/m)) {
    found.set(Number(/^= (-?\d+) /.exec(section)?.[1]), section.trimEnd().split('\n'));
  }
  return found;
}

describe.runIf(root)('mappings', () => {
  let sleeper: ChildProcess;
  let found: Map<number, string[]>;
  beforeAll(async () => {
    // Something that sits still, so that two readings see the same pages.
    sleeper = spawn('sleep', ['1000'], { stdio: 'ignore' });
    await rest(200);
    found = sections(ask('mappings'));
  });
  afterAll(() => sleeper.kill());

  it('say of a process what /proc says', () => {
    const lines = found.get(sleeper.pid!);
    expect(lines).toEqual(expectedLines(sleeper.pid!));
    expect(lines!.filter((line) => line.startsWith('p ')).length).toBeGreaterThan(100);
  });

  it('hold the kernel by ranges of /proc/iomem and its pages by flags', () => {
    const kernel = found.get(0)!;
    expect(kernel[0]).toBe('= 0 kernel');
    const ranges = [...readFileSync('/proc/iomem', 'utf8').matchAll(/(\S+)-(\S+) : (Kernel .*)/g)];
    const expected = ranges.map(([, from, to, name]) => {
      const end = ((BigInt(`0x${to}`) + 4096n) / 4096n) * 4096n;
      return `v ${hex(BigInt(`0x${from}`))} ${hex(end)} ${name}`;
    });
    expect(expected.length).toBeGreaterThan(0);
    expect(kernel.filter((line) => line.startsWith('v '))).toEqual(expected);
    const pages = kernel.filter((line) => /^p 0x[0-9a-f]{16} (0x[0-9a-f]{16}|0{18})$/.test(line));
    expect(pages.length).toBe(kernel.length - 1 - expected.length);
  });

  it('hold the page cache: frames on disk and not anonymous', () => {
    const cache = found.get(-1)!;
    expect(cache[0]).toBe('= -1 pagecache');
    expect(cache[1]).toMatch(/^v 0{18} 0x[0-9a-f]{16} \/proc\/kpageflags$/);
    const flags = cache.slice(2).map((line) => BigInt(line.split(' ')[2]!));
    expect(flags.length).toBeGreaterThan(100);
    expect(flags.every((bits) => (bits >> 34n) & 1n && !((bits >> 12n) & 1n))).toBe(true);
  });

  it('leave kernel threads and the agent out', () => {
    const executables = [...found.values()].map(([head]) => head!.replace(/^= \S+ /, ''));
    expect(executables).not.toContain(agent);
    expect(found.has(process.pid)).toBe(true);
    expect(executables.every((path) => path.length > 0)).toBe(true);
  });

  it.runIf(small)('come with frames: runs that cover memory without a gap', () => {
    let next = 0n;
    for (const line of ask('frames').trimEnd().split('\n')) {
      const [, start, pages] = /^f (\S+) (\d+) \S+$/.exec(line)!;
      expect(BigInt(start!)).toBe(next);
      next += BigInt(pages!) * 4096n;
    }
    expect(next).toBe(BigInt(found.get(-1)![1]!.split(' ')[2]!));
  });
});

describe.runIf(jdk)('a JVM', () => {
  let jvm: ChildProcess;
  const classes = mkdtempSync(join(tmpdir(), 'rekindle-classes-'));
  beforeAll(async () => {
    const sources = join(guestDirectory, 'service/orders/src/dev/rekindle/demo');
    const files = readdirSync(sources).map((name) => join(sources, name));
    execFileSync('javac', ['-d', classes, ...files]);
    const flags = ['-XX:+UseSerialGC', '-XX:NativeMemoryTracking=detail', '-Drekindle.port=0'];
    jvm = spawn('java', [...flags, '-Xmx64m', '-cp', classes, 'dev.rekindle.demo.Orders'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(jvm.stdout!, 'data');
  }, 60_000);
  afterAll(() => {
    jvm.kill();
    rmSync(classes, { recursive: true, force: true });
  });

  it('is listed', () => {
    expect(ask('java-pids')).toMatch(new RegExp(`^${jvm.pid} \\S+/java$`, 'm'));
  });

  it('answers as it answers jcmd', () => {
    const pid = String(jvm.pid);
    for (const command of ['VM.version', 'VM.command_line', 'help', 'VM.flags -all']) {
      const theirs = execFileSync('jcmd', [pid, ...command.split(' ')], { encoding: 'utf8' });
      expect(ask('jcmd', pid, ...command.split(' '))).toBe(theirs);
    }
  });

  it('tells its native memory, with ranges', () => {
    const text = ask('nmt', String(jvm.pid));
    expect(text).toMatch(/^\d+:\n/);
    expect(text).toContain('Virtual memory map:');
    expect(text).toMatch(
      /^\[0x[0-9a-f]+ - 0x[0-9a-f]+\] reserved (and committed )?\d+KB for Java Heap from/m,
    );
  });

  it('says why not', () => {
    const pid = String(jvm.pid);
    expect(execFileSync(agent, ['jcmd', pid, 'No.such'], { encoding: 'utf8' })).toMatch(
      /^ERR jcmd No\.such: code -1: java\.lang\.IllegalArgumentException: Unknown diagnostic/,
    );
    expect(execFileSync(agent, ['nmt', String(process.pid)], { encoding: 'utf8' })).toMatch(
      /^ERR process \d+ is no JVM/,
    );
  });
});

describe('requests', () => {
  const raw = (...words: string[]) => execFileSync(agent, words, { encoding: 'utf8' });

  it.each([
    [['nonsense'], 'ERR unknown request "nonsense"\n'],
    [['jcmd'], 'ERR a process id is wanted, not ""\n'],
    [['nmt', '-1'], 'ERR a process id is wanted, not "-1"\n'],
    [['nmt', '12x'], 'ERR a process id is wanted, not "12x"\n'],
    [
      ['jcmd', '999999999', 'VM.version'],
      'ERR process 999999999 is no JVM, or one that has not started yet\n',
    ],
    [['reseed', 'xyz'], 'ERR reseed wants 1 to 512 bytes in hexadecimal\n'],
    [['reseed', 'abc'], 'ERR reseed wants 1 to 512 bytes in hexadecimal\n'],
    [['@token', 'ping'], '@token OK 17\nrekindle-agent 1\n'],
    [['@token', 'nonsense'], '@token ERR unknown request "nonsense"\n'],
  ])('%j', (words, answer) => {
    expect(raw(...words)).toBe(answer);
  });

  it('tell the clocks', () => {
    const before = BigInt(Date.now()) * 1_000_000n - 1_000_000n;
    const [, realtime, monotonic] = /^realtime (\d+)\nmonotonic (\d+)\n/.exec(ask('clock'))!;
    expect(BigInt(realtime!)).toBeGreaterThan(before);
    expect(BigInt(realtime!)).toBeLessThan(before + 10_000_000_000n);
    expect(BigInt(monotonic!)).toBeLessThanOrEqual(process.hrtime.bigint());
  });
});
