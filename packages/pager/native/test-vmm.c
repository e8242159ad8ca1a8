// SPDX-License-Identifier: Apache-2.0
// A stand-in for a VMM in the pager's tests and benchmarks: maps memory, performs the handshake, then
// does what its arguments say, page by page, and checks every byte that comes back.
//
//   test-vmm [OPTION...] SOCKET MEMORY_FILE ACTION...
//
// Options
//   --region BYTES      one region of memory (repeat; default one region of the file's size)
//   --fields both|kib|none   which page size fields the message has (Firecracker 1.12+, 1.7, 1.4)
//   --page-size BYTES   2097152 maps huge pages
//   --split             the message in two parts, the descriptor with the second
//   --no-thread-ids     register without UFFD_FEATURE_THREAD_ID, as Firecracker does
//   --fork-events       register with UFFD_FEATURE_EVENT_FORK, which no pager here can serve
//   --alarm SECONDS     end with SIGALRM after so long (default 30)
//   --shared            for --preload: map the file MAP_SHARED
//   --preload           no handshake of our own: map the file MAP_FIXED and let LD_PRELOAD do it
//
// Actions, in order (pages are numbered over all regions in file order)
//   read A B | write A B     touch pages [A, B); write stores 0xA5 into the last byte
//   check A B                pages [A, B) equal the file
//   zeroes A B               pages [A, B) are all zero
//   written A B              the last byte of pages [A, B) is 0xA5
//   replay FILE              touch the pages listed as u32, little endian, in that order
//   remove A B               madvise(DONTNEED)
//   race A B                 remove [A, B) while another thread reads the same pages
//   threads N A B            N threads read [A, B), interleaved
//   absent A B               fail if a page of [A, B) is present (mincore)
//   present A B              fail unless every page of [A, B) is present
//   punch A B                fallocate(PUNCH_HOLE) of the file range
//   pause MS | wait          sleep; or wait for a line on stdin
//   say TEXT                 print TEXT on stdout
//   fork                     fork a child that ends at once
//   truncate BYTES           cut the memory file short
//   hangup                   close the socket and go on
//   send TEXT                (instead of the handshake, must be first) send TEXT without a descriptor
//   send-fd TEXT             the same with the userfaultfd
//   die                      SIGKILL to itself
//   latency FILE             write the nanoseconds of every touch so far as u64
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <signal.h>
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
#include <time.h>
#include <unistd.h>

#define MAX_REGIONS 64
#define PAGE 4096UL

static unsigned char *bases[MAX_REGIONS];
static uint64_t sizes[MAX_REGIONS], offsets[MAX_REGIONS];
static int regions;
static uint64_t page_size = PAGE;
static int channel = -1, uffd = -1, memory_fd = -1;
static const unsigned char *expected;
static uint64_t file_size;
static uint64_t *latencies;
static size_t latency_count, latency_room;

__attribute__((noreturn)) static void fail(const char *what) {
  fprintf(stderr, "test-vmm: %s: %s\n", what, strerror(errno));
  _exit(1);
}

__attribute__((noreturn)) static void wrong(const char *what, uint64_t page) {
  fprintf(stderr, "test-vmm: page %lu %s\n", (unsigned long)page, what);
  _exit(2);
}

static uint64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000000000ULL + time.tv_nsec;
}

static volatile unsigned char *at(uint64_t page) {
  uint64_t offset = page * page_size;
  for (int i = 0; i < regions; i++)
    if (offset >= offsets[i] && offset < offsets[i] + sizes[i])
      return bases[i] + (offset - offsets[i]);
  errno = ERANGE;
  fail("page outside every region");
}

static void touch(uint64_t page, int write) {
  volatile unsigned char *memory = at(page);
  uint64_t start = now();
  if (write)
    memory[page_size - 1] = 0xA5;
  else
    (void)memory[0];
  uint64_t took = now() - start;
  if (latency_count == latency_room) {
    latency_room = latency_room ? latency_room * 2 : 65536;
    latencies = realloc(latencies, latency_room * sizeof *latencies);
  }
  latencies[latency_count++] = took;
}

static void present(uint64_t from, uint64_t to, int want) {
  for (uint64_t page = from; page < to; page++) {
    unsigned char residency = 0;
    if (mincore((void *)at(page), page_size, &residency) != 0) fail("mincore");
    if ((residency & 1) != want) wrong(want ? "is absent" : "is present", page);
  }
}

static int connect_to(const char *path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  strncpy(address.sun_path, path, sizeof address.sun_path - 1);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) != 0) fail(path);
  return fd;
}

static void send_text(const char *text, size_t length, int descriptor) {
  struct iovec vector = {(void *)text, length};
  struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1};
  union {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(sizeof(int))];
  } control = {0};
  if (descriptor >= 0) {
    control.header.cmsg_level = SOL_SOCKET;
    control.header.cmsg_type = SCM_RIGHTS;
    control.header.cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(&control.header), &descriptor, sizeof(int));
    message.msg_control = control.bytes;
    message.msg_controllen = sizeof control.bytes;
  }
  if (sendmsg(channel, &message, MSG_NOSIGNAL) != (ssize_t)length) fail("sendmsg");
}

static void open_userfaultfd(int thread_ids, int fork_events) {
  uffd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
  if (uffd < 0) fail("userfaultfd");
  struct uffdio_api api = {
      .api = UFFD_API,
      .features = UFFD_FEATURE_EVENT_REMOVE | (thread_ids ? UFFD_FEATURE_THREAD_ID : 0) |
                  (fork_events ? UFFD_FEATURE_EVENT_FORK : 0),
  };
  if (ioctl(uffd, UFFDIO_API, &api) != 0) fail("UFFDIO_API");
}

static void map_regions(void) {
  for (int i = 0; i < regions; i++) {
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
    if (page_size != PAGE) flags |= MAP_HUGETLB;
    bases[i] = mmap(NULL, sizes[i], PROT_READ | PROT_WRITE, flags, -1, 0);
    if (bases[i] == MAP_FAILED) fail("mmap");
    struct uffdio_register registration = {
        .range = {(uintptr_t)bases[i], sizes[i]},
        .mode = UFFDIO_REGISTER_MODE_MISSING,
    };
    if (ioctl(uffd, UFFDIO_REGISTER, &registration) != 0) fail("UFFDIO_REGISTER");
  }
}

static void handshake(const char *fields, int split) {
  static char text[MAX_REGIONS * 256];
  size_t length = 0;
  for (int i = 0; i < regions; i++) {
    length += sprintf(text + length, "%s{\"base_host_virt_addr\":%lu,\"size\":%lu,\"offset\":%lu",
                      i ? "," : "[", (unsigned long)bases[i], (unsigned long)sizes[i],
                      (unsigned long)offsets[i]);
    if (strcmp(fields, "both") == 0)
      length += sprintf(text + length, ",\"page_size\":%lu", (unsigned long)page_size);
    if (strcmp(fields, "none") != 0)
      length += sprintf(text + length, ",\"page_size_kib\":%lu", (unsigned long)page_size);
    length += sprintf(text + length, "}");
  }
  length += sprintf(text + length, "]");
  if (split) {
    send_text(text, length / 2, -1);
    usleep(20000);
    send_text(text + length / 2, length - length / 2, uffd);
  } else {
    send_text(text, length, uffd);
  }
}

static void map_preloaded(int shared) {
  for (int i = 0; i < regions; i++) {
    void *reserved = mmap(NULL, sizes[i], PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (reserved == MAP_FAILED) fail("mmap");
    bases[i] = mmap(reserved, sizes[i], PROT_READ | PROT_WRITE,
                    (shared ? MAP_SHARED : MAP_PRIVATE) | MAP_FIXED, memory_fd, offsets[i]);
    if (bases[i] == MAP_FAILED) fail("mmap of the file");
  }
}

struct span {
  uint64_t from, to, step;
};

static void *read_span(void *argument) {
  struct span *span = argument;
  for (uint64_t page = span->from; page < span->to; page += span->step) (void)at(page)[0];
  return NULL;
}

static void remove_pages(uint64_t from, uint64_t to) {
  for (uint64_t page = from; page < to; page++)
    if (madvise((void *)at(page), page_size, MADV_DONTNEED) != 0) fail("madvise");
}

static void remove_range(uint64_t from, uint64_t to) {
  // One call per stretch that is contiguous in memory.
  while (from < to) {
    uint64_t end = from + 1;
    while (end < to && at(end) == at(from) + (end - from) * page_size) end++;
    if (madvise((void *)at(from), (end - from) * page_size, MADV_DONTNEED) != 0) fail("madvise");
    from = end;
  }
}

static uint64_t number(const char *text) { return strtoull(text, NULL, 0); }

int main(int argc, char **argv) {
  const char *fields = "both";
  int split = 0, thread_ids = 1, fork_events = 0, preload = 0, shared = 0, alarm_seconds = 30, i = 1;
  for (; i < argc && strncmp(argv[i], "--", 2) == 0; i++) {
    if (strcmp(argv[i], "--region") == 0) sizes[regions++] = number(argv[++i]);
    else if (strcmp(argv[i], "--fields") == 0) fields = argv[++i];
    else if (strcmp(argv[i], "--page-size") == 0) page_size = number(argv[++i]);
    else if (strcmp(argv[i], "--split") == 0) split = 1;
    else if (strcmp(argv[i], "--no-thread-ids") == 0) thread_ids = 0;
    else if (strcmp(argv[i], "--fork-events") == 0) fork_events = 1;
    else if (strcmp(argv[i], "--preload") == 0) preload = 1;
    else if (strcmp(argv[i], "--shared") == 0) shared = 1;
    else if (strcmp(argv[i], "--alarm") == 0) alarm_seconds = number(argv[++i]);
    else { fprintf(stderr, "test-vmm: unknown option %s\n", argv[i]); return 64; }
  }
  if (argc - i < 2) { fprintf(stderr, "test-vmm: SOCKET MEMORY_FILE ACTION...\n"); return 64; }
  alarm(alarm_seconds);
  const char *socket_path = argv[i++];
  memory_fd = open(argv[i++], O_RDWR | O_CLOEXEC);
  struct stat status;
  if (memory_fd < 0 || fstat(memory_fd, &status) != 0) fail("memory file");
  file_size = status.st_size;
  expected = mmap(NULL, file_size, PROT_READ, MAP_PRIVATE, memory_fd, 0);
  if (expected == MAP_FAILED) fail("mmap of the memory file");
  if (regions == 0) sizes[regions++] = file_size;
  uint64_t offset = 0;
  for (int r = 0; r < regions; r++) { offsets[r] = offset; offset += sizes[r]; }

  if (preload) {
    map_preloaded(shared);
  } else {
    open_userfaultfd(thread_ids, fork_events);
    map_regions();
    channel = connect_to(socket_path);
    if (i >= argc || (strcmp(argv[i], "send") != 0 && strcmp(argv[i], "send-fd") != 0))
      handshake(fields, split);
  }

#define IS(name, count) (strcmp(argv[i], name) == 0 && i + (count) < argc)
  for (; i < argc; i++) {
    if (IS("read", 2) || IS("write", 2)) {
      int write = argv[i][0] == 'w';
      for (uint64_t page = number(argv[i + 1]); page < number(argv[i + 2]); page++) touch(page, write);
      i += 2;
    } else if (IS("check", 2)) {
      for (uint64_t page = number(argv[i + 1]); page < number(argv[i + 2]); page++)
        if (memcmp((void *)at(page), expected + page * page_size, page_size) != 0)
          wrong("differs from the file", page);
      i += 2;
    } else if (IS("zeroes", 2)) {
      for (uint64_t page = number(argv[i + 1]); page < number(argv[i + 2]); page++)
        for (uint64_t byte = 0; byte < page_size; byte++)
          if (at(page)[byte] != 0) wrong("is not zero", page);
      i += 2;
    } else if (IS("written", 2)) {
      for (uint64_t page = number(argv[i + 1]); page < number(argv[i + 2]); page++)
        if (at(page)[page_size - 1] != 0xA5) wrong("lost what was written", page);
      i += 2;
    } else if (IS("replay", 1)) {
      FILE *file = fopen(argv[++i], "rb");
      uint32_t page;
      if (file == NULL) fail(argv[i]);
      while (fread(&page, 4, 1, file) == 1) touch(page, 0);
      fclose(file);
    } else if (IS("remove", 2)) {
      remove_range(number(argv[i + 1]), number(argv[i + 2]));
      i += 2;
    } else if (IS("race", 2)) {
      struct span span = {number(argv[i + 1]), number(argv[i + 2]), 1};
      pthread_t reader;
      pthread_create(&reader, NULL, read_span, &span);
      remove_pages(span.from, span.to);
      pthread_join(reader, NULL);
      i += 2;
    } else if (IS("threads", 3)) {
      int count = number(argv[i + 1]);
      pthread_t threads[64];
      struct span spans[64];
      for (int t = 0; t < count; t++) {
        spans[t] = (struct span){number(argv[i + 2]) + t, number(argv[i + 3]), count};
        pthread_create(&threads[t], NULL, read_span, &spans[t]);
      }
      for (int t = 0; t < count; t++) pthread_join(threads[t], NULL);
      i += 3;
    } else if (IS("absent", 2) || IS("present", 2)) {
      present(number(argv[i + 1]), number(argv[i + 2]), argv[i][0] == 'p');
      i += 2;
    } else if (IS("punch", 2)) {
      uint64_t from = number(argv[i + 1]) * page_size, to = number(argv[i + 2]) * page_size;
      if (fallocate(memory_fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, from, to - from) != 0)
        fail("fallocate");
      i += 2;
    } else if (IS("pause", 1)) {
      usleep(1000 * number(argv[++i]));
    } else if (IS("wait", 0)) {
      char line[16];
      if (fgets(line, sizeof line, stdin) == NULL) return 3;
    } else if (IS("say", 1)) {
      printf("%s\n", argv[++i]);
      fflush(stdout);
    } else if (IS("fork", 0)) {
      if (fork() == 0) _exit(0);
    } else if (IS("truncate", 1)) {
      if (ftruncate(memory_fd, number(argv[++i])) != 0) fail("ftruncate");
    } else if (IS("hangup", 0)) {
      close(channel);
    } else if (IS("send", 1)) {
      send_text(argv[i + 1], strlen(argv[i + 1]), -1);
      i++;
    } else if (IS("send-fd", 1)) {
      send_text(argv[i + 1], strlen(argv[i + 1]), uffd);
      i++;
    } else if (IS("die", 0)) {
      kill(getpid(), SIGKILL);
    } else if (IS("latency", 1)) {
      FILE *file = fopen(argv[++i], "wb");
      if (file == NULL || fwrite(latencies, 8, latency_count, file) != latency_count) fail(argv[i]);
      fclose(file);
    } else {
      fprintf(stderr, "test-vmm: bad action %s\n", argv[i]);
      return 64;
    }
  }
  return 0;
}
