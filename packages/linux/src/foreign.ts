// SPDX-License-Identifier: Apache-2.0
// Every foreign function of rekindle, and the only file that names the FFI library.
//
// Addresses and lengths cross as JavaScript numbers: user addresses stay below 2^47 (2^56 with
// five-level paging, only when a process asks for it), so a double holds them exactly. Structures live in
// memory that we mapped ourselves (see arena.ts): nothing that the garbage collector may move or
// free is ever handed to the kernel, and a call allocates nothing.
//
// Measured: one call costs about 35 ns more than the same call from C.
import koffi from 'koffi';

const libc = koffi.load('libc.so.6');

/** Plain numbers in, plain number out. Failure is -1 with {@link errno}. */
type Call<Arguments extends number[]> = (...args: Arguments) => number;

const bind = <Arguments extends number[]>(prototype: string): Call<Arguments> =>
  libc.func(prototype) as unknown as Call<Arguments>;

/** errno of the last foreign call of this thread. Read it before anything else runs. */
export const errno = (): number => koffi.errno();

/**
 * A view of memory that the caller mapped.
 * SAFETY: the view does not own the memory. The caller must not unmap it while any view (or a view of
 * that view) can still be read or written; touching it afterwards is a segmentation fault.
 */
export const view = (address: number, bytes: number): ArrayBuffer => koffi.view(address, bytes);

// SAFETY: the new mapping belongs to the caller until it calls munmap; with addr = 0 nothing that
// exists is replaced. With MAP_FIXED [addr, addr + len) is replaced, which must lie inside a mapping that the
// caller owns; views of it stay valid and see the new content. Any thread. mmap(2)
export const mmap: Call<
  [addr: number, length: number, prot: number, flags: number, fd: number, offset: number]
> = bind('uintptr_t mmap(uintptr_t addr, size_t len, int prot, int flags, int fd, int64_t off)');

// SAFETY: the kernel writes at most `count` bytes at `buffer`, which the caller owns and may write;
// nothing is kept after the call. Any thread. pread(2)
export const pread: Call<[fd: number, buffer: number, count: number, offset: number]> = bind(
  'intptr_t pread(int fd, uintptr_t buffer, size_t count, int64_t offset)',
);

// SAFETY: [addr, addr + len) is mapped by the caller; one byte per page is written at `vector`, which the
// caller mapped for it; nothing is kept. Any thread. mincore(2)
export const mincore: Call<[addr: number, length: number, vector: number]> = bind(
  'int mincore(uintptr_t addr, size_t len, uintptr_t vector)',
);

// SAFETY: the caller owns [addr, addr + len) and has dropped every view of it. Any thread. munmap(2)
export const munmap: Call<[addr: number, length: number]> = bind(
  'int munmap(uintptr_t addr, size_t len)',
);

// SAFETY: changes residency of the caller's own mapping, never its extent; DONTNEED on anonymous
// memory forgets its content. Any thread. madvise(2)
export const madvise: Call<[addr: number, length: number, advice: number]> = bind(
  'int madvise(uintptr_t addr, size_t len, int advice)',
);

// SAFETY: `arg` points to a structure in the caller's arena of the size that `request` encodes, alive
// for the call; the kernel reads and writes it only during the call. The C prototype is variadic: on
// x86-64 and arm64 Linux an integer or pointer argument travels in the same register either way. Any
// thread, but one structure must not be used by two threads at once. ioctl(2), ioctl_userfaultfd(2)
export const ioctl: Call<[fd: number, request: number, arg: number]> = bind(
  'int ioctl(int fd, unsigned long request, uintptr_t arg)',
);

// SAFETY: `fds` points to `count` pollfd structures in the caller's arena, written only during the
// call. Blocks the calling thread up to `timeout` milliseconds (-1: for ever). poll(2)
export const poll: Call<[fds: number, count: number, timeout: number]> = bind(
  'int poll(uintptr_t fds, unsigned long count, int timeout)',
);

// SAFETY: the kernel writes at most `count` bytes at `buffer`, which the caller owns; nothing is kept
// after the call. Any thread. read(2)
export const read: Call<[fd: number, buffer: number, count: number]> = bind(
  'intptr_t read(int fd, uintptr_t buffer, size_t count)',
);

// SAFETY: the kernel reads `count` bytes at `buffer` during the call only. Any thread. write(2)
export const write: Call<[fd: number, buffer: number, count: number]> = bind(
  'intptr_t write(int fd, uintptr_t buffer, size_t count)',
);

// SAFETY: gives back a descriptor that the caller owns; nobody else may still use that number. Any
// thread. close(2)
export const close: Call<[fd: number]> = bind('int close(int fd)');

// SAFETY: returns a new descriptor owned by the caller. Any thread. dup(2), fcntl(2) F_DUPFD_CLOEXEC
export const fcntl: Call<[fd: number, command: number, argument: number]> = bind(
  'int fcntl(int fd, int command, intptr_t argument)',
);

// SAFETY: no memory; the lock belongs to the open file, so to every duplicate of the descriptor, and ends with the
// last of them. Any thread. flock(2)
export const flock: Call<[fd: number, operation: number]> = bind(
  'int flock(int fd, int operation)',
);

// SAFETY: touches no memory; returns a new descriptor owned by the caller. Any thread. socket(2)
export const socket: Call<[domain: number, type: number, protocol: number]> = bind(
  'int socket(int domain, int type, int protocol)',
);

// SAFETY: `address` points to `length` bytes of a sockaddr_un in the caller's arena, read during the
// call only. Any thread. bind(2), unix(7)
export const bindSocket: Call<[fd: number, address: number, length: number]> = bind(
  'int bind(int fd, uintptr_t address, uint32_t length)',
);

// SAFETY: as for bind. Any thread; may block until the listener has room. connect(2)
export const connect: Call<[fd: number, address: number, length: number]> = bind(
  'int connect(int fd, uintptr_t address, uint32_t length)',
);

// SAFETY: two i32 are written at `pair`, which lies in the caller's arena; the descriptors are the
// caller's. Any thread. socketpair(2)
export const socketpair: Call<[domain: number, type: number, protocol: number, pair: number]> =
  bind('int socketpair(int domain, int type, int protocol, uintptr_t pair)');

// SAFETY: touches no memory. Any thread. listen(2)
export const listen: Call<[fd: number, backlog: number]> = bind('int listen(int fd, int backlog)');

// SAFETY: address and length are 0, so no memory is touched; returns a new descriptor owned by the
// caller. Any thread. accept4(2)
export const accept4: Call<[fd: number, address: number, length: number, flags: number]> = bind(
  'int accept4(int fd, uintptr_t address, uintptr_t length, int flags)',
);

// SAFETY: `message` is a msghdr in the caller's arena whose iovec, buffer and control area lie in the
// same arena. The descriptors received in the control area belong to the caller. One thread per
// arena. recvmsg(2), unix(7) SCM_RIGHTS
export const recvmsg: Call<[fd: number, message: number, flags: number]> = bind(
  'intptr_t recvmsg(int fd, uintptr_t message, int flags)',
);

// SAFETY: as for recvmsg, read only; the kernel duplicates descriptors that are sent, ours stay ours.
// One thread per arena. sendmsg(2), unix(7) SCM_RIGHTS
export const sendmsg: Call<[fd: number, message: number, flags: number]> = bind(
  'intptr_t sendmsg(int fd, uintptr_t message, int flags)',
);

// SAFETY: `value` and `length` point into the caller's arena; at most *length bytes are written during
// the call. Any thread. getsockopt(2), socket(7) SO_PEERCRED
export const getsockopt: Call<
  [fd: number, level: number, option: number, value: number, length: number]
> = bind('int getsockopt(int fd, int level, int option, uintptr_t value, uintptr_t length)');

// SAFETY: moves the file position of a descriptor that the caller owns; no memory. One thread per
// descriptor. lseek(2) SEEK_DATA, SEEK_HOLE
export const lseek: Call<[fd: number, offset: number, whence: number]> = bind(
  'int64_t lseek(int fd, int64_t offset, int whence)',
);

// SAFETY: no memory. A signal to a process we started or were introduced to by SO_PEERCRED. Any
// thread. kill(2)
export const kill: Call<[pid: number, signal: number]> = bind('int kill(int pid, int signal)');

// SAFETY: used only for calls whose arguments are integers or addresses in the caller's arena
// (userfaultfd, pidfd_open, pidfd_send_signal, memfd_create); each caller states which. The C prototype
// is variadic, see ioctl. Any thread. syscall(2)
export const syscall: Call<[number: number, a: number, b: number, c: number, d: number]> = bind(
  'long syscall(long number, uintptr_t a, uintptr_t b, uintptr_t c, uintptr_t d)',
);

// SAFETY: no memory; returns a new descriptor owned by the caller. Any thread. eventfd(2)
export const eventfd: Call<[initial: number, flags: number]> = bind(
  'int eventfd(unsigned int initial, int flags)',
);

/**
 * Calls back on the event loop whenever a descriptor is readable; answers the function that ends it. The
 * watch alone does not keep the process alive.
 */
export function pollDescriptor(fd: number, readable: () => void): () => void {
  const handle = koffi.node.poll(fd, { readable: true }, readable);
  handle.unref();
  return () => handle.close();
}

/** The functions of the pager's native fault engine (packages/pager/native/fault-engine.c). */
export interface FaultEngineFunctions {
  /** Starts the loop's thread. @returns 0 or an errno */
  readonly start: Call<[engine: number]>;
  /** Starts workers over the units set in the engine. @returns 0 or an errno */
  readonly prefetch: Call<[engine: number, workers: number]>;
  /** The same, in the calling thread and `workers` - 1 others; returns when done. @returns 0 */
  readonly install: Call<[engine: number, workers: number]>;
  /** Makes the loop look what there is to do. @returns 0 or an errno */
  readonly rouse: Call<[engine: number]>;
  /** Waits for the loop's thread. @returns 0 or an errno */
  readonly join: Call<[engine: number]>;
}

/** Loads the pager's native fault engine. @throws when the file is not that library */
export function loadFaultEngine(path: string): FaultEngineFunctions {
  const library = koffi.load(path);
  const bindEngine = <Arguments extends number[]>(prototype: string): Call<Arguments> =>
    library.func(prototype) as unknown as Call<Arguments>;
  return {
    // SAFETY: `engine` points to a struct engine and everything it names, all mapped by the caller, who
    // keeps it mapped until join has returned and no worker runs; the new thread reads and writes it.
    // It never calls back into JavaScript. fault-engine.c
    start: bindEngine('int engine_start(uintptr_t engine)'),
    // SAFETY: as for start; the units must stay as they are until `workers` in the engine is 0.
    prefetch: bindEngine('int engine_prefetch(uintptr_t engine, uint32_t workers)'),
    // SAFETY: as for prefetch; blocks until no worker runs any more.
    install: bindEngine('int engine_install(uintptr_t engine, uint32_t workers)'),
    // SAFETY: between start and join, for it sends the loop's thread a signal.
    rouse: bindEngine('int engine_rouse(uintptr_t engine)'),
    // SAFETY: once per start; blocks until the loop has left, which it does when its state is set.
    join: bindEngine('int engine_join(uintptr_t engine)'),
  };
}

/** Numbers of system calls that the C library has no function for everywhere. */
const SYSCALLS = {
  x64: {
    userfaultfd: 323,
    pidfdOpen: 434,
    pidfdSendSignal: 424,
    pidfdGetfd: 438,
    memfdCreate: 319,
  },
  arm64: {
    userfaultfd: 282,
    pidfdOpen: 434,
    pidfdSendSignal: 424,
    pidfdGetfd: 438,
    memfdCreate: 279,
  },
} as const;

/** The numbers of this machine's architecture. @throws on an architecture that nobody has looked up. */
export function syscalls(): (typeof SYSCALLS)[keyof typeof SYSCALLS] {
  const numbers = SYSCALLS[process.arch as keyof typeof SYSCALLS];
  if (process.platform !== 'linux' || numbers === undefined) {
    throw new Error(`no system call numbers for ${process.platform} on ${process.arch}`);
  }
  return numbers;
}

/**
 * The part of zstd that rekindle uses; sizes are bytes, addresses lie in the caller's mappings. Results above
 * the capacity are errors (values near 2^64).
 */
export interface ZstdFunctions {
  readonly bound: Call<[size: number]>;
  readonly compress: Call<
    [to: number, capacity: number, from: number, size: number, level: number]
  >;
  readonly decompress: Call<[to: number, capacity: number, from: number, size: number]>;
  /** The same in another thread. */
  readonly decompressAside: (
    to: number,
    capacity: number,
    from: number,
    size: number,
  ) => Promise<number>;
}

const DECOMPRESS =
  'size_t ZSTD_decompress(uintptr_t to, size_t capacity, uintptr_t from, size_t size)';

/** Loads the system's libzstd. @throws when there is none */
export function loadZstdFunctions(): ZstdFunctions {
  const library = koffi.load('libzstd.so.1');
  const bindZstd = <Arguments extends number[]>(prototype: string): Call<Arguments> =>
    library.func(prototype) as unknown as Call<Arguments>;
  const aside = library.func(DECOMPRESS).async as (...args: unknown[]) => void;
  return {
    // SAFETY: no memory. Any thread. zstd.h
    bound: bindZstd('size_t ZSTD_compressBound(size_t size)'),
    // SAFETY: reads `size` bytes at `from`, writes at most `capacity` at `to`; both are mapped by the caller,
    // do not overlap, and are not kept. Any thread, one buffer per thread. zstd.h
    compress: bindZstd(
      'size_t ZSTD_compress(uintptr_t to, size_t capacity, uintptr_t from, size_t size, int level)',
    ),
    // SAFETY: as for compress; a hostile input writes no further than `capacity`. zstd.h
    decompress: bindZstd(DECOMPRESS),
    // SAFETY: as for decompress; both ranges stay mapped, and nobody else uses them, until the promise settles.
    decompressAside: (...args) =>
      new Promise((resolve, reject) => {
        aside(...args, (error: Error | null, size: number) =>
          error === null ? resolve(size) : reject(error),
        );
      }),
  };
}
