// SPDX-License-Identifier: Apache-2.0
// Runs the tools a build needs. They live in a process group of their own, so that an
// interrupted build can end a tool with all its children.
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { BuildError, diskFull } from './cache-error.ts';

export interface CommandOptions {
  /** What to call the tool in messages, where another one starts it; default: the first word. */
  readonly name?: string;
  readonly cwd?: string;
  /** Added to the environment. Messages are always in the C locale. */
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string;
  readonly signal?: AbortSignal;
  /** Called for each line on stderr. */
  readonly onLine?: (line: string) => void;
}

/** Which Debian or Ubuntu package holds a tool, where it is not the tool's own name. */
const packageOf: Readonly<Record<string, string>> = {
  cc: 'gcc libc6-dev',
  javac: 'openjdk-17-jdk-headless (or a later one)',
  mke2fs: 'e2fsprogs',
  'dpkg-deb': 'dpkg',
  'apt-get': 'apt',
  'apt-cache': 'apt',
  xz: 'xz-utils',
};

const running = new Map<ChildProcess, Promise<unknown>>();

/** Ends every tool that is running, with its children, and waits until they have gone. */
export async function endCommands(limitMs: number): Promise<void> {
  for (const child of running.keys()) endGroup(child, 'SIGTERM');
  const gone = Promise.allSettled(running.values());
  const late = new Promise((resolve) => setTimeout(resolve, limitMs).unref());
  await Promise.race([gone, late]);
  for (const child of running.keys()) endGroup(child, 'SIGKILL');
}

function endGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, signal);
  } catch {
    // It ended on its own in the meantime.
  }
}

// A build killed with SIGKILL cannot clean up: the kernel ends the tool then.
const pdeathsig: readonly string[] = existsSync('/usr/bin/setpriv')
  ? ['/usr/bin/setpriv', '--pdeathsig', 'TERM', '--']
  : [];

/**
 * Runs a command and returns what it wrote to stdout.
 * @throws BuildError TOOL_MISSING, DISK_FULL, ABORTED or
 *   COMMAND_FAILED (with the last lines of stderr).
 */
export async function runCommand(
  command: readonly [string, ...string[]],
  options: CommandOptions = {},
): Promise<string> {
  const tool = findTool(command[0]);
  const place = command.join(' ');
  const name = options.name ?? command[0];
  if (options.signal?.aborted) throw aborted(place);
  const argv = [...pdeathsig, tool, ...command.slice(1)];
  const child = spawn(argv[0]!, argv.slice(1), {
    cwd: options.cwd,
    env: { ...process.env, LC_ALL: 'C.UTF-8', ...options.env },
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: true,
  });
  const collected = collect(child, options);
  running.set(child, collected);
  const abort = (): void => endGroup(child, 'SIGTERM');
  options.signal?.addEventListener('abort', abort, { once: true });
  try {
    const { code, stdout, stderr } = await collected;
    if (options.signal?.aborted) throw aborted(place);
    if (code === 0) return stdout;
    if (/No space left on device|Disk quota exceeded/.test(stderr)) {
      throw diskFull(name, place);
    }
    throw new BuildError(
      'COMMAND_FAILED',
      `${name} failed (${code}):\n${stderr.trim().split('\n').slice(-12).join('\n')}`,
      place,
      'Run the command by hand to see all it says.',
    );
  } finally {
    options.signal?.removeEventListener('abort', abort);
    running.delete(child);
  }
}

/** The full path of a tool, looked for in PATH and the administrator's directories. */
export function findTool(name: string): string {
  if (name.includes('/')) return name;
  const found = whichTool(name);
  if (found !== undefined) return found;
  throw new BuildError(
    'TOOL_MISSING',
    `${name} is not installed`,
    name,
    `sudo apt-get install ${packageOf[name] ?? name}`,
  );
}

/** As {@link findTool}, but undefined where there is none. */
export function whichTool(name: string): string | undefined {
  const directories = `${process.env.PATH ?? ''}:/usr/local/sbin:/usr/sbin:/sbin`.split(':');
  return directories
    .filter((directory) => directory.startsWith('/'))
    .map((directory) => `${directory}/${name}`)
    .find((path) => existsSync(path));
}

function aborted(place: string): BuildError {
  return new BuildError('ABORTED', `interrupted: ${place}`, place, 'Run it again.');
}

function collect(
  child: ChildProcess,
  options: CommandOptions,
): Promise<{ code: number | string; stdout: string; stderr: string }> {
  return new Promise((resolve, reject) => {
    const out: Buffer[] = [];
    let stderr = '';
    let line = '';
    child.stdout!.on('data', (bytes: Buffer) => out.push(bytes));
    child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      stderr = (stderr + text).slice(-65536);
      const lines = (line + text).split('\n');
      line = lines.pop() ?? '';
      for (const whole of lines) options.onLine?.(whole);
    });
    child.on('error', reject);
    child.on('close', (code, signal) =>
      resolve({ code: code ?? signal ?? 'unknown', stdout: Buffer.concat(out).toString(), stderr }),
    );
    // A tool that ends without reading its input is judged by its exit code, not by EPIPE.
    child.stdin!.on('error', () => {});
    child.stdin!.end(options.input ?? '');
  });
}
