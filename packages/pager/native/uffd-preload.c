// SPDX-License-Identifier: Apache-2.0
// LD_PRELOAD for a VMM that maps guest RAM from a file (QEMU's memory-backend-file): the mapping of
// that file becomes anonymous memory registered with userfaultfd, and the descriptor is handed to a
// page-fault handler with Firecracker's own message. The handler cannot tell the engines apart.
//
//   REKINDLE_UFFD_RAM     path of the RAM file (recognised by device and inode, not by name)
//   REKINDLE_UFFD_SOCKET  Unix stream socket on which the handler listens
//   REKINDLE_UFFD_SHARED  optional: file in memory (tmpfs) that clones of the same snapshot share; the RAM
//                         becomes a private mapping of it, so that a guest's writes stay its own
//
// Message, one sendmsg with the userfaultfd in SCM_RIGHTS, regions ordered by offset:
//   [{"base_host_virt_addr":U,"size":U,"offset":U,"page_size":4096,"page_size_kib":4096},...]
// (page_size_kib holds bytes: that is Firecracker's mistake, kept for old handlers.) It is sent when the
// mappings together cover the whole file, so a RAM split below and above 4 GiB arrives as one message. With
// shared memory every region has "shared_inode":U too: the handler makes sure that it fills what we map.
//
// Beside mmap, fallocate(PUNCH_HOLE) on the RAM file is swallowed: QEMU discards balloon pages by
// madvise *and* by punching the file (ram_block_discard_range in softmmu/physmem.c, 7.2), which would
// eat holes into the snapshot.
//
// Every failure ends the process with one line on stderr and exit status 86: a VM that silently runs
// without its handler would run on zeroes.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#define MAX_REGIONS 64
#define FAILED 86

struct region {
  uintptr_t address;
  uint64_t size, offset;
};

static int active;
static struct stat ram;
static const char *socket_path, *shared_path;
static int shared = -1; // descriptor of the shared memory, read only: we could not write into it if we tried
static struct stat shared_file;
static int uffd = -1;
static struct region regions[MAX_REGIONS];
static int region_count;
static uint64_t covered;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

__attribute__((noreturn, format(printf, 1, 2))) static void die(const char *format, ...) {
  char line[512];
  int length = snprintf(line, sizeof line, "rekindle-preload: ");
  va_list arguments;
  va_start(arguments, format);
  length += vsnprintf(line + length, sizeof line - length - 1, format, arguments);
  va_end(arguments);
  if (length > (int)sizeof line - 2) length = sizeof line - 2;
  line[length++] = '\n';
  ssize_t ignored = write(STDERR_FILENO, line, length);
  (void)ignored;
  _exit(FAILED);
}

__attribute__((constructor)) static void start(void) {
  const char *path = getenv("REKINDLE_UFFD_RAM");
  socket_path = getenv("REKINDLE_UFFD_SOCKET");
  if (path == NULL && socket_path == NULL) return;
  if (path == NULL || socket_path == NULL)
    die("set both REKINDLE_UFFD_RAM and REKINDLE_UFFD_SOCKET, or neither");
  if (stat(path, &ram) != 0) die("RAM file %s: %s", path, strerror(errno));
  if (!S_ISREG(ram.st_mode) || ram.st_size == 0) die("RAM file %s is not a file with content", path);
  shared_path = getenv("REKINDLE_UFFD_SHARED");
  if (shared_path != NULL) {
    shared = open(shared_path, O_RDONLY | O_CLOEXEC);
    if (shared < 0 || fstat(shared, &shared_file) != 0)
      die("shared memory %s: %s", shared_path, strerror(errno));
    if (shared_file.st_size != ram.st_size)
      die("shared memory %s has %llu bytes, the RAM file %llu", shared_path,
          (unsigned long long)shared_file.st_size, (unsigned long long)ram.st_size);
  }
  active = 1;
}

static int is_ram(int fd) {
  struct stat file;
  return active && fd >= 0 && fstat(fd, &file) == 0 && file.st_dev == ram.st_dev &&
         file.st_ino == ram.st_ino;
}

static void open_userfaultfd(void) {
  uffd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
  if (uffd < 0 && errno == EPERM) {
    int device = open("/dev/userfaultfd", O_RDWR | O_CLOEXEC);
    if (device >= 0) {
      uffd = ioctl(device, _IO(0xAA, 0x00) /* USERFAULTFD_IOC_NEW, Linux 6.1 */, O_CLOEXEC | O_NONBLOCK);
      close(device);
    }
    if (uffd < 0)
      die("userfaultfd: not permitted; run as root, set vm.unprivileged_userfaultfd=1, or open "
          "/dev/userfaultfd to this user");
  }
  if (uffd < 0) die("userfaultfd: %s", strerror(errno));
  struct uffdio_api api = {
      .api = UFFD_API,
      .features = UFFD_FEATURE_EVENT_REMOVE | UFFD_FEATURE_THREAD_ID |
                  (shared < 0 ? 0 : UFFD_FEATURE_MISSING_SHMEM | UFFD_FEATURE_MINOR_SHMEM),
  };
  if (ioctl(uffd, UFFDIO_API, &api) != 0)
    die("UFFDIO_API: %s; Linux %s or later is needed", strerror(errno), shared < 0 ? "4.14" : "5.14");
}

static int connect_handler(void) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  if (strlen(socket_path) >= sizeof address.sun_path)
    die("socket path %s is longer than %zu bytes", socket_path, sizeof address.sun_path - 1);
  strcpy(address.sun_path, socket_path);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) die("socket: %s", strerror(errno));
  if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0)
    die("no page-fault handler at %s: %s; start it first", socket_path, strerror(errno));
  return fd;
}

// Sends the one message. The socket stays open until the process ends: its hang-up tells the handler.
static void hand_over(void) {
  static char text[MAX_REGIONS * 224];
  size_t length = 0;
  for (int i = 0; i < region_count; i++) {
    length += snprintf(text + length, sizeof text - length,
                       "%s{\"base_host_virt_addr\":%lu,\"size\":%lu,\"offset\":%lu,"
                       "\"page_size\":4096,\"page_size_kib\":4096",
                       i == 0 ? "[" : ",", (unsigned long)regions[i].address,
                       (unsigned long)regions[i].size, (unsigned long)regions[i].offset);
    if (shared >= 0)
      length += snprintf(text + length, sizeof text - length, ",\"shared_inode\":%lu",
                         (unsigned long)shared_file.st_ino);
    length += snprintf(text + length, sizeof text - length, "}");
  }
  length += snprintf(text + length, sizeof text - length, "]");

  union {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(sizeof(int))];
  } control;
  memset(&control, 0, sizeof control);
  control.header.cmsg_level = SOL_SOCKET;
  control.header.cmsg_type = SCM_RIGHTS;
  control.header.cmsg_len = CMSG_LEN(sizeof(int));
  memcpy(CMSG_DATA(&control.header), &uffd, sizeof(int));

  int fd = connect_handler();
  size_t sent = 0;
  while (sent < length) {
    struct iovec vector = {text + sent, length - sent};
    struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1};
    if (sent == 0) {
      message.msg_control = control.bytes;
      message.msg_controllen = sizeof control.bytes;
    }
    ssize_t written = sendmsg(fd, &message, MSG_NOSIGNAL);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) die("handing the memory over to %s: %s", socket_path, strerror(errno));
    sent += written;
  }
}

// Called with the lock held.
static void *map_ram(void *address, size_t length, int prot, int flags, off_t offset) {
  if (flags & MAP_SHARED)
    die("the RAM file is mapped shared; use share=off, or the guest would write into the snapshot");
  if (covered == (uint64_t)ram.st_size) die("the RAM file is mapped again after it was handed over");
  if (region_count == MAX_REGIONS) die("more than %d mappings of the RAM file", MAX_REGIONS);
  if (length % 4096 != 0 || offset % 4096 != 0)
    die("a mapping of the RAM file is not aligned to pages");
  if ((uint64_t)offset + length > (uint64_t)ram.st_size)
    die("the VMM maps RAM up to byte %llu, the RAM file has %llu; was the machine's memory size changed?",
        (unsigned long long)offset + length, (unsigned long long)ram.st_size);
  int at = region_count;
  while (at > 0 && regions[at - 1].offset > (uint64_t)offset) at--;
  if ((at > 0 && regions[at - 1].offset + regions[at - 1].size > (uint64_t)offset) ||
      (at < region_count && (uint64_t)offset + length > regions[at].offset))
    die("two mappings of the RAM file overlap at byte %llu", (unsigned long long)offset);

  int kind = MAP_PRIVATE | MAP_NORESERVE | MAP_FIXED | (shared < 0 ? MAP_ANONYMOUS : 0);
  void *memory =
      (void *)syscall(SYS_mmap, address, length, prot, kind, shared, shared < 0 ? 0L : (long)offset);
  if (memory == MAP_FAILED) die("mapping %zu bytes of guest RAM: %s", length, strerror(errno));
  if (uffd < 0) open_userfaultfd();
  struct uffdio_register registration = {
      .range = {(uintptr_t)memory, length},
      // Minor: the shared memory has the page, the VMM has not mapped it yet.
      .mode = UFFDIO_REGISTER_MODE_MISSING | (shared < 0 ? 0 : UFFDIO_REGISTER_MODE_MINOR),
  };
  if (ioctl(uffd, UFFDIO_REGISTER, &registration) != 0)
    die("UFFDIO_REGISTER of %zu bytes: %s%s", length, strerror(errno),
        shared < 0 ? "" : "; is the shared memory on tmpfs (/dev/shm)?");

  memmove(&regions[at + 1], &regions[at], (region_count - at) * sizeof regions[0]);
  regions[at] = (struct region){(uintptr_t)memory, length, (uint64_t)offset};
  region_count++;
  covered += length;
  if (covered == (uint64_t)ram.st_size) hand_over();
  return memory;
}

void *mmap(void *address, size_t length, int prot, int flags, int fd, off_t offset) {
  if ((flags & MAP_FIXED) && is_ram(fd)) {
    pthread_mutex_lock(&lock);
    void *memory = map_ram(address, length, prot, flags, offset);
    pthread_mutex_unlock(&lock);
    return memory;
  }
  return (void *)syscall(SYS_mmap, address, length, prot, flags, fd, offset);
}

void *mmap64(void *address, size_t length, int prot, int flags, int fd, off64_t offset) {
  return mmap(address, length, prot, flags, fd, offset);
}

int fallocate(int fd, int mode, off_t offset, off_t length) {
  if ((mode & FALLOC_FL_PUNCH_HOLE) && is_ram(fd)) return 0;
  return syscall(SYS_fallocate, fd, mode, offset, length);
}

int fallocate64(int fd, int mode, off64_t offset, off64_t length) {
  return fallocate(fd, mode, offset, length);
}
