// SPDX-License-Identifier: Apache-2.0
// From the texts that tools inside a guest print to its `GuestMemory`, in one call.
import { CodeListParser, PerfMapParser } from './compiled-code.ts';
import { MemoryError } from './error.ts';
import type { GuestMemory } from './guest-memory.ts';
import { GuestMemoryBuilder } from './guest-memory-builder.ts';
import { NO_METHODS } from './jvm-layout.ts';
import { parseText, type UnknownLines } from './lines.ts';
import { MappingsParser } from './mappings.ts';
import { NativeMemoryParser } from './native-memory.ts';

type Text = string | Uint8Array;

/** What one JVM of the guest printed of itself. */
export interface JvmTexts {
  /** Its process id, where the text of native memory tracking does not begin with it. */
  readonly pid?: number;
  /** `VM.native_memory detail`. */
  readonly nativeMemory: Text;
  /** `Compiler.codelist`. */
  readonly codeList?: Text;
  /** The file that `Compiler.perfmap` wrote; used where there is no code list. */
  readonly perfMap?: Text;
}

export interface GuestTexts {
  /** What the mapping tool printed. */
  readonly mappings: Text;
  /** What it printed of all page frames, where that is a text of its own. */
  readonly frames?: Text;
  readonly jvms?: readonly JvmTexts[];
  readonly maxPhysicalBytes?: number;
}

/** Lines that were not understood, by text. Texts that were understood to the end are left out. */
export interface TextReport {
  readonly text: keyof JvmTexts | 'mappings' | 'frames';
  readonly unknown: UnknownLines;
}

export interface GuestTextsResult {
  readonly memory: GuestMemory;
  readonly reports: readonly TextReport[];
}

/** Reads the texts of one guest, all taken at the same moment. */
export function readGuestTexts(texts: GuestTexts): GuestTextsResult {
  const reports: TextReport[] = [];
  const builder = new GuestMemoryBuilder(
    texts.maxPhysicalBytes === undefined ? {} : { maxPhysicalBytes: texts.maxPhysicalBytes },
  );
  const keep = <T extends { unknown: UnknownLines }>(text: TextReport['text'], result: T): T => {
    if (result.unknown.count > 0) reports.push({ text, unknown: result.unknown });
    return result;
  };
  // Frames first: what the mapping text says of the kernel's image is finer and replaces it.
  if (texts.frames !== undefined) {
    keep('frames', parseText(new MappingsParser(builder), texts.frames));
  }
  keep('mappings', parseText(new MappingsParser(builder), texts.mappings));
  for (const jvm of texts.jvms ?? []) {
    const native = keep('nativeMemory', parseText(new NativeMemoryParser(), jvm.nativeMemory));
    const compiled =
      jvm.codeList !== undefined
        ? keep('codeList', parseText(new CodeListParser(), jvm.codeList))
        : jvm.perfMap !== undefined
          ? keep('perfMap', parseText(new PerfMapParser(), jvm.perfMap))
          : undefined;
    const pid = jvm.pid ?? native.pid ?? onlyJava(builder);
    builder.addJvm(pid, native.regions, compiled?.methods ?? NO_METHODS);
  }
  return { memory: builder.build(), reports };
}

function onlyJava(builder: GuestMemoryBuilder): number {
  const java = builder.processes.filter(({ name }) => name === 'java');
  if (java.length === 1) return java[0]!.pid;
  throw new MemoryError(
    'not-this-format',
    `native memory tracking of no process id, and ${java.length} java processes it may be of`,
    { line: 1 },
    'give the process id, or the text as jcmd prints it with the process id on its first line',
  );
}
