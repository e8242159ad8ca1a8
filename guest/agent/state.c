// SPDX-License-Identifier: Apache-2.0
#include "state.h"
#include "attach.h"
#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/random.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define ENTROPY_MAX 512

static void write_clock(struct reply *reply, const char *name, clockid_t clock) {
  struct timespec now;
  if (clock_gettime(clock, &now) == 0)
    reply_format(reply, "%s %lld\n", name, (long long)now.tv_sec * 1000000000 + now.tv_nsec);
}

void write_clocks(struct reply *reply, const char *arguments) {
  (void)arguments;
  write_clock(reply, "realtime", CLOCK_REALTIME);
  write_clock(reply, "monotonic", CLOCK_MONOTONIC);
  write_clock(reply, "boottime", CLOCK_BOOTTIME);
}

static int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// Returns the text after the digits; -1 in *count for odd or too many digits.
static const char *parse_hex(const char *text, unsigned char *bytes, int room, int *count) {
  *count = 0;
  while (hex_digit(text[0]) >= 0) {
    if (hex_digit(text[1]) < 0 || *count == room) {
      *count = -1;
      return text;
    }
    bytes[(*count)++] = (unsigned char)(hex_digit(text[0]) << 4 | hex_digit(text[1]));
    text += 2;
  }
  return text;
}

void reseed(struct reply *reply, const char *arguments) {
  struct {
    struct rand_pool_info info;
    unsigned char bytes[ENTROPY_MAX];
  } pool;
  int count;
  const char *rest = parse_hex(arguments, (unsigned char *)pool.info.buf, ENTROPY_MAX, &count);
  if (count <= 0 || (*rest && *rest != ' ')) {
    reply_error(reply, "reseed wants 1 to %d bytes in hexadecimal", ENTROPY_MAX);
    return;
  }
  int random = open("/dev/urandom", O_RDWR | O_CLOEXEC);
  if (random < 0) {
    reply_error(reply, "/dev/urandom: %s", strerror(errno));
    return;
  }
  pool.info.entropy_count = count * 8;
  pool.info.buf_size = count;
  // Kernels before 5.18 wait up to five minutes for the next reseed unless told.
  if (ioctl(random, RNDADDENTROPY, &pool) < 0 || ioctl(random, RNDRESEEDCRNG) < 0)
    reply_error(reply, "reseeding the random generator: %s", strerror(errno));
  close(random);
  memset(&pool, 0, sizeof pool);
  while (*rest == ' ') rest++;
  if (!*rest) return;
  long long nanoseconds = atoll(rest);
  struct timespec now = {.tv_sec = nanoseconds / 1000000000, .tv_nsec = nanoseconds % 1000000000};
  if (nanoseconds <= 0 || clock_settime(CLOCK_REALTIME, &now) < 0)
    reply_error(reply, "setting the clock to %s: %s", rest, nanoseconds <= 0 ? "not a time" : strerror(errno));
}

void drop_caches(struct reply *reply, const char *arguments) {
  (void)arguments;
  sync();
  int fd = open("/proc/sys/vm/drop_caches", O_WRONLY | O_CLOEXEC);
  if (fd < 0 || write(fd, "3", 1) != 1) reply_error(reply, "drop_caches: %s", strerror(errno));
  if (fd >= 0) close(fd);
}

void prepare_snapshot(struct reply *reply, const char *arguments) {
  int pids[4096];
  char exe[4096], why[300];
  int count = process_list(pids, 4096);
  for (int i = 0; i < count; i++) {
    if (process_executable(pids[i], exe, sizeof exe) < 0 || !process_is_java(exe)) continue;
    if (jvm_command_quietly(pids[i], "GC.run", why, sizeof why) < 0)
      reply_format(reply, "%d GC.run failed: %s\n", pids[i], why);
    else reply_format(reply, "%d GC.run done\n", pids[i]);
    // Since JDK 17.0.9 / 21 and only with glibc.
    if (jvm_command_quietly(pids[i], "System.trim_native_heap", why, sizeof why) < 0)
      reply_format(reply, "%d System.trim_native_heap not available: %s\n", pids[i], why);
    else reply_format(reply, "%d System.trim_native_heap done\n", pids[i]);
  }
  drop_caches(reply, arguments);
}
