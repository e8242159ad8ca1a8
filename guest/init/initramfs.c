// SPDX-License-Identifier: Apache-2.0
// /init of the initramfs: loads the modules named in /modules (one path per line, in order),
// waits for the root device, mounts it read-only and hands over to the init on it.
//
// Command line: root=/dev/vda rootwait_ms=30000 init=/sbin/rekindle-init rw
#include "cmdline.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static void fail(const char *what, const char *which) {
  dprintf(2, "rekindle-initramfs: %s %s: %s\n", what, which, strerror(errno));
  // Without a root there is nothing to run. Reset, so that a VMM told -no-reboot ends at once.
  sync();
  reboot(RB_AUTOBOOT);
  for (;;) pause();
}

static void load_module(const char *path) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    dprintf(2, "rekindle-initramfs: no module %s\n", path);
    return;
  }
  // EEXIST: already loaded or built in. ENODEV: the hardware is not there (drivers of both
  // engines are packed). Anything else shows later as a missing device, so say it here.
  if (syscall(SYS_finit_module, fd, "", 0) < 0 && errno != EEXIST && errno != ENODEV)
    dprintf(2, "rekindle-initramfs: module %s: %s\n", path, strerror(errno));
  close(fd);
}

static void load_modules(void) {
  FILE *list = fopen("/modules", "re");
  if (!list) return;
  char line[256];
  while (fgets(line, sizeof line, list)) {
    line[strcspn(line, "\n")] = 0;
    if (*line) load_module(line);
  }
  fclose(list);
}

static void wait_for(const char *device, long milliseconds) {
  struct stat found;
  for (long waited = 0; stat(device, &found) < 0; waited += 10) {
    if (waited >= milliseconds) fail("no root device", device);
    nanosleep(&(struct timespec){.tv_nsec = 10 * 1000 * 1000}, NULL);
  }
}

int main(int argc, char **argv) {
  (void)argc;
  if (mount("devtmpfs", "/dev", "devtmpfs", 0, "mode=0755") < 0 && errno != EBUSY)
    fail("mount", "/dev");
  int console = open("/dev/console", O_RDWR);
  if (console >= 0) {
    for (int fd = 0; fd < 3; fd++)
      if (console != fd) dup2(console, fd);
    if (console > 2) close(console);
  }
  // The sign of life that the host's boot watchdog waits for.
  puts("rekindle: user space reached");
  fflush(stdout);
  if (mount("proc", "/proc", "proc", 0, NULL) < 0) fail("mount", "/proc");
  if (cmdline_read() < 0) fail("read", "/proc/cmdline");
  load_modules();

  const char *device = cmdline_value("root");
  if (!device) device = "/dev/vda";
  const char *limit = cmdline_value("rootwait_ms");
  wait_for(device, limit ? atol(limit) : 30000);
  if (mount(device, "/root", "ext4", cmdline_has("rw") ? 0 : MS_RDONLY, NULL) < 0)
    fail("mount", device);
  umount2("/proc", MNT_DETACH);
  if (mount("/dev", "/root/dev", NULL, MS_MOVE, NULL) < 0) fail("move", "/dev");

  const char *init = cmdline_value("init");
  if (!init) init = "/sbin/rekindle-init";
  // The files of the initramfs stay in memory unless removed: the modules are the bulk of it.
  FILE *list = fopen("/modules", "re");
  if (list) {
    char line[256];
    while (fgets(line, sizeof line, list)) {
      line[strcspn(line, "\n")] = 0;
      unlink(line);
    }
    fclose(list);
  }
  unlink("/modules");
  unlink("/init");
  if (chdir("/root") < 0) fail("enter", "/root");
  if (mount(".", "/", NULL, MS_MOVE, NULL) < 0) fail("move", "/root");
  if (chroot(".") < 0 || chdir("/") < 0) fail("chroot", "/root");
  argv[0] = (char *)init;
  execv(init, argv);
  fail("run", init);
}
