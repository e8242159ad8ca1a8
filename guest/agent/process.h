// SPDX-License-Identifier: Apache-2.0
// The processes of the guest, from /proc.
#ifndef REKINDLE_PROCESS_H
#define REKINDLE_PROCESS_H

#include <stddef.h>

// Process ids in ascending order; returns how many (at most `room`).
int process_list(int *pids, int room);

// The path of the executable. -1 for a kernel thread or a process that is gone.
int process_executable(int pid, char *path, size_t room);

// 1 for this program, in whatever process it runs.
int process_is_agent(int pid, const char *executable);

// 1 where the executable's last part is `java`.
int process_is_java(const char *executable);

#endif
