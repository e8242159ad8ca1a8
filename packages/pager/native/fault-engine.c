// SPDX-License-Identifier: Apache-2.0
// The fault loop as native code: one thread that polls, reads and installs pages, and workers that
// install runs of pages ahead of demand. It keeps the rules that src/fault-loop.ts explains; that loop
// is its judge in the tests and stands in where no C compiler is at hand.
//
// Why it exists, measured: a restored VM faults a few thousand times, which is over before a JIT has
// warmed up. In TypeScript the median service time was 1.6 times, the 99th percentile 4 times that of a
// plain C handler.
//
// Everything shared with TypeScript lies in `struct engine` (offsets mirrored in src/engine-layout.ts)
// and in memory that it points to. TypeScript owns all of it and keeps it until engine_join returns.
//
// Locking: a worker checks page states and installs under the read lock; the loop reads events and
// marks removals under the write lock. So no removal can be read - and let the VMM go on - between a
// worker's check and its copy, which would bring removed content back. While there are no workers the loop
// only says `draining`: a new worker waits until that is over, and from then on the loop sees it.
#define _GNU_SOURCE
#include <errno.h>
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

#define MESSAGES 64
#define PENDING 4096
#define RETRY_MILLIS 1
#define ASK_AGAIN_MILLIS 100
#define EAGER_RETRIES 64
#define MOST_BATCH 512
#define LEAST_BATCH 16

enum page_state { ZERO = 1, REMOVED = 2, INSTALLED = 4, PREFETCHED = 8, FAULTED = 16, READY = 32 };
enum action { COPY, ZEROED, RACED };
enum record_kind { FAULT, PREFETCH, REMOVE, WANT };
enum engine_state { SERVING, PEER_GONE, FAILED, STOPPED };
enum failure { NONE, READ_FAILED, POLL_FAILED, OUTSIDE, INSTALL_FAILED, UNSUPPORTED_EVENT };
enum counter { FAULTS, COPIED, ZEROES, RACES, PREFETCHES, REMOVED_BYTES, STALLED, DEFERRED, COUNTERS };

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
  uint32_t kind, write, action, thread, region, pages;
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
  uint32_t next_share, last_unit, workers, shares;
  double counters[COUNTERS];
  uint64_t index;      // where the content of page p is: source + index[p] pages; 0: + p pages
  uint32_t lazy, stop; // lazy: only READY pages have content, others are asked for (WANT)
  // Private from here on.
  uint32_t draining;
  pthread_rwlock_t removals;
  pthread_mutex_t ring_lock;
  pthread_t thread;
};
_Static_assert(offsetof(struct engine, page_size) == 24, "mirrored in engine-layout.ts");
_Static_assert(offsetof(struct engine, head) == 120, "mirrored in engine-layout.ts");
_Static_assert(offsetof(struct engine, counters) == 168, "mirrored in engine-layout.ts");
_Static_assert(offsetof(struct engine, index) == 232, "mirrored in engine-layout.ts");
_Static_assert(sizeof(struct engine) <= 512, "mirrored in engine-layout.ts");

struct fault {
  uint64_t address;
  double since;
  uint32_t thread, write;
};

struct loop {
  struct engine *engine;
  struct fault *pending;
  int count, parked, target_gone, last_region;
  struct fault *waiting; // parked: their content has been asked for
};

// In a process of several threads the C library's poll and read are cancellation points, which costs two
// atomic operations each; nobody cancels this thread.
static ssize_t read_messages(int fd, void *buffer, size_t size) {
  return syscall(SYS_read, fd, buffer, size);
}

static int poll_for(struct pollfd *fds, int count, int millis) {
  struct timespec time = {millis / 1000, millis % 1000 * 1000000L};
  return syscall(SYS_ppoll, fds, count, millis < 0 ? NULL : &time, NULL, 0);
}

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1e9 + time.tv_nsec;
}

static void wake_host(struct engine *engine) {
  uint64_t one = 1;
  ssize_t ignored = write(engine->notify, &one, sizeof one);
  (void)ignored;
}

static void fail(struct engine *engine, enum failure failure, int error, uint64_t place) {
  engine->error = error;
  engine->failure = failure;
  engine->place = place;
  __atomic_store_n(&engine->state, FAILED, __ATOMIC_RELEASE);
}

static uint8_t *states(struct engine *engine) { return (uint8_t *)engine->states; }

static int is_zero(const char *memory, uint64_t length) {
  return *(const uint64_t *)memory == 0 && memcmp(memory, memory + 8, length - 8) == 0;
}

static double guest_physical(struct engine *engine, uint64_t offset) {
  const struct guest_range *ranges = (const struct guest_range *)engine->ranges;
  for (uint64_t i = engine->range_count; i-- > 0;)
    if (offset >= ranges[i].offset) return ranges[i].guest + (offset - ranges[i].offset);
  return offset;
}

static void put(struct engine *engine, const struct record *record) {
  pthread_mutex_lock(&engine->ring_lock);
  if (record->kind == PREFETCH) engine->counters[PREFETCHES] += record->pages;
  uint32_t tail = __atomic_load_n(&engine->tail, __ATOMIC_ACQUIRE);
  uint32_t waiting = engine->head - tail;
  if (waiting == engine->ring_records) {
    engine->lost++;
  } else {
    ((struct record *)engine->ring)[engine->head & (engine->ring_records - 1)] = *record;
    __atomic_store_n(&engine->head, engine->head + 1, __ATOMIC_RELEASE);
    if (waiting == engine->ring_records / 4 || record->kind == WANT) wake_host(engine);
  }
  pthread_mutex_unlock(&engine->ring_lock);
}

// Both return bytes installed or a negated errno, as the structure tells it.
static int64_t install(struct engine *engine, uint64_t to, uint64_t from, uint64_t length,
                       uint64_t mode) {
  struct uffdio_copy copy = {.dst = to, .src = from, .len = length, .mode = mode};
  if (ioctl(engine->uffd, UFFDIO_COPY, &copy) == 0) return length;
  return copy.copy == 0 ? -errno : copy.copy;
}

static int64_t install_zeroes(struct engine *engine, uint64_t to, uint64_t length, uint64_t mode) {
  if (engine->zero_page) return install(engine, to, engine->zero_page, engine->page_size, mode);
  struct uffdio_zeropage zero = {.range = {to, length}, .mode = mode};
  if (ioctl(engine->uffd, UFFDIO_ZEROPAGE, &zero) == 0) return length;
  return zero.zeropage == 0 ? -errno : zero.zeropage;
}

static const char *content_of(struct engine *engine, uint64_t page) {
  const uint32_t *index = (const uint32_t *)engine->index;
  return (const char *)engine->source + (index ? index[page] : page) * engine->page_size;
}

static const struct region *find(struct loop *loop, uint64_t address) {
  struct engine *engine = loop->engine;
  const struct region *regions = (const struct region *)engine->regions;
  const struct region *last = &regions[loop->last_region];
  if (address - last->host < last->size) return last;
  for (uint64_t i = 0; i < engine->region_count; i++)
    if (address - regions[i].host < regions[i].size) {
      loop->last_region = i;
      return &regions[i];
    }
  return NULL;
}

// Faults whose content may be there by now are answered again.
static void unpark(struct loop *loop) {
  memcpy(&loop->pending[loop->count], loop->waiting, loop->parked * sizeof *loop->waiting);
  loop->count += loop->parked;
  loop->parked = 0;
}

static void mark_removed(struct loop *loop, uint64_t start, uint64_t end, double time) {
  struct engine *engine = loop->engine;
  while (start < end) {
    const struct region *region = find(loop, start);
    if (region == NULL) return;
    uint64_t region_end = region->host + region->size;
    uint64_t stop = end < region_end ? end : region_end;
    uint64_t offset = region->offset + (start - region->host);
    uint64_t last = (offset + (stop - start) + engine->page_size - 1) / engine->page_size;
    for (uint64_t page = offset / engine->page_size; page < last; page++) {
      __atomic_fetch_or(&states(engine)[page], REMOVED, __ATOMIC_RELAXED);
      __atomic_fetch_and(&states(engine)[page], (uint8_t)~INSTALLED, __ATOMIC_RELAXED);
    }
    engine->counters[REMOVED_BYTES] += stop - start;
    put(engine, &(struct record){
                    .kind = REMOVE,
                    .start = time,
                    .guest_physical = guest_physical(engine, offset),
                    .bytes = stop - start,
                });
    start = stop;
  }
  if (loop->parked > 0) unpark(loop); // some of them may want zeroes now
}

static void take(struct loop *loop, const struct uffd_msg *message, double time) {
  struct engine *engine = loop->engine;
  switch (message->event) {
  case UFFD_EVENT_PAGEFAULT:
    loop->pending[loop->count++] = (struct fault){
        .address = message->arg.pagefault.address & ~(engine->page_size - 1),
        .since = time,
        .thread = message->arg.pagefault.feat.ptid,
        .write = (message->arg.pagefault.flags & UFFD_PAGEFAULT_FLAG_WRITE) != 0,
    };
    break;
  case UFFD_EVENT_REMOVE:
  case UFFD_EVENT_UNMAP:
    mark_removed(loop, message->arg.remove.start, message->arg.remove.end, time);
    break;
  default:
    fail(engine, UNSUPPORTED_EVENT, message->event, 0);
  }
}

// Reads every waiting event, as long as there is room for faults.
static void drain(struct loop *loop) {
  struct engine *engine = loop->engine;
  struct uffd_msg *messages = (struct uffd_msg *)engine->messages;
  while (loop->count + loop->parked + MESSAGES <= PENDING) {
    __atomic_store_n(&engine->draining, 1, __ATOMIC_SEQ_CST);
    int locked = __atomic_load_n(&engine->workers, __ATOMIC_SEQ_CST) > 0;
    if (locked) pthread_rwlock_wrlock(&engine->removals);
    ssize_t length = read_messages(engine->uffd, messages, MESSAGES * sizeof *messages);
    int error = errno;
    double time = now();
    int count = length < 0 ? 0 : length / sizeof *messages;
    for (int i = 0; i < count; i++) take(loop, &messages[i], time);
    if (locked) pthread_rwlock_unlock(&engine->removals);
    __atomic_store_n(&engine->draining, 0, __ATOMIC_RELEASE);
    if (length < 0 && error != EAGAIN && error != EINTR) fail(engine, READ_FAILED, error, 0);
    if (count < MESSAGES) return;
  }
}

enum answer { WAITS, ANSWERED, PARKED };

// Answers a fault, unless it has to wait for an event to be read or for its content.
static enum answer answer(struct loop *loop, const struct fault *fault) {
  struct engine *engine = loop->engine;
  const struct region *region = find(loop, fault->address);
  if (region == NULL) {
    fail(engine, OUTSIDE, 0, fault->address);
    return ANSWERED;
  }
  uint64_t size = engine->page_size;
  uint64_t offset = region->offset + (fault->address - region->host);
  uint8_t *state = &states(engine)[offset / size];
  if (engine->lazy && !(__atomic_load_n(state, __ATOMIC_ACQUIRE) & (ZERO | REMOVED | READY))) {
    loop->waiting[loop->parked++] = *fault;
    put(engine, &(struct record){.kind = WANT, .start = fault->since, .pages = offset / size});
    return PARKED;
  }
  const char *content = content_of(engine, offset / size);
  int zero = (*state & (ZERO | REMOVED)) != 0 || is_zero(content, size);
  enum action action = zero ? ZEROED : COPY;
  int64_t result = zero ? install_zeroes(engine, fault->address, size, 0)
                        : install(engine, fault->address, (uint64_t)content, size, 0);
  if (result != (int64_t)size) {
    struct uffdio_range page = {fault->address, size};
    if (result == -EAGAIN) return WAITS;
    if (result == -EEXIST) {
      // Installed by somebody who may not have woken this thread.
      ioctl(engine->uffd, UFFDIO_WAKE, &page);
      action = RACED;
    } else if (result == -ENOENT) {
      // Unmapped or unregistered meanwhile: the thread shall find out for itself.
      ioctl(engine->uffd, UFFDIO_WAKE, &page);
      return ANSWERED;
    } else if (result == -ESRCH) {
      loop->target_gone = 1;
      return ANSWERED;
    } else {
      fail(engine, INSTALL_FAILED, (int)-result, fault->address);
      return ANSWERED;
    }
  }
  double duration = now() - fault->since;
  __atomic_fetch_or(state, INSTALLED | FAULTED, __ATOMIC_RELAXED);
  engine->counters[FAULTS]++;
  engine->counters[COPIED + action]++;
  engine->counters[STALLED] += duration;
  put(engine, &(struct record){
                  .kind = FAULT,
                  .start = fault->since,
                  .duration = duration,
                  .guest_physical = guest_physical(engine, offset),
                  .host_virtual = fault->address,
                  .write = fault->write,
                  .action = action,
                  .thread = fault->thread,
                  .region = region - (const struct region *)engine->regions,
              });
  return ANSWERED;
}

static void serve(struct loop *loop) {
  struct engine *engine = loop->engine;
  for (int attempt = 0; attempt < EAGER_RETRIES && loop->count > 0; attempt++) {
    int kept = 0;
    for (int i = 0; i < loop->count; i++)
      if (!loop->target_gone && engine->state == SERVING &&
          answer(loop, &loop->pending[i]) == WAITS)
        loop->pending[kept++] = loop->pending[i];
    loop->count = kept;
    if (kept == 0) return;
    engine->counters[DEFERRED] += kept;
    drain(loop);
  }
}

// Priorities were tried, a higher one here and lower ones for the host's threads: both cost a tenth of the median.
// Looking a few times before sleeping was tried: 4 % off the median, but the 99th percentile doubled, because
// the woken vCPU is often put on the very core that looks.
static void *run(void *argument) {
  struct engine *engine = argument;
  struct loop loop = {
      .engine = engine,
      .pending = malloc(PENDING * sizeof(struct fault)),
      .waiting = malloc(PENDING * sizeof(struct fault)),
  };
  struct pollfd fds[] = {{engine->uffd, POLLIN, 0}, {engine->control, POLLIN, 0}};
  while (engine->state == SERVING) {
    int millis = loop.count > 0 ? RETRY_MILLIS : loop.parked > 0 ? ASK_AGAIN_MILLIS : -1;
    int ready = poll_for(fds, 2, millis);
    if (ready < 0 && errno != EINTR) fail(engine, POLL_FAILED, errno, 0);
    if (ready > 0 && fds[0].revents) drain(&loop);
    if (ready == 0) unpark(&loop);
    if (ready > 0 && fds[1].revents) {
      uint64_t signals;
      ssize_t ignored = read(engine->control, &signals, sizeof signals);
      (void)ignored;
      if (!__atomic_load_n(&engine->stop, __ATOMIC_ACQUIRE)) unpark(&loop);
      else if (engine->state == SERVING)
        __atomic_store_n(&engine->state, STOPPED, __ATOMIC_RELEASE);
    }
    if (loop.count > 0 && engine->state == SERVING) serve(&loop);
    if (loop.target_gone && engine->state == SERVING)
      __atomic_store_n(&engine->state, PEER_GONE, __ATOMIC_RELEASE);
  }
  free(loop.pending);
  free(loop.waiting);
  wake_host(engine);
  return NULL;
}

static int has_content(struct engine *engine, uint32_t page) {
  return !engine->lazy || (__atomic_load_n(&states(engine)[page], __ATOMIC_ACQUIRE) & (ZERO | READY));
}

// One batch of a unit: pages of one kind that are not there yet. Returns the pages dealt with, 0 to retry.
static uint32_t batch(struct engine *engine, const struct unit *unit, uint32_t done, uint32_t most) {
  const struct region *regions = (const struct region *)engine->regions;
  uint64_t size = engine->page_size;
  uint32_t first = unit->page + done, end = unit->page + unit->pages, last = first;
  const uint8_t skip = INSTALLED | REMOVED;
  while (last < end && ((states(engine)[last] & skip) || !has_content(engine, last))) last++;
  if (last > first) return last - first;
  int zero = unit->zero || (states(engine)[first] & ZERO);
  const char *content = content_of(engine, first);
  while (last < end && last - first < most && !(states(engine)[last] & skip) &&
         (unit->zero || (states(engine)[last] & ZERO)) == zero && has_content(engine, last) &&
         (zero || content_of(engine, last) == content + (last - first) * size))
    last++;
  uint64_t offset = first * size;
  uint64_t r = engine->region_count - 1;
  while (r > 0 && regions[r].offset > offset) r--;
  uint64_t region_end = regions[r].offset + regions[r].size;
  uint64_t length = (last * size < region_end ? last * size : region_end) - offset;
  uint64_t address = regions[r].host + (offset - regions[r].offset);
  double start = now();
  int64_t result =
      zero ? install_zeroes(engine, address, length, UFFDIO_ZEROPAGE_MODE_DONTWAKE)
           : install(engine, address, (uint64_t)content, length, UFFDIO_COPY_MODE_DONTWAKE);
  if (result > 0) {
    uint32_t pages = result / size;
    for (uint32_t page = first; page < first + pages; page++)
      __atomic_fetch_or(&states(engine)[page], INSTALLED | PREFETCHED, __ATOMIC_RELAXED);
    put(engine, &(struct record){
                    .kind = PREFETCH,
                    .start = start,
                    .duration = now() - start,
                    .guest_physical = guest_physical(engine, offset),
                    .action = zero ? ZEROED : COPY,
                    .pages = pages,
                    .bytes = result,
                });
    return pages;
  }
  if (result == -EEXIST) {
    __atomic_fetch_or(&states(engine)[first], INSTALLED, __ATOMIC_RELAXED);
    return 1;
  }
  if (result == -EAGAIN) return 0;
  // The region or the target is gone; the loop finds out which. Anything else is a failure.
  if (result != -ENOENT && result != -ESRCH && engine->state == SERVING)
    fail(engine, INSTALL_FAILED, (int)-result, address);
  return unit->pages - done;
}

static void *work(void *argument) {
  struct engine *engine = argument;
  const struct unit *units = (const struct unit *)engine->units;
  double faults = engine->counters[FAULTS];
  uint32_t most = MOST_BATCH;
  while (__atomic_load_n(&engine->draining, __ATOMIC_SEQ_CST)) sched_yield();
  // Every worker has a stretch of its own: neighbours would wait for each other's page table locks.
  uint32_t share = __atomic_fetch_add(&engine->next_share, 1, __ATOMIC_RELAXED);
  uint64_t count_units = engine->last_unit;
  uint32_t index = share * count_units / engine->shares;
  uint32_t end = (share + 1) * count_units / engine->shares;
  for (; index < end; index++) {
    uint32_t done = 0;
    while (done < units[index].pages && engine->state == SERVING) {
      // Somebody faults: be brief, so that the loop gets to its events.
      double count = engine->counters[FAULTS];
      most = count != faults ? LEAST_BATCH : most * 2 > MOST_BATCH ? MOST_BATCH : most * 2;
      faults = count;
      uint32_t limit = most * 4096 / engine->page_size;
      pthread_rwlock_rdlock(&engine->removals);
      uint32_t pages = batch(engine, &units[index], done, limit ? limit : 1);
      pthread_rwlock_unlock(&engine->removals);
      if (pages == 0) sched_yield();
      done += pages;
    }
  }
  if (__atomic_sub_fetch(&engine->workers, 1, __ATOMIC_ACQ_REL) == 0) wake_host(engine);
  return NULL;
}

// Signals belong to the host's threads.
static int start_thread(pthread_t *thread, void *(*body)(void *), struct engine *engine) {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  int error = pthread_create(thread, NULL, body, engine);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  return error;
}

// Starts the loop. 0, or an errno.
int engine_start(struct engine *engine) {
  pthread_rwlockattr_t attributes;
  pthread_rwlockattr_init(&attributes);
  pthread_rwlockattr_setkind_np(&attributes, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
  pthread_rwlock_init(&engine->removals, &attributes);
  pthread_mutex_init(&engine->ring_lock, NULL);
  return start_thread(&engine->thread, run, engine);
}

// Installs units [0, last_unit) with `count` workers, which end by themselves and then wake the host.
int engine_prefetch(struct engine *engine, uint32_t count) {
  engine->next_share = 0;
  engine->shares = count;
  __atomic_store_n(&engine->workers, count, __ATOMIC_SEQ_CST);
  for (uint32_t i = 0; i < count; i++) {
    pthread_t thread;
    // The share of a thread that cannot be started is done here.
    if (start_thread(&thread, work, engine) != 0) work(engine);
    else pthread_detach(thread);
  }
  return 0;
}

// The same in the calling thread, with `count` - 1 workers beside it; returns when all is installed. Waking
// and being woken costs more than a small working set takes to install.
int engine_install(struct engine *engine, uint32_t count) {
  pthread_t threads[64];
  uint32_t started = 0;
  if (count > 64) count = 64;
  engine->next_share = 0;
  engine->shares = count;
  __atomic_store_n(&engine->workers, count, __ATOMIC_SEQ_CST);
  for (; started + 1 < count; started++)
    if (start_thread(&threads[started], work, engine) != 0) break;
  work(engine);
  // The shares of threads that could not be started.
  for (uint32_t i = started + 1; i < count; i++) work(engine);
  for (uint32_t i = 0; i < started; i++) pthread_join(threads[i], NULL);
  return 0;
}

// Waits for the loop's thread. Workers must have ended.
int engine_join(struct engine *engine) { return pthread_join(engine->thread, NULL); }
