// SPDX-License-Identifier: Apache-2.0
// Workers that install runs of pages ahead of demand. Demand comes first: a worker that sees a fault served makes
// its batches small, so that the loop gets its turn.
#include "fault-engine.h"

#define MOST_BATCH 512
#define LEAST_BATCH 16
#define STRETCHES 8

static int has_content(struct engine *engine, uint32_t page) {
  return !engine->lazy || (__atomic_load_n(&states(engine)[page], __ATOMIC_ACQUIRE) & (ZERO | READY));
}

// Content of neighbouring pages; those that clones share are counted in `shared`.
static int64_t install_run(struct engine *engine, uint64_t address, uint64_t offset,
                           const char *content, uint64_t length, uint64_t *shared) {
  const uint64_t wake = UFFDIO_COPY_MODE_DONTWAKE;
  if (engine->pool) {
    int64_t result = share(engine, address, offset, (uint64_t)content, length, wake);
    if (result > 0) *shared = result / engine->page_size;
    if (result != -ENOMEM) return result; // no room: the VM is to live
  }
  return install(engine, address, (uint64_t)content, length, wake);
}

// What a worker has installed and not yet told where nobody wants records of it: the lock of the ring is fought over by
// as many workers as there are, once for every three pages.
struct tally {
  uint64_t pages, shared;
};

static void tell(struct engine *engine, struct tally *tally) {
  if (tally->pages > 0)
    put(engine, &(struct record){.kind = PREFETCH, .pages = tally->pages}, tally->shared);
  *tally = (struct tally){0};
}

// One batch of a unit: pages of one kind that are not there yet. Returns the pages dealt with, 0 to retry.
static uint32_t batch(struct engine *engine, const struct unit *unit, uint32_t done, uint32_t most,
                      struct tally *tally) {
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
  uint64_t shared = 0;
  double start = engine->silent ? 0 : now();
  int64_t result = zero
                       ? install_zeroes(engine, address, length, UFFDIO_ZEROPAGE_MODE_DONTWAKE)
                       : install_run(engine, address, offset, content, length, &shared);
  if (result > 0) {
    uint32_t pages = result / size;
    for (uint32_t page = first; page < first + pages; page++)
      __atomic_fetch_or(&states(engine)[page], INSTALLED | PREFETCHED, __ATOMIC_RELAXED);
    if (engine->silent) {
      tally->pages += pages;
      tally->shared += shared;
      return pages;
    }
    put(engine, &(struct record){
                    .kind = PREFETCH,
                    .start = start,
                    .duration = now() - start,
                    .guest_physical = guest_physical(engine, offset),
                    .action = zero ? ZEROED : COPY,
                    .pages = pages,
                    .bytes = result,
                }, shared);
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

// Takes the next stretch of units. Stretches, because neighbours would wait for each other's page table locks; many,
// because a worker that starts late, or meets large pages of zeroes, shall not be waited for.
static uint32_t next_stretch(struct engine *engine, uint32_t *end) {
  uint32_t count = engine->last_unit;
  uint32_t length = count / (engine->shares * STRETCHES) + 1;
  uint32_t start = __atomic_fetch_add(&engine->next_unit, length, __ATOMIC_RELAXED);
  *end = start + length < count ? start + length : count;
  return start;
}

// Where workers run is left to the kernel: a processor of each one's own to start on was tried, no difference.
// Whoever comes while there is work may take part; the first who finds none left closes the door. So nobody waits for a
// thread that the kernel has not let run yet.
static int enter(struct engine *engine) {
  uint32_t door = __atomic_load_n(&engine->door, __ATOMIC_SEQ_CST);
  while (!(door & DOOR_CLOSED))
    if (__atomic_compare_exchange_n(&engine->door, &door, door + 1, 0, __ATOMIC_SEQ_CST,
                                    __ATOMIC_SEQ_CST))
      return 1;
  return 0;
}

static void leave(struct engine *engine) {
  __atomic_fetch_or(&engine->door, DOOR_CLOSED, __ATOMIC_SEQ_CST);
  if (__atomic_sub_fetch(&engine->door, 1, __ATOMIC_SEQ_CST) == DOOR_CLOSED) wake_host(engine);
}

static void take_part(struct engine *engine) {
  const struct unit *units = (const struct unit *)engine->units;
  double faults = engine->counters[FAULTS];
  uint32_t most = MOST_BATCH, end, done = 0;
  struct tally tally = {0};
  while (__atomic_load_n(&engine->alone, __ATOMIC_SEQ_CST)) sched_yield();
  uint32_t index = next_stretch(engine, &end);
  while (index < end && engine->state == SERVING) {
    // Somebody faults: be brief, so that the loop gets to its events.
    double count = engine->counters[FAULTS];
    most = count != faults ? LEAST_BATCH : most * 2 > MOST_BATCH ? MOST_BATCH : most * 2;
    faults = count;
    uint32_t limit = most * 4096 / engine->page_size, pages = 1;
    pthread_rwlock_rdlock(&engine->removals);
    for (int64_t left = limit ? limit : 1; left > 0 && index < end && pages > 0; left -= pages) {
      pages = batch(engine, &units[index], done, left, &tally);
      done += pages;
      if (done >= units[index].pages) {
        done = 0;
        index++;
      }
    }
    pthread_rwlock_unlock(&engine->removals);
    if (pages == 0) sched_yield();
    if (index == end) {
      tell(engine, &tally);
      index = next_stretch(engine, &end);
    }
  }
  tell(engine, &tally);
}

static void *work(void *argument) {
  struct engine *engine = argument;
  if (enter(engine)) {
    take_part(engine);
    leave(engine);
  }
  __atomic_sub_fetch(&engine->workers, 1, __ATOMIC_ACQ_REL);
  // From here on the engine may be gone.
  return NULL;
}

static int start_worker(struct engine *engine) {
  pthread_t thread;
  __atomic_add_fetch(&engine->workers, 1, __ATOMIC_SEQ_CST);
  int error = start_thread(&thread, work, engine);
  if (error == 0) pthread_detach(thread);
  else __atomic_sub_fetch(&engine->workers, 1, __ATOMIC_SEQ_CST);
  return error;
}

static void begin(struct engine *engine, uint32_t count) {
  engine->next_unit = 0;
  engine->shares = count;
  __atomic_store_n(&engine->door, 0, __ATOMIC_SEQ_CST);
  // Ours is the first.
  __atomic_add_fetch(&engine->workers, 1, __ATOMIC_SEQ_CST);
  engine_rouse(engine);
}

// Installs units [0, last_unit) with `count` workers; the last of them closes the door and wakes the host.
int engine_prefetch(struct engine *engine, uint32_t count) {
  uint32_t started = 0;
  begin(engine, count);
  for (uint32_t i = 0; i < count; i++) started += start_worker(engine) == 0;
  if (started == 0) work(engine);
  else __atomic_sub_fetch(&engine->workers, 1, __ATOMIC_SEQ_CST);
  return 0;
}

// The same in the calling thread, with `count` - 1 workers beside it; returns when all is installed. Waking
// and being woken costs more than a small working set takes to install.
int engine_install(struct engine *engine, uint32_t count) {
  begin(engine, count);
  for (uint32_t i = 1; i < count; i++)
    if (start_worker(engine) != 0) break;
  work(engine);
  while (__atomic_load_n(&engine->door, __ATOMIC_SEQ_CST) != DOOR_CLOSED) sched_yield();
  return 0;
}
