// SPDX-License-Identifier: Apache-2.0
// Compiled methods of a HotSpot JVM, from its code cache in memory.
//
//   CodeCache::_heaps → a CodeHeap for each segment: blocks one after the other from _memory._low on
//   block    header { length in segments, used }, then a CodeBlob
//   blob     _name "nmethod" or "native nmethod" → Method → ConstMethod → names in its ConstantPool
//
// JDK 17 has the method in CompiledMethod and the end of the code as an address, JDK 25 has the method in
// nmethod and the end as an offset: what the JVM tells of is taken.
import { sortMethods } from '../compiled-code.ts';
import { float64, int32, StringTable, uint32 } from '../growing.ts';
import type { JvmMethods } from '../jvm-layout.ts';
import type { VirtualReader } from './virtual-memory.ts';
import type { VmStructs } from './vm-structs.ts';

const WORD = 8;
const MAX_HEAPS = 16;
const MAX_BLOCKS = 1 << 20;
const MAX_NAME = 4096;

/** Compiled methods, named as `Compiler.codelist` names them. */
export function hotspotMethods(structs: VmStructs, reader: VirtualReader): JvmMethods {
  const names = new MethodNames(structs, reader);
  const columns = { start: float64(), end: float64(), level: int32(), method: uint32() };
  const methods = new StringTable();
  for (const blob of blobs(structs, reader)) {
    const label = structs.field(blob, 'CodeBlob::_name');
    const text = label === undefined ? undefined : reader.text(label, 32);
    if (text !== 'nmethod' && text !== 'native nmethod') continue;
    const method =
      structs.field(blob, 'CompiledMethod::_method') ?? structs.field(blob, 'nmethod::_method');
    const end = codeEnd(structs, reader, blob);
    const name = method === undefined ? undefined : names.of(method);
    if (end === undefined || end <= blob || name === undefined) continue;
    const levelAt = structs.at(blob, 'nmethod::_comp_level');
    columns.start.push(blob);
    columns.end.push(end);
    // An int until JDK 20, a byte since: tiers are small, the lowest byte is the first.
    columns.level.push((levelAt === undefined ? undefined : reader.u8(levelAt)) ?? -1);
    columns.method.push(methods.add(name));
  }
  return sortMethods({
    length: columns.start.length,
    start: columns.start.finish(),
    end: columns.end.finish(),
    level: columns.level.finish(),
    method: columns.method.finish(),
    methods: methods.strings,
  });
}

/** Every blob in use in every segment of the code cache. */
function* blobs(structs: VmStructs, reader: VirtualReader): Generator<number> {
  const blockBytes = structs.sizeOf('HeapBlock');
  const array = structs.value('CodeCache::_heaps');
  const lengthAt = structs.at(array, 'GrowableArrayBase::_len');
  const heaps = structs.field(array, 'GrowableArray<int>::_data');
  if (blockBytes === undefined || lengthAt === undefined || heaps === undefined) return;
  const count = Math.min(reader.u32(lengthAt) ?? 0, MAX_HEAPS);
  let left = MAX_BLOCKS;
  for (let i = 0; i < count; i++) {
    const heap = reader.u64(heaps + i * WORD);
    const memory = structs.at(heap, 'CodeHeap::_memory');
    const end = structs.field(memory, 'VirtualSpace::_high') ?? 0;
    const shiftAt = structs.at(heap, 'CodeHeap::_log2_segment_size');
    const shift = shiftAt === undefined ? undefined : reader.u32(shiftAt);
    let block = structs.field(memory, 'VirtualSpace::_low') ?? 0;
    if (shift === undefined || shift > 16) continue;
    while (block > 0 && block < end && left-- > 0) {
      const header = structs.at(block, 'HeapBlock::_header');
      const segmentsAt = structs.at(header, 'HeapBlock::Header::_length');
      const usedAt = structs.at(header, 'HeapBlock::Header::_used');
      if (segmentsAt === undefined || usedAt === undefined) break;
      const segments = reader.u32(segmentsAt) ?? 0;
      if (segments === 0) break;
      if (reader.u8(usedAt) === 1) yield block + blockBytes;
      block += segments * 2 ** shift;
    }
  }
}

function codeEnd(structs: VmStructs, reader: VirtualReader, blob: number): number | undefined {
  const end = structs.field(blob, 'CodeBlob::_code_end');
  if (end !== undefined) return end;
  const offsetAt = structs.at(blob, 'CodeBlob::_data_offset');
  const offset = offsetAt === undefined ? undefined : reader.u32(offsetAt);
  return offset === undefined ? undefined : blob + offset;
}

/** `package.Class.name(signature)return` of a Method. */
class MethodNames {
  readonly #structs: VmStructs;
  readonly #reader: VirtualReader;
  readonly #symbols = new Map<number, string | undefined>();
  readonly #poolBytes: number | undefined;

  constructor(structs: VmStructs, reader: VirtualReader) {
    this.#structs = structs;
    this.#reader = reader;
    this.#poolBytes = structs.sizeOf('ConstantPool');
  }

  of(method: number): string | undefined {
    const structs = this.#structs;
    const constant = structs.field(method, 'Method::_constMethod');
    const pool = structs.field(constant, 'ConstMethod::_constants');
    const holder = structs.field(pool, 'ConstantPool::_pool_holder');
    const type = this.#symbol(structs.field(holder, 'Klass::_name'));
    const name = this.#entry(pool, structs.at(constant, 'ConstMethod::_name_index'));
    const signature = this.#entry(pool, structs.at(constant, 'ConstMethod::_signature_index'));
    if (type === undefined || name === undefined || signature === undefined) return undefined;
    // A hidden class is Name+0x… inside and Name/0x… outside (Klass::external_name).
    const external = type.replaceAll('/', '.').replace(/\+(?=0x[0-9a-f]+$)/, '/');
    return `${external}.${name}${signature}`;
  }

  /** The symbol that a constant pool has at the index which lies at an address. */
  #entry(pool: number | undefined, indexAt: number | undefined): string | undefined {
    if (pool === undefined || indexAt === undefined || this.#poolBytes === undefined) {
      return undefined;
    }
    const index = this.#reader.u16(indexAt);
    if (index === undefined) return undefined;
    return this.#symbol(this.#reader.u64(pool + this.#poolBytes + index * WORD));
  }

  #symbol(symbol: number | undefined): string | undefined {
    if (symbol === undefined || symbol === 0) return undefined;
    if (!this.#symbols.has(symbol)) this.#symbols.set(symbol, this.#textOf(symbol));
    return this.#symbols.get(symbol);
  }

  #textOf(symbol: number): string | undefined {
    const lengthAt = this.#structs.at(symbol, 'Symbol::_length');
    const body = this.#structs.at(symbol, 'Symbol::_body[0]');
    if (lengthAt === undefined || body === undefined) return undefined;
    const length = this.#reader.u16(lengthAt);
    if (length === undefined || length > MAX_NAME) return undefined;
    return this.#reader.utf8(body, length);
  }
}
