// SPDX-License-Identifier: Apache-2.0
#include "process.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int ascending(const void *a, const void *b) {
  int x = *(const int *)a, y = *(const int *)b;
  return (x > y) - (x < y);
}

int process_list(int *pids, int room) {
  DIR *proc = opendir("/proc");
  if (!proc) return 0;
  int count = 0;
  for (struct dirent *entry; count < room && (entry = readdir(proc));) {
    char *end;
    long pid = strtol(entry->d_name, &end, 10);
    if (*end == 0 && pid > 0) pids[count++] = (int)pid;
  }
  closedir(proc);
  qsort(pids, (size_t)count, sizeof *pids, ascending);
  return count;
}

int process_executable(int pid, char *path, size_t room) {
  char link[64];
  snprintf(link, sizeof link, "/proc/%d/exe", pid);
  ssize_t length = readlink(link, path, room - 1);
  if (length < 0) return -1;
  path[length] = 0;
  return 0;
}

int process_is_agent(int pid, const char *executable) {
  if (pid == getpid()) return 1;
  static char own[4096];
  if (!*own && process_executable(getpid(), own, sizeof own) < 0) return 0;
  return !strcmp(own, executable);
}

int process_is_java(const char *executable) {
  const char *slash = strrchr(executable, '/');
  return !strcmp(slash ? slash + 1 : executable, "java");
}
