// SPDX-License-Identifier: Apache-2.0
export { ByteCursor } from './cursor.ts';
export { ByteError, type ByteErrorCode } from './error.ts';
export { ByteSink } from './sink.ts';
export { type ByteSource, blobSource, bufferSource, checkSlice } from './source.ts';
export {
  joinLong,
  MAX_PADDED4,
  MAX_VARINT_BYTES,
  putInt,
  putLong,
  putPadded4,
  putVarint,
  varintLength,
} from './varint.ts';
