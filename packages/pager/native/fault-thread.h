// SPDX-License-Identifier: Apache-2.0
// What the thread of the fault loop does for itself before it serves.
#ifndef FAULT_THREAD_H
#define FAULT_THREAD_H
#include "fault-engine.h"

// A table of descriptors of this thread's own, with nothing in it but ours: in a table that threads share every call
// with a descriptor takes and gives back a reference, two atomic operations each, and a fault makes four such calls.
static void own_descriptors(const struct engine *engine) {
  if (unshare(CLONE_FILES) != 0) return; // forbidden in some containers; costs 3 % of a fault
  const int32_t kept[] = {engine->uffd, engine->control, engine->notify,
                          engine->pool ? engine->pool_uffd : engine->uffd};
  // What lies between two of ours, in the order of numbers. Copies of others would keep their files open.
  for (int64_t from = 0; from <= INT32_MAX;) {
    int64_t next = (int64_t)INT32_MAX + 1;
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
      if (kept[i] >= from && kept[i] < next) next = kept[i];
    if (next > from) syscall(SYS_close_range, (unsigned)from, (unsigned)(next - 1), 0);
    from = next + 1;
  }
}

#endif
