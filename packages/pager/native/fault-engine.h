// SPDX-License-Identifier: Apache-2.0
// What the fault loop (fault-engine.c) and the prefetch workers (fault-workers.c) share: the engine's memory, and
// how a page is installed and recorded. In a header, because a call costs the fault path what inlining does not.
//
// Everything shared with TypeScript lies in `struct engine` (offsets mirrored in src/engine-layout.ts)
// and in memory that it points to. TypeScript owns all of it and keeps it until engine_join returns.
//
// Locking: a worker checks page states and installs under the read lock; the loop reads events and
// marks removals under the write lock. So no removal can be read - and let the VMM go on - between a
// worker's check and its copy, which would bring removed content back. While there are no workers the loop
// takes no lock and says `alone`: whoever starts workers rouses it, and they wait until it has said otherwise.
#ifndef FAULT_ENGINE_H
#define FAULT_ENGINE_H
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum page_state { ZERO = 1, REMOVED = 2, INSTALLED = 4, PREFETCHED = 8, FAULTED = 16, READY = 32 };
enum action { COPY, ZEROED, RACED };
enum record_kind { FAULT, PREFETCH, REMOVE, WANT };
enum engine_state { SERVING, PEER_GONE, FAILED, STOPPED };
enum failure { NONE, READ_FAILED, POLL_FAILED, OUTSIDE, INSTALL_FAILED, UNSUPPORTED_EVENT };
enum counter { FAULTS, COPIED, ZEROES, RACES, PREFETCHES, REMOVED_BYTES, STALLED, DEFERRED, SHARED, COUNTERS };

#define DOOR_CLOSED 0x80000000u

struct region {
  uint64_t host, size, offset;
};

struct guest_range {
  uint64_t guest, bytes, offset;
};

struct unit {
  uint32_t page, pages, zero, unused;
};

// Numbers that JavaScript reads as they are: doubles, exact for any address and time.
struct record {
  double start, duration, guest_physical, host_virtual;
  uint32_t kind, write, action, thread;
  uint32_t region, pages;
  double bytes;
};
_Static_assert(sizeof(struct record) == 64, "mirrored in engine-layout.ts");

struct engine {
  int32_t uffd, control;     // control: an eventfd that ends the loop
  int32_t notify, unused[3]; // notify: an eventfd that wakes the host
  uint64_t page_size, source, zero_page, states, regions, region_count, ranges, range_count;
  uint64_t ring, ring_records, messages, units;
  uint32_t head, tail; // records written by the engine, taken by the host; both wrap
  uint32_t lost, state;
  int32_t error, failure;
  uint64_t place;
  uint32_t next_unit, last_unit, workers, shares;
  double counters[COUNTERS];
  uint64_t index;      // where the content of page p is: source + index[p] pages; 0: + p pages
  uint32_t lazy, stop; // lazy: only READY pages have content, others are asked for (WANT)
  // Memory that clones share (src/shared-pages.ts): our mapping of it, registered with a userfaultfd of our own,
  // or 0. Never touched, only filled: touching a page that is missing would wait for ourselves.
  uint64_t pool;
  int32_t pool_uffd;
  uint32_t silent; // nobody wants records: only WANT goes through the ring
  uint32_t door;   // how many workers are at work on the units; closed: none is left for more of them
  // Private from here on.
  uint32_t alone, roused;
  pthread_rwlock_t removals;
  pthread_mutex_t ring_lock;
  pthread_t thread;
};
_Static_assert(offsetof(struct engine, page_size) == 24, "mirrored in engine-layout.ts");
_Static_assert(offsetof(struct engine, head) == 120, "mirrored in engine-layout.ts");
_Static_assert(offsetof(struct engine, counters) == 168, "mirrored in engine-layout.ts");
_Static_assert(offsetof(struct engine, index) == 240, "mirrored in engine-layout.ts");
_Static_assert(sizeof(struct engine) <= 512, "mirrored in engine-layout.ts");

static inline double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1e9 + time.tv_nsec;
}

static inline void wake_host(struct engine *engine) {
  uint64_t one = 1;
  ssize_t ignored = write(engine->notify, &one, sizeof one);
  (void)ignored;
}

static inline void fail(struct engine *engine, enum failure failure, int error, uint64_t place) {
  engine->error = error;
  engine->failure = failure;
  engine->place = place;
  __atomic_store_n(&engine->state, FAILED, __ATOMIC_RELEASE);
}

static inline uint8_t *states(struct engine *engine) { return (uint8_t *)engine->states; }

static inline double guest_physical(struct engine *engine, uint64_t offset) {
  const struct guest_range *ranges = (const struct guest_range *)engine->ranges;
  for (uint64_t i = engine->range_count; i-- > 0;)
    if (offset >= ranges[i].offset) return ranges[i].guest + (offset - ranges[i].offset);
  return offset;
}

// For the loop when it is alone, and under the lock of the ring.
// `shared`: how many of its pages clones share; the loop and the workers count those.
static inline void write_record(struct engine *engine, const struct record *record, uint64_t shared) {
  engine->counters[SHARED] += shared;
  if (record->kind == PREFETCH) engine->counters[PREFETCHES] += record->pages;
  if (engine->silent && record->kind != WANT) return; // counted, and that is all
  uint32_t tail = __atomic_load_n(&engine->tail, __ATOMIC_ACQUIRE);
  uint32_t waiting = engine->head - tail;
  if (waiting == engine->ring_records) {
    engine->lost++;
    return;
  }
  struct record *ring = (struct record *)engine->ring;
  ring[engine->head & (engine->ring_records - 1)] = *record;
  __atomic_store_n(&engine->head, engine->head + 1, __ATOMIC_RELEASE);
  // The next one's place is fetched while nobody waits for it.
  __builtin_prefetch(&ring[engine->head & (engine->ring_records - 1)], 1);
  if (waiting == engine->ring_records / 4 || record->kind == WANT) wake_host(engine);
}

static inline void put(struct engine *engine, const struct record *record, uint64_t shared) {
  pthread_mutex_lock(&engine->ring_lock);
  write_record(engine, record, shared);
  pthread_mutex_unlock(&engine->ring_lock);
}

// Both return bytes installed or a negated errno, as the structure tells it.
static inline int64_t install(struct engine *engine, uint64_t to, uint64_t from, uint64_t length,
                       uint64_t mode) {
  struct uffdio_copy copy = {.dst = to, .src = from, .len = length, .mode = mode};
  if (ioctl(engine->uffd, UFFDIO_COPY, &copy) == 0) return length;
  return copy.copy == 0 ? -errno : copy.copy;
}

// Lets the VMM map the page that clones share, and puts it there first where nobody has. The kernel adds a page to
// shared memory whole or not at all, so that whatever is there may be mapped, whoever put it there, and may be dead.
// `content` 0: only if it is there, else -EFAULT.
static inline int64_t share(struct engine *engine, uint64_t to, uint64_t offset, uint64_t content,
                            uint64_t length, uint64_t wake) {
  for (;;) {
    struct uffdio_continue map = {
        .range = {to, length},
        .mode = wake == UFFDIO_COPY_MODE_DONTWAKE ? UFFDIO_CONTINUE_MODE_DONTWAKE : 0,
    };
    if (ioctl(engine->uffd, UFFDIO_CONTINUE, &map) == 0) return length;
    int64_t mapped = map.mapped == 0 ? -errno : map.mapped;
    if (mapped != -EFAULT || content == 0) return mapped;
    struct uffdio_copy fill = {
        .dst = engine->pool + offset,
        .src = content,
        .len = length,
        .mode = UFFDIO_COPY_MODE_DONTWAKE,
    };
    if (ioctl(engine->pool_uffd, UFFDIO_COPY, &fill) == 0) continue;
    int64_t filled = fill.copy == 0 ? -errno : fill.copy;
    if (filled < 0 && filled != -EEXIST && filled != -EAGAIN) return filled;
  }
}

static inline int64_t install_zeroes(struct engine *engine, uint64_t to, uint64_t length, uint64_t mode) {
  if (engine->zero_page) return install(engine, to, engine->zero_page, engine->page_size, mode);
  struct uffdio_zeropage zero = {.range = {to, length}, .mode = mode};
  if (ioctl(engine->uffd, UFFDIO_ZEROPAGE, &zero) == 0) return length;
  return zero.zeropage == 0 ? -errno : zero.zeropage;
}

static inline const char *content_of(struct engine *engine, uint64_t page) {
  const uint32_t *index = (const uint32_t *)engine->index;
  return (const char *)engine->source + (index ? index[page] : page) * engine->page_size;
}

// Signals belong to the host's threads.
static inline int start_thread(pthread_t *thread, void *(*body)(void *), struct engine *engine) {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  int error = pthread_create(thread, NULL, body, engine);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  return error;
}

// Makes the loop look up from its wait: there are workers, or something to do that is not on the userfaultfd.
int engine_rouse(struct engine *engine);

#endif
