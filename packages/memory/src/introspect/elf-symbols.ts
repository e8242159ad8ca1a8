// SPDX-License-Identifier: Apache-2.0
// Exported symbols of a shared object, from the image of it in a process's memory.
//
//   ELF header, 64 bytes: "\x7fELF" 2 1 … · e_phoff at 32 · e_phnum u16 at 56
//   program header, 56:   p_type u32 · p_flags u32 · p_offset · p_vaddr at 16 …      PT_DYNAMIC = 2
//   dynamic entry, 16:    d_tag · d_val                            DT_STRTAB = 5, DT_SYMTAB = 6
//   symbol, 24:           st_name u32 · st_info u8 … · st_value at 8
//
// The linker puts the table of strings right behind that of symbols, which tells the number of symbols.
// glibc replaces the offsets in the dynamic section by addresses when it loads an object; musl does not.
import type { VirtualReader } from './virtual-memory.ts';

const PT_DYNAMIC = 2;
const DT_STRTAB = 5;
const DT_SYMTAB = 6;
const MAX_SYMBOLS = 65_536;
const MAX_DYNAMIC = 128;

/** Addresses of the symbols of these names that the object at `base` exports. */
export function exportedSymbols(
  reader: VirtualReader,
  base: number,
  names: readonly string[],
): Map<string, number> {
  const found = new Map<string, number>();
  const tables = symbolTables(reader, base);
  if (tables === undefined) return found;
  const { symbols, strings } = tables;
  const count = Math.min((strings - symbols) / 24, MAX_SYMBOLS);
  for (let i = 1; i < count && found.size < names.length; i++) {
    const at = symbols + i * 24;
    const name = reader.u32(at);
    const value = reader.u64(at + 8);
    if (name === undefined || value === undefined || value === 0) continue;
    const text = reader.text(strings + name, 64);
    if (text !== undefined && names.includes(text)) found.set(text, base + value);
  }
  return found;
}

function symbolTables(
  reader: VirtualReader,
  base: number,
): { symbols: number; strings: number } | undefined {
  if (reader.u32(base) !== 0x464c_457f) return undefined;
  const headers = reader.u64(base + 32);
  const count = (reader.u32(base + 56) ?? 0) & 0xffff;
  if (headers === undefined) return undefined;
  let dynamic: number | undefined;
  for (let i = 0; i < count; i++) {
    const at = base + headers + i * 56;
    if (reader.u32(at) === PT_DYNAMIC) dynamic = reader.u64(at + 16);
  }
  if (dynamic === undefined) return undefined;
  let symbols = 0;
  let strings = 0;
  for (let i = 0; i < MAX_DYNAMIC; i++) {
    const tag = reader.u64(base + dynamic + i * 16);
    const value = reader.u64(base + dynamic + i * 16 + 8) ?? 0;
    if (tag === 0) break;
    if (tag === DT_STRTAB) strings = value < base ? base + value : value;
    if (tag === DT_SYMTAB) symbols = value < base ? base + value : value;
  }
  return symbols > 0 && strings > symbols ? { symbols, strings } : undefined;
}
