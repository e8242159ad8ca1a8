// SPDX-License-Identifier: Apache-2.0

export type { AgentOptions, GuestClocks } from './agent.ts';
export { AgentClient } from './agent.ts';
export type { AgentErrorCode } from './agent-error.ts';
export { AgentError } from './agent-error.ts';
export type { BuildOptions, BuildProgress, CacheEntry, CacheRecord } from './cache.ts';
export { cacheDirectory, hashFile, listCache } from './cache.ts';
export type { BuildErrorCode } from './cache-error.ts';
export { BuildError } from './cache-error.ts';
export type { Image, ImageOptions } from './image.ts';
export { ensureImage } from './image.ts';
export type { Initramfs, InitramfsOptions } from './initramfs.ts';
export { ensureInitramfs } from './initramfs.ts';
export type { Kernel, KernelOptions } from './kernel.ts';
export { ensureKernel } from './kernel.ts';
