// SPDX-License-Identifier: Apache-2.0
#include "request.h"
#include "attach.h"
#include "mappings.h"
#include "process.h"
#include "reply.h"
#include "state.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LINE 4096

static void list_jvms(struct reply *reply) {
  int pids[4096];
  char exe[4096];
  int count = process_list(pids, 4096);
  for (int i = 0; i < count; i++)
    if (process_executable(pids[i], exe, sizeof exe) == 0 && process_is_java(exe))
      reply_format(reply, "%d %s\n", pids[i], exe);
}

// Splits "PID rest". Returns the rest, or NULL after an error reply.
static const char *take_pid(struct reply *reply, const char *arguments, int *pid) {
  char *end;
  long value = strtol(arguments, &end, 10);
  if (end == arguments || value <= 0 || (*end && *end != ' ')) {
    reply_error(reply, "a process id is wanted, not \"%s\"", arguments);
    return NULL;
  }
  *pid = (int)value;
  while (*end == ' ') end++;
  return end;
}

static void run_jcmd(struct reply *reply, const char *arguments) {
  int pid;
  const char *command = take_pid(reply, arguments, &pid);
  if (!command) return;
  jvm_command(reply, pid, *command ? command : "help");
}

static void run_nmt(struct reply *reply, const char *arguments) {
  int pid;
  if (take_pid(reply, arguments, &pid)) jvm_command(reply, pid, "VM.native_memory detail");
}

static void run_ping(struct reply *reply, const char *arguments) {
  (void)arguments;
  reply_text(reply, "rekindle-agent 1\n");
}

static void run_mappings(struct reply *reply, const char *arguments) {
  (void)arguments;
  write_mappings(reply);
}

static void run_frames(struct reply *reply, const char *arguments) {
  (void)arguments;
  write_frames(reply);
}

static void run_java_pids(struct reply *reply, const char *arguments) {
  (void)arguments;
  list_jvms(reply);
}

static void run_sync(struct reply *reply, const char *arguments) {
  (void)reply;
  (void)arguments;
  sync();
}

static int power_off_wanted;

static void run_poweroff(struct reply *reply, const char *arguments) {
  (void)arguments;
  if (kill(1, 0) < 0) reply_error(reply, "signal to init: %s", strerror(errno));
  else power_off_wanted = 1;
}

static const struct {
  const char *name;
  void (*run)(struct reply *reply, const char *arguments);
} commands[] = {
    {"ping", run_ping},
    {"mappings", run_mappings},
    {"frames", run_frames},
    {"java-pids", run_java_pids},
    {"jcmd", run_jcmd},
    {"nmt", run_nmt},
    {"clock", write_clocks},
    {"reseed", reseed},
    {"sync", run_sync},
    {"drop-caches", drop_caches},
    {"prepare-snapshot", prepare_snapshot},
    {"poweroff", run_poweroff},
};

static void serve_line(int fd, char *line) {
  static struct reply reply;
  char token[34] = "";
  if (*line == '@') {
    size_t length = strcspn(line, " ");
    if (length < sizeof token - 1) snprintf(token, sizeof token, "%.*s ", (int)length, line);
    line += length;
  }
  while (*line == ' ') line++;
  if (!*line) return;
  size_t length = strcspn(line, " ");
  const char *arguments = line + length;
  while (*arguments == ' ') arguments++;
  reply_begin(&reply, fd, token);
  for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
    if (strlen(commands[i].name) != length || strncmp(commands[i].name, line, length)) continue;
    commands[i].run(&reply, arguments);
    reply_end(&reply);
    if (power_off_wanted) kill(1, SIGTERM); // after the answer, which would be lost with the machine
    return;
  }
  reply_error(&reply, "unknown request \"%.*s\"", (int)(length > 64 ? 64 : length), line);
}

void serve_requests(int fd) {
  static char line[LINE];
  size_t used = 0;
  int too_long = 0;
  for (;;) {
    ssize_t got = read(fd, line + used, sizeof line - 1 - used);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return;
    used += (size_t)got;
    for (char *end; (end = memchr(line, '\n', used));) {
      size_t length = (size_t)(end - line) + 1;
      *end = 0;
      if (length > 1 && end[-1] == '\r') end[-1] = 0;
      if (!too_long) serve_line(fd, line);
      too_long = 0;
      used -= length;
      memmove(line, line + length, used);
    }
    if (used == sizeof line - 1) { // no request is this long: skip to the end of the line
      if (!too_long) {
        static struct reply reply;
        reply_begin(&reply, fd, "");
        reply_error(&reply, "a request is at most %d bytes", LINE - 2);
      }
      too_long = 1;
      used = 0;
    }
  }
}
