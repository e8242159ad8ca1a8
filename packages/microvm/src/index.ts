// SPDX-License-Identifier: Apache-2.0

export { type AcceleratorQuestion, chooseAccelerator } from './accelerator.ts';
export type { AgentOptions, GuestClocks } from './agent.ts';
export { AgentClient } from './agent.ts';
export type { AgentErrorCode } from './agent-error.ts';
export { AgentError } from './agent-error.ts';
export { type AttachedVm, attachVm } from './attach.ts';
export { findBinary } from './binary.ts';
export { checkMachineSize } from './boot-spec.ts';
export type { BuildOptions, BuildProgress, CacheEntry, CacheRecord } from './cache.ts';
export { cacheDirectory, hashFile, listCache } from './cache.ts';
export type { BuildErrorCode } from './cache-error.ts';
export { BuildError } from './cache-error.ts';
export type {
  Accelerator,
  AcceleratorChoice,
  AgentChannel,
  BootSpec,
  BootWatchdog,
  Endpoint,
  Engine,
  EngineName,
  EngineProbe,
  GuestFile,
  GuestFiles,
  Machine,
  MachineExit,
  MachineIdentity,
  MachineStats,
  MemoryBackend,
  MemoryRegion,
  PortForward,
} from './engine.ts';
export { chooseEngine, type EngineChoice, type EngineQuestion } from './engine-choice.ts';
export { MicrovmError, type MicrovmErrorCode, requireWritable } from './error.ts';
export { FirecrackerEngine, type FirecrackerOptions, type TapNetwork } from './firecracker.ts';
export { type HttpAnswer, type HttpProbeOptions, waitForHttp } from './http-probe.ts';
export type { Image, ImageOptions } from './image.ts';
export { ensureImage } from './image.ts';
export type { Initramfs, InitramfsOptions } from './initramfs.ts';
export { ensureInitramfs } from './initramfs.ts';
export type { Kernel, KernelOptions } from './kernel.ts';
export { ensureKernel } from './kernel.ts';
export { millisecondsSince, monotonicNow, NO_LOG, type VmLog, type VmPhaseName } from './log.ts';
export { type FileRecord, MANIFEST_FORMAT, type Manifest, parseManifest } from './manifest.ts';
export { own } from './owned.ts';
export { QemuEngine, type QemuOptions } from './qemu.ts';
export { type RecordingVmLog, recordingVmLog } from './recording-log.ts';
export {
  type RestoredVm,
  type RestoreOptions,
  type RestorePolicy,
  type RestoreTimings,
  restoreVm,
} from './restore.ts';
export {
  openSnapshot,
  type SnapshotOnDisk,
  type Verified,
  type VerifyOptions,
  verifySnapshot,
} from './snapshot-read.ts';
export { type SnapshotOptions, writeSnapshot } from './snapshot-write.ts';
export { listRecords, stateRoot, type VmRecord, vmDirectory } from './state-directory.ts';
export {
  type BootedVm,
  type BootOptions,
  bootVm,
  type ServiceProbe,
  type SnapshotTaken,
  type SnapshotVmOptions,
  serviceUrl,
  snapshotVm,
} from './vm.ts';
