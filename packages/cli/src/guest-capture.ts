// SPDX-License-Identifier: Apache-2.0
// Asks a running guest who owns which page: its mappings, its page frames, and what every JVM in it
// knows of its own memory.
import { type GuestTextsResult, type JvmTexts, readGuestTexts } from '@rekindle/memory';
import { type AgentChannel, AgentClient } from '@rekindle/microvm';

export interface Capture extends GuestTextsResult {
  /** The texts as the guest gave them. */
  readonly mappings: Buffer;
  readonly jvms: readonly JvmTexts[];
}

/** Throws AgentError where the guest does not answer. */
export async function captureGuest(channel: AgentChannel): Promise<Capture> {
  const agent = new AgentClient({
    socketPath: channel.socketPath,
    timeoutMs: 120_000,
    ...(channel.port === undefined ? {} : { vsockPort: channel.port }),
  });
  try {
    const jvms: JvmTexts[] = [];
    for (const { pid } of await agent.javaProcesses()) {
      jvms.push({
        pid,
        nativeMemory: await agent.nativeMemory(pid),
        codeList: await agent.jcmd(pid, 'Compiler.codelist'),
      });
    }
    // The JVM's answers touch memory, so the page tables are read after them.
    const mappings = await agent.mappings();
    const frames = await agent.frames();
    return { ...readGuestTexts({ mappings, frames, jvms }), mappings, jvms };
  } finally {
    agent.close();
  }
}
