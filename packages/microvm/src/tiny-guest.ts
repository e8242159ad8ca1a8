// SPDX-License-Identifier: Apache-2.0
// The smallest guest there is: an initramfs of one file, a static x86-64 program that says one line on the
// console and restarts the machine. It tells whether a kernel gets all the way to user space.

/** What the guest says once its user space runs. */
export const TINY_GUEST_MARKER = 'rekindle: user space reached';

const LOAD_ADDRESS = 0x40_0000;
const HEADERS = 64 + 56;

/** A static ELF program (elf(5)): write(1, line), tcdrain(1), reboot(RESTART). */
export function tinyProgram(line: string): Uint8Array {
  const text = Buffer.from(`${line}\n`);
  const code = Buffer.concat([
    movImmediate('rax', 1), // write
    movImmediate('rdi', 1),
    movImmediate('rsi', 0), // patched below
    movImmediate('rdx', text.length),
    SYSCALL,
    movImmediate('rax', 16), // ioctl(1, TCSBRK, 1): wait until the line has left
    movImmediate('rdi', 1),
    movImmediate('rsi', 0x5409),
    movImmediate('rdx', 1),
    SYSCALL,
    movImmediate('rax', 169), // reboot(MAGIC1, MAGIC2, RESTART), see reboot(2)
    movImmediate('rdi', 0xfee1dead),
    movImmediate('rsi', 0x28121969),
    movImmediate('rdx', 0x01234567),
    SYSCALL,
    Buffer.from([0xeb, 0xfe]), // jmp self
  ]);
  code.writeUInt32LE(LOAD_ADDRESS + HEADERS + code.length, 11); // immediate of the third mov
  const size = HEADERS + code.length + text.length;
  const elf = Buffer.alloc(HEADERS);
  elf.write('\x7fELF\x02\x01\x01', 'latin1');
  elf.writeUInt16LE(2, 16); // e_type EXEC
  elf.writeUInt16LE(62, 18); // e_machine x86-64
  elf.writeUInt32LE(1, 20);
  elf.writeBigUInt64LE(BigInt(LOAD_ADDRESS + HEADERS), 24); // e_entry
  elf.writeBigUInt64LE(64n, 32); // e_phoff
  elf.writeUInt16LE(64, 52); // e_ehsize
  elf.writeUInt16LE(56, 54); // e_phentsize
  elf.writeUInt16LE(1, 56); // e_phnum
  elf.writeUInt32LE(1, 64); // p_type LOAD
  elf.writeUInt32LE(5, 68); // p_flags R+X
  elf.writeBigUInt64LE(BigInt(LOAD_ADDRESS), 80); // p_vaddr
  elf.writeBigUInt64LE(BigInt(LOAD_ADDRESS), 88);
  elf.writeBigUInt64LE(BigInt(size), 96); // p_filesz
  elf.writeBigUInt64LE(BigInt(size), 104); // p_memsz
  elf.writeBigUInt64LE(0x1000n, 112);
  return Buffer.concat([elf, code, text]);
}

const SYSCALL = Buffer.from([0x0f, 0x05]);
const MOV_OPCODE = { rax: 0xb8, rdi: 0xbf, rsi: 0xbe, rdx: 0xba } as const;

/** mov r32, imm32: five bytes, the upper half of the register becomes zero. */
function movImmediate(register: keyof typeof MOV_OPCODE, value: number): Buffer {
  const instruction = Buffer.alloc(5);
  instruction[0] = MOV_OPCODE[register];
  instruction.writeUInt32LE(value, 1);
  return instruction;
}

/** A cpio archive ("newc", Documentation/driver-api/early-userspace/buffer-format.rst) with that program as /init. */
export function tinyInitramfs(line: string = TINY_GUEST_MARKER): Uint8Array {
  return Buffer.concat([
    cpioEntry('init', 0o100755, tinyProgram(line)),
    cpioEntry('TRAILER!!!', 0, Buffer.alloc(0)),
  ]);
}

function cpioEntry(name: string, mode: number, content: Uint8Array): Buffer {
  const nameBytes = Buffer.from(`${name}\0`);
  // magic, then 13 fields of 8 hex digits: ino mode uid gid nlink mtime filesize devmajor devminor
  // rdevmajor rdevminor namesize check
  const fields = [1, mode, 0, 0, 1, 0, content.length, 0, 0, 0, 0, nameBytes.length, 0];
  const header = `070701${fields.map((field) => field.toString(16).padStart(8, '0')).join('')}`;
  return Buffer.concat([
    pad4(Buffer.concat([Buffer.from(header), nameBytes])),
    pad4(Buffer.from(content)),
  ]);
}

function pad4(bytes: Buffer): Buffer {
  return Buffer.concat([bytes, Buffer.alloc((4 - (bytes.length % 4)) % 4)]);
}
