// SPDX-License-Identifier: Apache-2.0
// What the thread of the fault loop has of its own: its table of descriptors, how it waits, how it is roused.
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

// Whether reading the userfaultfd waits for an event. That spares the call that would wait, 6 % of a fault. The flag is
// the descriptor's, which VMM and supervisor hold too; neither of them reads.
struct patience {
  int32_t uffd, waits; // -1: not known
};

static void set_patience(struct patience *patience, int waits) {
  if (patience->waits == waits) return;
  fcntl(patience->uffd, F_SETFL, waits ? 0 : O_NONBLOCK);
  patience->waits = waits;
}

// In a process of several threads the C library's read is a cancellation point, which costs two atomic operations;
// nobody cancels this thread.
static ssize_t read_messages(int fd, void *buffer, size_t size) {
  return syscall(SYS_read, fd, buffer, size);
}

// A signal that nobody notices where it finds no read to interrupt.
#define ROUSING SIGURG

static void on_rousing(int signal) { (void)signal; }

static void hear_rousing(void) {
  sigset_t rousing;
  sigemptyset(&rousing);
  sigaddset(&rousing, ROUSING);
  pthread_sigmask(SIG_UNBLOCK, &rousing, NULL);
}

#endif
