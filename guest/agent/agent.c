// SPDX-License-Identifier: Apache-2.0
// The guest's agent: answers questions of the host over a virtio-serial port named
// org.rekindle.agent, and on vsock port 5252 where the machine has vsock. Requests and answers
// are drawn in README.md of this directory.
//
// With an argument it answers one request on stdout instead: rekindle-agent mappings
#define _GNU_SOURCE
#include "request.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/vm_sockets.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PORT_NAME "org.rekindle.agent"
#define VSOCK_PORT 5252

static void rest(long milliseconds) {
  nanosleep(&(struct timespec){.tv_sec = milliseconds / 1000, .tv_nsec = milliseconds % 1000 * 1000000}, NULL);
}

// /dev/virtio-ports/<name> is udev's work, so look where the kernel itself names the ports.
static int open_port(void) {
  DIR *ports = opendir("/sys/class/virtio-ports");
  if (!ports) return -1;
  int fd = -1;
  for (struct dirent *entry; fd < 0 && (entry = readdir(ports));) {
    char path[320], name[64] = "";
    snprintf(path, sizeof path, "/sys/class/virtio-ports/%s/name", entry->d_name);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) continue;
    ssize_t length = read(file, name, sizeof name - 1);
    close(file);
    if (length <= 0) continue;
    name[strcspn(name, "\n")] = 0;
    if (strcmp(name, PORT_NAME)) continue;
    snprintf(path, sizeof path, "/dev/%s", entry->d_name);
    fd = open(path, O_RDWR | O_CLOEXEC);
  }
  closedir(ports);
  return fd;
}

// The driver sends SIGIO when the host connects, so an idle agent sleeps and touches no page:
// a restored guest faults nothing in for its sake until it is asked something.
static void serve_port(int fd) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGIO);
  sigprocmask(SIG_BLOCK, &signals, NULL);
  fcntl(fd, F_SETOWN, getpid());
  fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_ASYNC);
  for (;;) {
    struct pollfd port = {.fd = fd, .events = POLLIN};
    if (poll(&port, 1, 0) == 1 && port.revents & POLLHUP && !(port.revents & POLLIN)) {
      // Blocked, the signal of a connection made since the poll is pending: none is lost.
      sigtimedwait(&signals, NULL, &(struct timespec){.tv_sec = 60});
      continue;
    }
    serve_requests(fd); // sleeps in read while the host is connected
  }
}

static void serve_vsock(void) {
  int listener = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (listener < 0) return; // no vsock in this kernel
  struct sockaddr_vm address = {.svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_ANY, .svm_port = VSOCK_PORT};
  if (bind(listener, (struct sockaddr *)&address, sizeof address) < 0 || listen(listener, 4) < 0) {
    dprintf(2, "rekindle-agent: vsock port %d: %s\n", VSOCK_PORT, strerror(errno));
    return;
  }
  signal(SIGCHLD, SIG_IGN); // the kernel reaps
  for (;;) {
    int peer = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    if (peer < 0) {
      rest(100);
      continue;
    }
    if (fork() == 0) {
      close(listener);
      serve_requests(peer);
      _exit(0);
    }
    close(peer);
  }
}

static int answer_once(int argc, char **argv) {
  char line[4096] = "";
  for (int i = 1; i < argc; i++) {
    if (i > 1) strncat(line, " ", sizeof line - strlen(line) - 1);
    strncat(line, argv[i], sizeof line - strlen(line) - 2);
  }
  strcat(line, "\n");
  // One descriptor serves both ways, so the request is fed through a child.
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) return 1;
  pid_t child = fork();
  if (child == 0) {
    close(pair[1]);
    serve_requests(pair[0]);
    _exit(0);
  }
  close(pair[0]);
  if (write(pair[1], line, strlen(line)) < 0) return 1;
  shutdown(pair[1], SHUT_WR);
  char bytes[65536];
  for (ssize_t length; (length = read(pair[1], bytes, sizeof bytes)) > 0;)
    if (write(1, bytes, (size_t)length) < 0) return 1;
  waitpid(child, NULL, 0);
  return 0;
}

int main(int argc, char **argv) {
  signal(SIGPIPE, SIG_IGN);
  if (argc > 1) return answer_once(argc, argv);
  if (fork() == 0) {
    serve_vsock();
    _exit(0);
  }
  // The port appears once the device and the driver have spoken; a machine without one has vsock.
  for (int tries = 0; tries < 200; tries++) {
    int fd = open_port();
    if (fd >= 0) serve_port(fd);
    rest(50);
  }
  dprintf(2, "rekindle-agent: no virtio port named %s\n", PORT_NAME);
  for (;;) pause();
}
