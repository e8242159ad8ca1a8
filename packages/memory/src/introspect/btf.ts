// SPDX-License-Identifier: Apache-2.0
// BPF type format: the layout of every structure of the running kernel, in 4 MB of its read-only data.
//
//   header, 24 bytes: magic eb9f u16, version 1 u8, flags u8, hdr_len u32,
//                     type_off u32, type_len u32, str_off u32, str_len u32     (offsets behind the header)
//   type:             name_off u32, info u32 (vlen 0..15, kind 24..28, kind_flag 31), size_or_type u32,
//                     then what the kind has
//   member:           name_off u32, type u32, offset u32 in bits; with kind_flag only the low 24 bits
//
// Source: Documentation/bpf/btf.rst and include/uapi/linux/btf.h (v6.1; ENUM64 since v6.0).
import { MemoryError } from '../error.ts';

export const BTF_HEADER_BYTES = 24;
/** The first word of the header as a little-endian number. */
export const BTF_MAGIC_WORD = 0x0001_eb9f;

const KIND = {
  INT: 1,
  ARRAY: 3,
  STRUCT: 4,
  UNION: 5,
  ENUM: 6,
  TYPEDEF: 8,
  VOLATILE: 9,
  CONST: 10,
  RESTRICT: 11,
  FUNC_PROTO: 13,
  VAR: 14,
  DATASEC: 15,
  DECL_TAG: 17,
  TYPE_TAG: 18,
  ENUM64: 19,
} as const;

/** Bytes behind the 12 of a type, by kind: a constant part, and a part for each of its vlen. */
const EXTRA: ReadonlyMap<number, readonly [fixed: number, each: number]> = new Map([
  [KIND.INT, [4, 0]],
  [KIND.ARRAY, [12, 0]],
  [KIND.STRUCT, [0, 12]],
  [KIND.UNION, [0, 12]],
  [KIND.ENUM, [0, 8]],
  [KIND.FUNC_PROTO, [0, 8]],
  [KIND.VAR, [4, 0]],
  [KIND.DATASEC, [0, 12]],
  [KIND.DECL_TAG, [4, 0]],
  [KIND.ENUM64, [0, 12]],
]);
const MAX_KIND = 19;

interface Member {
  readonly bits: number;
  readonly type: number;
}

/** Byte length of BTF by its header; undefined when these 24 bytes are no sane header. */
export function btfLength(header: DataView): number | undefined {
  const word = (at: number) => header.getUint32(at, true);
  if (word(0) !== BTF_MAGIC_WORD || word(4) !== BTF_HEADER_BYTES || word(8) !== 0) return undefined;
  const [typeLength, stringOffset, stringLength] = [word(12), word(16), word(20)];
  if (stringOffset !== typeLength || typeLength === 0 || stringLength === 0) return undefined;
  return BTF_HEADER_BYTES + typeLength + stringLength;
}

export class Btf {
  /** Number of types; ids go from 1 to this. */
  readonly length: number;
  readonly #types: DataView;
  readonly #strings: Uint8Array;
  /** Offset of each type by id. */
  readonly #offsets: Uint32Array;
  /** Structures, unions and enumerations by name. */
  readonly #byName = new Map<string, number>();

  /** Reads header, types and strings; throws MemoryError `bad-btf` when they do not hold together. */
  constructor(bytes: Uint8Array) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const length = bytes.length < BTF_HEADER_BYTES ? undefined : btfLength(view);
    if (length === undefined || length > bytes.length) bad(0, 'no BTF header');
    const typeLength = view.getUint32(12, true);
    const stringLength = view.getUint32(20, true);
    this.#types = new DataView(bytes.buffer, bytes.byteOffset + BTF_HEADER_BYTES, typeLength);
    const strings = BTF_HEADER_BYTES + typeLength;
    this.#strings = bytes.subarray(strings, strings + stringLength);
    if (this.#strings[0] !== 0) bad(strings, 'the first string is not empty');
    const offsets: number[] = [0];
    for (let at = 0; at < typeLength; ) {
      if (at + 12 > typeLength) bad(at, 'a type that is cut off');
      if (this.#types.getUint32(at, true) >= stringLength) bad(at, 'a name outside the strings');
      const info = this.#types.getUint32(at + 4, true);
      const kind = (info >>> 24) & 31;
      if (kind === 0 || kind > MAX_KIND) bad(at, `a type of unknown kind ${kind}`);
      const [fixed, each] = EXTRA.get(kind) ?? [0, 0];
      offsets.push(at);
      at += 12 + fixed + each * (info & 0xffff);
      if (at > typeLength) bad(at, 'a type that is cut off');
    }
    this.#offsets = Uint32Array.from(offsets);
    this.length = offsets.length - 1;
    for (let id = 1; id <= this.length; id++) {
      const kind = this.#kind(id);
      const named = kind === KIND.STRUCT || kind === KIND.UNION || kind === KIND.ENUM;
      if (!named && kind !== KIND.ENUM64) continue;
      const name = this.#name(id);
      if (name !== '' && !this.#byName.has(name)) this.#byName.set(name, id);
    }
  }

  has(struct: string, path?: string): boolean {
    const id = this.#byName.get(struct);
    if (id === undefined) return false;
    return path === undefined || this.#find(id, path.split('.')) !== undefined;
  }

  /** Byte offset of a member; `path` goes into members (`f_path.dentry`), past anonymous ones. */
  offset(struct: string, path: string): number {
    const id = this.#byName.get(struct);
    const member = id === undefined ? undefined : this.#find(id, path.split('.'));
    if (member === undefined || member.bits % 8 !== 0) {
      throw new MemoryError(
        'bad-btf',
        `the guest's kernel has no ${struct}.${path}`,
        {},
        'this layout of the kernel is not known: report it with the kernel version',
      );
    }
    return member.bits / 8;
  }

  /** Offset of the first member that the kernel has: a member moves and is renamed as versions go. */
  offsetOfAny(...members: readonly (readonly [struct: string, path: string])[]): number {
    const known = members.find(([struct, path]) => this.has(struct, path));
    return this.offset(...(known ?? members[0]!));
  }

  /** Bytes of a structure. */
  size(struct: string): number {
    const id = this.#byName.get(struct);
    if (id === undefined) return 0;
    return this.#types.getUint32(this.#offsets[id]! + 8, true);
  }

  /** Value of an enumerator; undefined when the kernel has none of that name. */
  enumerator(enumeration: string, name: string): number | undefined {
    const id = this.#byName.get(enumeration);
    if (id === undefined) return undefined;
    const step = this.#kind(id) === KIND.ENUM64 ? 12 : 8;
    const at = this.#offsets[id]!;
    const count = this.#types.getUint32(at + 4, true) & 0xffff;
    for (let i = 0; i < count; i++) {
      const entry = at + 12 + i * step;
      if (this.#string(this.#types.getUint32(entry, true)) === name) {
        return this.#types.getUint32(entry + 4, true);
      }
    }
    return undefined;
  }

  #find(id: number, path: readonly string[]): Member | undefined {
    const [name, ...rest] = path;
    const member = this.#member(id, name!, 0);
    if (member === undefined || rest.length === 0) return member;
    const inner = this.#find(this.#strip(member.type), rest);
    return inner && { bits: member.bits + inner.bits, type: inner.type };
  }

  #member(id: number, name: string, depth: number): Member | undefined {
    const kind = this.#kind(id);
    if ((kind !== KIND.STRUCT && kind !== KIND.UNION) || depth > 16) return undefined;
    const at = this.#offsets[id]!;
    const info = this.#types.getUint32(at + 4, true);
    for (let i = 0; i < (info & 0xffff); i++) {
      const entry = at + 12 + i * 12;
      const nameOffset = this.#types.getUint32(entry, true);
      const type = this.#types.getUint32(entry + 4, true);
      const offset = this.#types.getUint32(entry + 8, true);
      const bits = info >>> 31 === 1 ? offset & 0xff_ffff : offset;
      if (nameOffset === 0) {
        const inner = this.#member(this.#strip(type), name, depth + 1);
        if (inner !== undefined) return { bits: bits + inner.bits, type: inner.type };
      } else if (this.#string(nameOffset) === name) return { bits, type };
    }
    return undefined;
  }

  /** Looks through typedef, const and their like. */
  #strip(id: number): number {
    let type = id;
    for (let i = 0; i < 32; i++) {
      switch (this.#kind(type)) {
        case KIND.TYPEDEF:
        case KIND.VOLATILE:
        case KIND.CONST:
        case KIND.RESTRICT:
        case KIND.TYPE_TAG:
          type = this.#types.getUint32(this.#offsets[type]! + 8, true);
          break;
        default:
          return type;
      }
    }
    return 0;
  }

  #kind(id: number): number {
    if (id <= 0 || id > this.length) return 0;
    return (this.#types.getUint32(this.#offsets[id]! + 4, true) >>> 24) & 31;
  }

  #name(id: number): string {
    return this.#string(this.#types.getUint32(this.#offsets[id]!, true));
  }

  #string(offset: number): string {
    let end = offset;
    while (end < this.#strings.length && this.#strings[end] !== 0) end++;
    return String.fromCharCode(...this.#strings.subarray(offset, Math.min(end, offset + 256)));
  }
}

function bad(offset: number, what: string): never {
  throw new MemoryError(
    'bad-btf',
    what,
    { offset },
    'this copy of the type information is damaged; another may lie elsewhere in memory',
  );
}
