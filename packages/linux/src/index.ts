// SPDX-License-Identifier: Apache-2.0
export { Arena, type Block, loadWord64, storeWord64 } from './arena.ts';
export {
  closeDescriptor,
  duplicate,
  EventDescriptor,
  killProcess,
  lockFile,
  openProcess,
  signalProcess,
  whenReadable,
} from './descriptor.ts';
export { type FaultEngineFunctions, loadFaultEngine } from './foreign.ts';
export {
  ADVICE,
  createMemoryFile,
  Mapping,
  mapAnonymous,
  mapFile,
  mapShared,
} from './mapping.ts';
export { INTERRUPTED, POLL_ERROR, POLL_HANGUP, POLL_IN, POLL_INVALID, PollSet } from './poll.ts';
export { dataExtents, type Extent } from './sparse-file.ts';
export { ERRNO, errnoName, SystemError } from './system-error.ts';
export {
  connectUnix,
  DescriptorChannel,
  type PeerCredentials,
  peerCredentials,
  type Received,
  SOCKET_PATH_LIMIT,
  UnixListener,
  unixPair,
} from './unix-socket.ts';
export {
  createUserFaultFd,
  MESSAGE_BUFFER_BYTES,
  MESSAGES_PER_READ,
  type MessageBuffer,
  probeUserFaultFd,
  UFFD_EVENT,
  UFFD_FEATURE,
  UserFaultFd,
} from './userfaultfd.ts';
export { Zstd, ZstdError } from './zstd.ts';
