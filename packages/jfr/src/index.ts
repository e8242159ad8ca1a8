// SPDX-License-Identifier: Apache-2.0
export type {
  Content,
  Enumeration,
  EventDeclaration,
  FieldDeclaration,
  PoolType,
  ScalarType,
} from './declaration.ts';
export { JfrError, type JfrErrorCode, type JfrPlace } from './error.ts';
export {
  type ChunkHeader,
  decodeHeader,
  encodeHeader,
  FLAG_COMPRESSED,
  FLAG_FINAL,
  HEADER_SIZE,
  MAGIC,
  MAX_GENERATION,
  STATE_FINISHED,
  STATE_OFFSET,
  STATE_UPDATING,
  UPDATE_OFFSET,
} from './header.ts';
