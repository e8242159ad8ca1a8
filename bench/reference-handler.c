// SPDX-License-Identifier: Apache-2.0
// The reference that the pager is measured against: the shortest honest page-fault handler in C. Like
// Firecracker's on-demand example it polls, reads, copies one page per fault; unlike it, it prints
// nothing, installs holes of the file as zero pages, and has its memory file populated.
//
//   reference-handler SOCKET MEMORY_FILE      prints "listening" and serves one VMM to its end
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define PAGE 4096UL
#define MAX_REGIONS 64

static struct {
  uint64_t base, size, offset;
} regions[MAX_REGIONS];
static int region_count;

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static uint64_t number_after(const char *text, const char *name) {
  const char *at = strstr(text, name);
  if (at == NULL) fail(name);
  return strtoull(at + strlen(name), NULL, 10);
}

static int receive(int channel) {
  static char text[65536];
  struct iovec vector = {text, sizeof text - 1};
  union {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(sizeof(int))];
  } control;
  struct msghdr message = {
      .msg_iov = &vector,
      .msg_iovlen = 1,
      .msg_control = control.bytes,
      .msg_controllen = sizeof control.bytes,
  };
  ssize_t length = recvmsg(channel, &message, 0);
  struct cmsghdr *header = CMSG_FIRSTHDR(&message);
  if (length <= 0 || header == NULL) fail("handshake");
  text[length] = 0;
  for (char *at = text; (at = strstr(at, "\"base_host_virt_addr\":")) != NULL; at++) {
    regions[region_count].base = number_after(at, "\"base_host_virt_addr\":");
    regions[region_count].size = number_after(at, "\"size\":");
    regions[region_count].offset = number_after(at, "\"offset\":");
    region_count++;
  }
  int uffd;
  memcpy(&uffd, CMSG_DATA(header), sizeof uffd);
  return uffd;
}

int main(int argc, char **argv) {
  if (argc != 3) return 64;
  int file = open(argv[2], O_RDONLY);
  struct stat status;
  if (file < 0 || fstat(file, &status) != 0) fail(argv[2]);
  const char *memory = mmap(NULL, status.st_size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, file, 0);
  if (memory == MAP_FAILED) fail("mmap");
  unsigned char *hole = calloc(status.st_size / PAGE, 1);
  memset(hole, 1, status.st_size / PAGE);
  for (off_t at = 0; (at = lseek(file, at, SEEK_DATA)) >= 0 && at < status.st_size;) {
    off_t end = lseek(file, at, SEEK_HOLE);
    for (off_t page = at / PAGE; page < (off_t)((end + PAGE - 1) / PAGE); page++) hole[page] = 0;
    at = end;
  }

  struct sockaddr_un address = {.sun_family = AF_UNIX};
  strncpy(address.sun_path, argv[1], sizeof address.sun_path - 1);
  int listener = socket(AF_UNIX, SOCK_STREAM, 0);
  if (bind(listener, (struct sockaddr *)&address, sizeof address) != 0) fail("bind");
  if (listen(listener, 1) != 0) fail("listen");
  printf("listening\n");
  fflush(stdout);
  int channel = accept(listener, NULL, NULL);
  int uffd = receive(channel);

  struct pollfd fds[2] = {{uffd, POLLIN, 0}, {channel, POLLIN, 0}};
  struct uffd_msg messages[64];
  for (;;) {
    if (poll(fds, 2, -1) < 0 && errno != EINTR) fail("poll");
    if (fds[1].revents & POLLHUP) return 0;
    if (!(fds[0].revents & POLLIN)) continue;
    ssize_t length = read(uffd, messages, sizeof messages);
    for (ssize_t i = 0; i * (ssize_t)sizeof messages[0] < length; i++) {
      if (messages[i].event != UFFD_EVENT_PAGEFAULT) continue;
      uint64_t fault = messages[i].arg.pagefault.address & ~(PAGE - 1);
      int r = 0;
      while (fault < regions[r].base || fault >= regions[r].base + regions[r].size)
        if (++r == region_count) return 2;
      uint64_t offset = regions[r].offset + (fault - regions[r].base);
      int result;
      if (hole[offset / PAGE]) {
        struct uffdio_zeropage zero = {.range = {fault, PAGE}};
        result = ioctl(uffd, UFFDIO_ZEROPAGE, &zero);
      } else {
        struct uffdio_copy copy = {.dst = fault, .src = (uint64_t)memory + offset, .len = PAGE};
        result = ioctl(uffd, UFFDIO_COPY, &copy);
      }
      if (result != 0 && errno == ESRCH) return 0;
      if (result != 0 && errno != EEXIST) fail("serving");
    }
  }
}
