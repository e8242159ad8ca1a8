// SPDX-License-Identifier: Apache-2.0
// A guest of 24 page frames, drawn as its tools would print it. Frame n holds:
//
//    0..1 kernel code      2 kernel data      3 slab          4 page table    5 reserved
//    6 java heap, mapped at f0000000          7, 8 metaspace  9 code cache   10 thread stack
//   11 libjvm.so (java)   12 libc.so (java and bash)         13 malloc of java
//   14 bash's own         15, 16 page cache  17 anonymous, nobody's        18..20 free
//   21 the kernel's, of no told use          22, 23 nothing is told
const page = (frame: number) => `0x${(frame * 4096).toString(16).padStart(16, '0')}`;
const zero = '000000000000000000';
const at = (address: number) =>
  address === 0 ? zero : `0x${address.toString(16).padStart(16, '0')}`;
const frame = (n: number) => (n === 0 ? zero : page(n));
const flags = (...bits: number[]) => at(bits.reduce((sum, bit) => sum + 2 ** bit, 0));

/** fireCRaCer's format. */
export const DRAWN_MAPPINGS: string = [
  '= 1 /usr/bin/bash',
  `v ${at(0x555555554000)} ${at(0x555555556000)} /usr/bin/bash`,
  `p ${at(0x555555554000)} ${frame(14)} ${at(1)} ${zero}`,
  `v ${at(0x7ffff7c00000)} ${at(0x7ffff7c01000)} /usr/lib/libc.so.6`,
  `p ${at(0x7ffff7c00000)} ${frame(12)} ${zero} ${at(1)}`,
  `v ${at(0x7ffff7fc1000)} ${at(0x7ffff7fc2000)} [vdso]`,
  `p ${at(0x7ffff7fc1000)} ${frame(2)} ${zero} ${zero}`,
  '= 214 /opt/jdk/bin/java',
  `v ${at(0xf0000000)} ${at(0xf0002000)}`,
  `p ${at(0xf0000000)} ${frame(6)} ${at(1)} ${zero}`,
  `v ${at(0x7f0000000000)} ${at(0x7f0000004000)}`,
  `p ${at(0x7f0000000000)} ${frame(7)} ${at(1)} ${zero}`,
  `p ${at(0x7f0000001000)} ${frame(8)} ${at(1)} ${zero}`,
  `p ${at(0x7f0000002000)} ${frame(9)} ${at(1)} ${zero}`,
  `p ${at(0x7f0000003000)} ${frame(10)} ${at(1)} ${zero}`,
  `v ${at(0x7f0000010000)} ${at(0x7f0000011000)} [heap]`,
  `p ${at(0x7f0000010000)} ${frame(13)} ${at(1)} ${zero}`,
  `v ${at(0x7ffff5000000)} ${at(0x7ffff5001000)} /opt/jdk/lib/server/libjvm.so`,
  `p ${at(0x7ffff5000000)} ${frame(11)} ${at(1)} ${at(1)}`,
  `v ${at(0x7ffff7a00000)} ${at(0x7ffff7a01000)} /usr/lib/libc.so.6`,
  `p ${at(0x7ffff7a00000)} ${frame(12)} ${zero} ${at(1)}`,
  'v 0xffffffffff600000 0xffffffffff601000 [vsyscall]',
  '= 0 kernel',
  `v ${zero} ${at(0x1587)} Kernel code`,
  `p ${frame(0)} ${flags(32)}`,
  `p ${frame(1)} ${flags(32)}`,
  `v ${page(2)} ${at(0x2fff)} Kernel data`,
  `p ${frame(2)} ${flags(32)}`,
  '= -1 pagecache',
  `v ${zero} ${page(24)} /proc/kpageflags`,
  ...[11, 12].map((n) => `p ${frame(n)} ${flags(3, 5, 6, 11, 34)}`),
  ...[15, 16].map((n) => `p ${frame(n)} ${flags(3, 5, 34)}`),
  '',
].join('\n');

/** The same moment's page flags of every frame. */
export const DRAWN_FRAMES: string = [
  `f ${zero} 3 ${flags(32)}`,
  `f ${page(3)} 1 ${flags(7)}`,
  `f ${page(4)} 1 ${flags(26)}`,
  `f ${page(5)} 1 ${flags(32)}`,
  `f ${page(6)} 5 ${flags(3, 5, 11, 12, 14)}`,
  `f ${page(11)} 2 ${flags(3, 5, 6, 11, 34)}`,
  `f ${page(13)} 2 ${flags(3, 5, 11, 12, 14)}`,
  `f ${page(15)} 2 ${flags(3, 5, 34)}`,
  `f ${page(17)} 1 ${flags(12, 13, 14)}`,
  `f ${page(18)} 3 ${flags(10)}`,
  `f ${page(21)} 1 ${zero}`,
  `f ${page(22)} 2 ${flags(20)}`,
  '',
].join('\n');

/** Native memory tracking of process 214, indented as JDK 25 does. */
export const DRAWN_NATIVE_MEMORY: string = `214:

Native Memory Tracking:

Total: reserved=1KB, committed=1KB

Virtual memory map:

[0x00000000f0000000 - 0x00000000f0002000] reserved 8KB for Java Heap from
    [0x00007f2667999999]ReservedSpace::reserve(unsigned long)+0x1e

        [0x00000000f0000000 - 0x00000000f0001000] committed 4KB from
            [0x00007f2667999999]os::commit_memory(char*)+0x1e

[0x00007f0000000000 - 0x00007f0000002000] reserved and committed 8KB for Metaspace from
    [0x00007f2667999999]Metaspace::initialize()+0x1e

[0x00007f0000002000 - 0x00007f0000003000] reserved 4KB for Code from
    [0x00007f2667999999]CodeHeap::reserve()+0x1e

[0x00007f0000003000 - 0x00007f0000004000] reserved and committed 4KB for Thread Stack from
    [0x00007f2667999999]Thread::record_stack_base_and_size()+0x1e

Details:

[0x00007f2667999999]os::malloc(unsigned long)+0x1e
                             (malloc=1KB tag=Internal #1)
`;

export const DRAWN_CODE_LIST: string = `214:
7 4 0 java.lang.Object.<init>()V [0x00007f0000002010, 0x00007f0000002180 - 0x00007f00000021f8]
9 3 0 java.lang.String.hashCode()I [0x00007f0000002210, 0x00007f0000002280 - 0x00007f00000022f8]
`;
