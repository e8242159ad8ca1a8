// SPDX-License-Identifier: Apache-2.0
// HotSpot's attach protocol, version 1 (src/hotspot/os/posix/attachListener_posix.cpp):
//
//   if /tmp/.java_pid<pid> is missing: create .attach_pid<pid> in the JVM's working directory
//   (or /tmp), send SIGQUIT, wait until the socket appears
//   request   "1" NUL name NUL argument NUL argument NUL argument NUL      always three arguments
//   response  decimal result code, newline, output until end of file
#include "attach.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

// Emulated CPUs are slow: the first attach starts a thread in the JVM and loads code.
#define ATTACH_SECONDS 30
#define ANSWER_SECONDS 120

static int connect_jvm(const char *path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  struct timeval limit = {.tv_sec = ANSWER_SECONDS};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0) return fd;
  int error = errno;
  close(fd);
  errno = error;
  return -1;
}

static int is_socket(const char *path) {
  struct stat found;
  return stat(path, &found) == 0 && S_ISSOCK(found.st_mode);
}

// A JVM whose attach listener is not up yet treats SIGQUIT as "print all stacks" unless the
// trigger file is there. Before its signal dispatcher is set up the signal would end it:
// its SIGQUIT must be caught (SigCgt, bit 2) before we dare.
static int catches_quit(int pid) {
  char path[64], line[256];
  snprintf(path, sizeof path, "/proc/%d/status", pid);
  FILE *status = fopen(path, "re");
  if (!status) return 0;
  unsigned long caught = 0;
  while (fgets(line, sizeof line, status))
    if (sscanf(line, "SigCgt: %lx", &caught) == 1) break;
  fclose(status);
  return caught >> (SIGQUIT - 1) & 1;
}

static int open_jvm(int pid, char *why, size_t room) {
  char socket_path[64], trigger[64];
  snprintf(socket_path, sizeof socket_path, "/proc/%d/root/tmp/.java_pid%d", pid, pid);
  if (!is_socket(socket_path)) {
    if (!catches_quit(pid)) {
      snprintf(why, room, "process %d is no JVM, or one that has not started yet", pid);
      return -1;
    }
    snprintf(trigger, sizeof trigger, "/proc/%d/cwd/.attach_pid%d", pid, pid);
    int fd = open(trigger, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    if (fd < 0) {
      snprintf(trigger, sizeof trigger, "/proc/%d/root/tmp/.attach_pid%d", pid, pid);
      fd = open(trigger, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    }
    if (fd < 0) {
      snprintf(why, room, "%s: %s", trigger, strerror(errno));
      return -1;
    }
    close(fd);
    if (kill(pid, SIGQUIT) < 0) {
      snprintf(why, room, "signal to process %d: %s", pid, strerror(errno));
      unlink(trigger);
      return -1;
    }
    for (int waited = 0; !is_socket(socket_path) && waited < ATTACH_SECONDS * 50; waited++)
      nanosleep(&(struct timespec){.tv_nsec = 20 * 1000 * 1000}, NULL);
    unlink(trigger);
  }
  int fd = connect_jvm(socket_path);
  if (fd < 0) snprintf(why, room, "the JVM %d does not answer on %s: %s", pid, socket_path, strerror(errno));
  return fd;
}

static int send_request(int fd, const char *command) {
  char request[4096];
  int head = snprintf(request, sizeof request, "1%cjcmd%c%s%c%c%c", 0, 0, command, 0, 0, 0);
  if (head < 0 || (size_t)head >= sizeof request) {
    errno = E2BIG;
    return -1;
  }
  return send(fd, request, (size_t)head, MSG_NOSIGNAL) == head ? 0 : -1;
}

// Reads the code line byte by byte (it is two or three bytes long), leaving the output unread.
// Negative codes exist: -1 for a command the JVM does not know.
static int read_code(int fd, int *code) {
  char line[16];
  size_t used = 0;
  while (used < sizeof line - 1 && read(fd, line + used, 1) == 1 && line[used] != '\n') used++;
  line[used] = 0;
  char *end;
  *code = (int)strtol(line, &end, 10);
  return end == line ? -1 : 0;
}

static int ask(int pid, const char *command, int *code, char *why, size_t room) {
  int fd = open_jvm(pid, why, room);
  if (fd < 0) return -1;
  if (send_request(fd, command) < 0 || read_code(fd, code) < 0) {
    snprintf(why, room, "no answer from the JVM %d: %s", pid, strerror(errno));
    close(fd);
    return -1;
  }
  return fd;
}

void jvm_command(struct reply *reply, int pid, const char *command) {
  char why[256], bytes[16384];
  int code;
  int fd = ask(pid, command, &code, why, sizeof why);
  if (fd < 0) {
    reply_error(reply, "%s", why);
    return;
  }
  if (code != 0) {
    ssize_t length = read(fd, bytes, 300);
    reply_error(reply, "jcmd %s: code %d: %.*s", command, code, (int)(length < 0 ? 0 : length), bytes);
  } else {
    reply_format(reply, "%d:\n", pid); // as the jcmd tool begins
    ssize_t length;
    while ((length = read(fd, bytes, sizeof bytes)) > 0) reply_bytes(reply, bytes, (size_t)length);
    if (length < 0) reply_error(reply, "the JVM %d stopped answering: %s", pid, strerror(errno));
  }
  close(fd);
}

int jvm_command_quietly(int pid, const char *command, char *why, size_t room) {
  char bytes[16384];
  int code;
  int fd = ask(pid, command, &code, why, room);
  if (fd < 0) return -1;
  ssize_t length = 0, got;
  while ((got = read(fd, bytes, sizeof bytes)) > 0) length = got;
  close(fd);
  if (code == 0) return 0;
  snprintf(why, room, "code %d: %.*s", code, (int)(length > 200 ? 200 : length), bytes);
  return -1;
}
