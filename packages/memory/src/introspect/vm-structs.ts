// SPDX-License-Identifier: Apache-2.0
// HotSpot describes itself for debuggers: libjvm.so exports a table of its fields, by type and name
// (src/hotspot/share/runtime/vmStructs.hpp). An entry, 48 bytes, ended by one without a type name:
//
//   typeName char* · fieldName char* · typeString char* · isStatic i32 · offset u64 · address void*
//
// and of its types, an entry of 40 bytes:
//
//   typeName char* · superclassName char* · isOop i32 · isInteger i32 · isUnsigned i32 · size u64
//
// The strides and offsets of the entries are exported too, and are these since JDK 6; strides are checked.
import { exportedSymbols } from './elf-symbols.ts';
import type { VirtualReader } from './virtual-memory.ts';

const TABLE = 'gHotSpotVMStructs';
const STRIDE = 'gHotSpotVMStructEntryArrayStride';
const ENTRY_BYTES = 48;
const TYPES = 'gHotSpotVMTypes';
const TYPE_STRIDE = 'gHotSpotVMTypeEntryArrayStride';
const TYPE_BYTES = 40;
const MAX_ENTRIES = 32_768;

interface FieldPlace {
  readonly isStatic: boolean;
  readonly offset: number;
  readonly address: number;
}

/** The fields that a JVM tells of, `Type::field`. */
export class VmStructs {
  readonly #fields: ReadonlyMap<string, FieldPlace>;
  readonly #sizes: ReadonlyMap<string, number>;
  readonly #reader: VirtualReader;

  private constructor(
    reader: VirtualReader,
    fields: ReadonlyMap<string, FieldPlace>,
    sizes: ReadonlyMap<string, number>,
  ) {
    this.#reader = reader;
    this.#fields = fields;
    this.#sizes = sizes;
  }

  /** Reads the table of the libjvm.so at `base`; undefined when it is not in memory. */
  static read(reader: VirtualReader, base: number): VmStructs | undefined {
    const symbols = exportedSymbols(reader, base, [TABLE, STRIDE, TYPES, TYPE_STRIDE]);
    const table = reader.u64(symbols.get(TABLE) ?? 0);
    if (table === undefined || reader.u64(symbols.get(STRIDE) ?? 0) !== ENTRY_BYTES)
      return undefined;
    const texts = new Map<number, string | undefined>();
    const text = (pointer: number): string | undefined => {
      if (!texts.has(pointer)) texts.set(pointer, reader.text(pointer, 128));
      return texts.get(pointer);
    };
    const fields = new Map<string, FieldPlace>();
    for (let i = 0; i < MAX_ENTRIES; i++) {
      const at = table + i * ENTRY_BYTES;
      const typePointer = reader.u64(at);
      if (typePointer === 0) break;
      const fieldPointer = reader.u64(at + 8);
      if (typePointer === undefined || fieldPointer === undefined) continue;
      const [type, field] = [text(typePointer), text(fieldPointer)];
      if (type === undefined || field === undefined) continue;
      fields.set(`${type}::${field}`, {
        isStatic: reader.u32(at + 24) === 1,
        offset: reader.u64(at + 32) ?? 0,
        address: reader.u64(at + 40) ?? 0,
      });
    }
    return new VmStructs(reader, fields, typeSizes(reader, symbols));
  }

  /** Bytes of a type; undefined when the JVM does not tell of it. */
  sizeOf(type: string): number | undefined {
    return this.#sizes.get(type);
  }

  get size(): number {
    return this.#fields.size;
  }

  /** The 64-bit value of a static field. */
  value(field: string): number | undefined {
    const place = this.#fields.get(field);
    return place?.isStatic === true ? this.#reader.u64(place.address) : undefined;
  }

  /** Where a field lies in the object at `object`; undefined when the JVM does not tell of it. */
  at(object: number | undefined, field: string): number | undefined {
    const place = this.#fields.get(field);
    if (object === undefined || object === 0 || place === undefined || place.isStatic) {
      return undefined;
    }
    return object + place.offset;
  }

  /** The 64-bit value of a field of an object. */
  field(object: number | undefined, field: string): number | undefined {
    const at = this.at(object, field);
    return at === undefined ? undefined : this.#reader.u64(at);
  }
}

function typeSizes(
  reader: VirtualReader,
  symbols: ReadonlyMap<string, number>,
): ReadonlyMap<string, number> {
  const sizes = new Map<string, number>();
  const table = reader.u64(symbols.get(TYPES) ?? 0);
  if (table === undefined || reader.u64(symbols.get(TYPE_STRIDE) ?? 0) !== TYPE_BYTES) return sizes;
  for (let i = 0; i < MAX_ENTRIES; i++) {
    const at = table + i * TYPE_BYTES;
    const pointer = reader.u64(at);
    if (pointer === 0) break;
    const name = pointer === undefined ? undefined : reader.text(pointer, 128);
    const size = reader.u64(at + 32);
    if (name !== undefined && size !== undefined) sizes.set(name, size);
  }
  return sizes;
}
