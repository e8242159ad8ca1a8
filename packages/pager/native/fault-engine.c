// SPDX-License-Identifier: Apache-2.0
// The fault loop as native code: one thread that reads events and installs pages. It keeps the rules that
// src/fault-loop.ts explains; that loop is its judge in the tests and stands in where no C compiler is at hand.
// Its memory and its locking: fault-engine.h.
//
// Why it exists, measured: a restored VM faults a few thousand times, which is over before a JIT has
// warmed up. In TypeScript the median service time was 1.6 times, the 99th percentile 4 times that of a
// plain C handler.
#include "fault-engine.h"
#include "fault-thread.h"

#define MESSAGES 64
#define PENDING 4096
#define RETRY_MILLIS 1
#define ASK_AGAIN_MILLIS 100
#define EAGER_RETRIES 64

struct fault {
  uint64_t address;
  double since;
  uint32_t thread;
  uint16_t write, minor; // minor: clones share this page already
};

struct loop {
  struct engine *engine;
  struct fault *pending;
  int count, parked, target_gone, last_region, alone;
  struct fault *waiting; // parked: their content has been asked for
  struct patience patience;
};

static int is_zero(const char *memory, uint64_t length) {
  return *(const uint64_t *)memory == 0 && memcmp(memory, memory + 8, length - 8) == 0;
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

static void record(struct loop *loop, const struct record *record, uint64_t shared) {
  if (loop->alone) write_record(loop->engine, record, shared);
  else put(loop->engine, record, shared);
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
    record(loop, &(struct record){
                    .kind = REMOVE,
                    .start = time,
                    .guest_physical = guest_physical(engine, offset),
                    .bytes = stop - start,
                }, 0);
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
        .minor = (message->arg.pagefault.flags & UFFD_PAGEFAULT_FLAG_MINOR) != 0,
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

// One read of waiting events. Returns how many; what it cannot do it tells the engine.
static int read_events(struct loop *loop) {
  struct engine *engine = loop->engine;
  struct uffd_msg *messages = (struct uffd_msg *)engine->messages;
  ssize_t length = read_messages(engine->uffd, messages, MESSAGES * sizeof *messages);
  if (length < 0) {
    if (errno == EAGAIN) loop->patience.waits = 0; // somebody else may have seen to that
    else if (errno != EINTR) fail(engine, READ_FAILED, errno, 0);
    return 0;
  }
  double time = now();
  int count = length / sizeof *messages;
  for (int i = 0; i < count; i++) take(loop, &messages[i], time);
  return count;
}

// Reads every waiting event, as long as there is room for faults.
static void drain(struct loop *loop) {
  struct engine *engine = loop->engine;
  int count = MESSAGES;
  set_patience(&loop->patience, 0);
  while (count == MESSAGES && loop->count + loop->parked + MESSAGES <= PENDING) {
    if (!loop->alone) pthread_rwlock_wrlock(&engine->removals);
    count = read_events(loop);
    if (!loop->alone) pthread_rwlock_unlock(&engine->removals);
  }
}

enum answer { WAITS, ANSWERED, PARKED };

// Installs a page that is not zero. What is written at once would not stay shared: it is copied. So is what the
// shared memory has no room for; the VM is to live.
static int64_t install_content(struct engine *engine, const struct fault *fault, uint64_t offset,
                               const char *content, uint64_t *shared) {
  uint64_t size = engine->page_size;
  if (engine->pool && (!fault->write || content == NULL)) {
    int64_t result = share(engine, fault->address, offset, (uint64_t)content, size, 0);
    if (result == (int64_t)size) *shared = 1;
    if (result != -ENOMEM || content == NULL) return result;
  }
  return install(engine, fault->address, (uint64_t)content, size, 0);
}

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
  int lacking =
      engine->lazy && !(__atomic_load_n(state, __ATOMIC_ACQUIRE) & (ZERO | REMOVED | READY));
  if (lacking && !fault->minor) {
    loop->waiting[loop->parked++] = *fault;
    record(loop, &(struct record){.kind = WANT, .start = fault->since, .pages = offset / size}, 0);
    return PARKED;
  }
  // What a clone has fetched need not be fetched again.
  const char *content = lacking ? NULL : content_of(engine, offset / size);
  int zero = (*state & (ZERO | REMOVED)) != 0 || (!fault->minor && is_zero(content, size));
  enum action action = zero ? ZEROED : COPY;
  uint64_t shared = 0;
  int64_t result = zero ? install_zeroes(engine, fault->address, size, 0)
                        : install_content(engine, fault, offset, content, &shared);
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
  if (engine->silent && shared == 0) return ANSWERED;
  record(loop, &(struct record){
                  .kind = FAULT,
                  .start = fault->since,
                  .duration = duration,
                  .guest_physical = guest_physical(engine, offset),
                  .host_virtual = fault->address,
                  .write = fault->write,
                  .action = action,
                  .thread = fault->thread,
                  .region = region - (const struct region *)engine->regions,
              }, shared);
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

// Serves as long as faults are all there is to do: no workers, nothing that waits for something else.
static void serve_alone(struct loop *loop) {
  struct engine *engine = loop->engine;
  __atomic_store_n(&engine->alone, 1, __ATOMIC_SEQ_CST);
  loop->alone = 1;
  while (loop->count + loop->parked == 0 && !loop->target_gone && engine->state == SERVING) {
    set_patience(&loop->patience, 1); // before looking at `roused`, see engine_rouse
    if (__atomic_load_n(&engine->roused, __ATOMIC_SEQ_CST)) break;
    if (__atomic_load_n(&engine->workers, __ATOMIC_SEQ_CST)) break;
    if (read_events(loop) == MESSAGES) drain(loop);
    serve(loop);
  }
  loop->alone = 0;
  __atomic_store_n(&engine->alone, 0, __ATOMIC_SEQ_CST);
}

// Serves beside workers, and while something waits: for a removal to be over, for content. By poll, because epoll would
// note each fault in a list of its own also while the loop serves alone.
static void serve_in_company(struct loop *loop) {
  struct engine *engine = loop->engine;
  struct pollfd fds[] = {{engine->uffd, POLLIN, 0}, {engine->control, POLLIN, 0}};
  int millis = loop->count > 0 ? RETRY_MILLIS : loop->parked > 0 ? ASK_AGAIN_MILLIS : -1;
  set_patience(&loop->patience, 0);
  int ready = poll(fds, 2, millis);
  if (ready < 0 && errno != EINTR) fail(engine, POLL_FAILED, errno, 0);
  if (ready > 0 && fds[0].revents) drain(loop);
  if (ready == 0) unpark(loop);
  if (ready > 0 && fds[1].revents) {
    uint64_t signals;
    ssize_t ignored = read(engine->control, &signals, sizeof signals);
    (void)ignored;
  }
  serve(loop);
}

// Priorities were tried, a higher one here and lower ones for the host's threads: both cost a tenth of the median.
// A shorter slice (sched_setattr, Linux 6.12) was tried, for faults during prefetching: no difference.
// Looking a few times before sleeping was tried: 4 % off the median, but the 99th percentile doubled, because
// the woken vCPU is often put on the very core that looks.
static void *run(void *argument) {
  struct engine *engine = argument;
  own_descriptors(engine);
  hear_rousing();
  struct loop loop = {
      .engine = engine,
      .pending = malloc(PENDING * sizeof(struct fault)),
      .waiting = malloc(PENDING * sizeof(struct fault)),
      .patience = {engine->uffd, -1},
  };
  while (engine->state == SERVING) {
    if (__atomic_exchange_n(&engine->roused, 0, __ATOMIC_SEQ_CST)) {
      unpark(&loop);
      serve(&loop);
    }
    if (__atomic_load_n(&engine->stop, __ATOMIC_ACQUIRE) && engine->state == SERVING)
      __atomic_store_n(&engine->state, STOPPED, __ATOMIC_RELEASE);
    else if (loop.count + loop.parked > 0 || __atomic_load_n(&engine->workers, __ATOMIC_SEQ_CST))
      serve_in_company(&loop);
    else
      serve_alone(&loop);
    if (loop.target_gone && engine->state == SERVING)
      __atomic_store_n(&engine->state, PEER_GONE, __ATOMIC_RELEASE);
  }
  free(loop.pending);
  free(loop.waiting);
  wake_host(engine);
  return NULL;
}

// The loop may be in a read that waits, or about to begin one, or in poll. A read that has not begun returns at once,
// since it may not wait any more; one that waits is interrupted. The loop permits waiting before it looks at `roused`.
int engine_rouse(struct engine *engine) {
  uint64_t one = 1;
  __atomic_store_n(&engine->roused, 1, __ATOMIC_SEQ_CST);
  ssize_t ignored = write(engine->control, &one, sizeof one);
  (void)ignored;
  fcntl(engine->uffd, F_SETFL, O_NONBLOCK);
  return pthread_kill(engine->thread, ROUSING);
}

// Starts the loop. 0, or an errno.
int engine_start(struct engine *engine) {
  pthread_rwlockattr_t attributes;
  pthread_rwlockattr_init(&attributes);
  pthread_rwlockattr_setkind_np(&attributes, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
  pthread_rwlock_init(&engine->removals, &attributes);
  pthread_mutex_init(&engine->ring_lock, NULL);
  struct sigaction nothing = {.sa_handler = on_rousing};
  sigaction(ROUSING, &nothing, NULL);
  return start_thread(&engine->thread, run, engine);
}

// Waits for the loop's thread. Workers must have ended.
int engine_join(struct engine *engine) { return pthread_join(engine->thread, NULL); }
