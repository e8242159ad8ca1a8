// SPDX-License-Identifier: Apache-2.0
// PID 1 of the guest. In order: a writable layer over the read-only root, the kernel's file
// systems, the network, the agent, the service; then it reaps children until told to stop.
//
// Command line (fireCRaCer's names are understood):
//   overlay_root=ram|none|<block device>  where writes go: tmpfs (default), straight to the root,
//                                         or an ext4 drive such as vdb
//   overlay_size=128m                     size of the tmpfs; tempfs_size= means the same
//   ip=...                                see network.h
//   rekindle.exec=/path, init_script=/path   what to run; default /opt/rekindle/service
//   rekindle.exit=poweroff|keep|respawn   when the service ends; default poweroff
// Any other key=value is in the environment already: the kernel puts it there.
#include "cmdline.h"
#include "network.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define AGENT "/sbin/rekindle-agent"
#define SERVICE "/opt/rekindle/service"

static void say(const char *format, const char *which) {
  dprintf(2, "rekindle-init: ");
  dprintf(2, format, which);
  dprintf(2, "\n");
}

static _Noreturn void stop(int how) {
  sync();
  // A kernel without ACPI cannot cut the power; a reset ends a VMM that was told so.
  if (how == RB_POWER_OFF && access("/sys/firmware/acpi", F_OK) == 0) reboot(RB_POWER_OFF);
  reboot(RB_AUTOBOOT);
  for (;;) pause();
}

static _Noreturn void fail(const char *what) {
  dprintf(2, "rekindle-init: %s: %s\n", what, strerror(errno));
  stop(RB_POWER_OFF);
}

static void try_mount(const char *type, const char *target, unsigned long flags, const char *data) {
  if (mount(type, target, type, flags, data) < 0 && errno != EBUSY)
    dprintf(2, "rekindle-init: mount %s on %s: %s\n", type, target, strerror(errno));
}

static void open_console(void) {
  int console = open("/dev/console", O_RDWR);
  if (console < 0) return;
  for (int fd = 0; fd < 3; fd++)
    if (console != fd) dup2(console, fd);
  if (console > 2) close(console);
}

// Turns / into an overlay of the read-only root (afterwards at /rom) and a writable layer.
static void lay_over(const char *root) {
  char data[160];
  if (!strcmp(root, "ram")) {
    const char *size = cmdline_value("overlay_size");
    if (!size) size = cmdline_value("tempfs_size");
    snprintf(data, sizeof data, "mode=0755,size=%s", size ? size : "128m");
    if (mount("tmpfs", "/overlay", "tmpfs", 0, data) < 0) fail("tmpfs on /overlay");
  } else {
    char device[64];
    snprintf(device, sizeof device, "%s%s", root[0] == '/' ? "" : "/dev/", root);
    if (mount(device, "/overlay", "ext4", 0, NULL) < 0) fail("overlay_root drive on /overlay");
  }
  if ((mkdir("/overlay/root", 0755) < 0 && errno != EEXIST) ||
      (mkdir("/overlay/work", 0755) < 0 && errno != EEXIST))
    fail("directories of the writable layer");
  if (mount("overlay", "/mnt", "overlay", 0, "lowerdir=/,upperdir=/overlay/root,workdir=/overlay/work") < 0)
    fail("overlay on /mnt");
  if (syscall(SYS_pivot_root, "/mnt", "/mnt/rom") < 0) fail("pivot_root");
  if (chdir("/") < 0) fail("chdir /");
  if (mount("/rom/dev", "/dev", NULL, MS_MOVE, NULL) < 0) fail("move /dev");
  if (mount("/rom/proc", "/proc", NULL, MS_MOVE, NULL) < 0) fail("move /proc");
  if (mount("/rom/overlay", "/overlay", NULL, MS_MOVE, NULL) < 0) fail("move /overlay");
}

static pid_t spawn(char *const argv[], int own_session) {
  pid_t pid = fork();
  if (pid != 0) return pid;
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  if (own_session) {
    setsid();
    ioctl(0, TIOCSCTTY, 1);
  }
  execv(argv[0], argv);
  dprintf(2, "rekindle-init: run %s: %s\n", argv[0], strerror(errno));
  _exit(127);
}

static pid_t start_service(void) {
  const char *program = cmdline_value("rekindle.exec");
  if (!program) program = cmdline_value("init_script");
  if (!program) program = SERVICE;
  return spawn((char *[]){(char *)program, NULL}, 1);
}

static void report_end(int status) {
  if (WIFSIGNALED(status))
    dprintf(2, "rekindle-init: the service was ended by signal %d\n", WTERMSIG(status));
  else dprintf(2, "rekindle-init: the service ended with code %d\n", WEXITSTATUS(status));
}

static _Noreturn void watch(pid_t service, pid_t agent, const sigset_t *signals) {
  const char *on_exit = cmdline_value("rekindle.exit");
  for (;;) {
    int signal_number = sigwaitinfo(signals, NULL);
    if (signal_number == SIGTERM || signal_number == SIGUSR2) stop(RB_POWER_OFF);
    if (signal_number == SIGINT) stop(RB_AUTOBOOT);
    int status;
    for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;) {
      if (pid == agent) {
        // A second's rest, so that an agent that cannot start does not eat the machine.
        nanosleep(&(struct timespec){.tv_sec = 1}, NULL);
        agent = spawn((char *[]){AGENT, NULL}, 0);
      } else if (pid == service) {
        report_end(status);
        if (on_exit && !strcmp(on_exit, "respawn")) {
          nanosleep(&(struct timespec){.tv_sec = 1}, NULL);
          service = start_service();
        } else if (!on_exit || strcmp(on_exit, "keep")) stop(RB_POWER_OFF);
      }
    }
  }
}

int main(void) {
  if (getpid() != 1) {
    say("%s must be process 1", "rekindle-init");
    return 1;
  }
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGCHLD);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGUSR2);
  sigprocmask(SIG_BLOCK, &signals, NULL);

  try_mount("devtmpfs", "/dev", 0, "mode=0755");
  open_console();
  try_mount("proc", "/proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
  if (cmdline_read() < 0) fail("/proc/cmdline");

  const char *overlay = cmdline_value("overlay_root");
  if (!overlay) overlay = "ram";
  if (strcmp(overlay, "none")) lay_over(overlay);
  try_mount("sysfs", "/sys", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
  // Absent in some kernels, and nothing here needs it: fireCRaCer's scripts look there.
  mount("debugfs", "/sys/kernel/debug", "debugfs", 0, NULL);
  mkdir("/dev/pts", 0755);
  try_mount("devpts", "/dev/pts", MS_NOSUID | MS_NOEXEC, "mode=0620,ptmxmode=0666");
  mkdir("/dev/shm", 01777);
  try_mount("tmpfs", "/dev/shm", MS_NOSUID | MS_NODEV, "mode=1777");
  try_mount("tmpfs", "/run", MS_NOSUID | MS_NODEV, "mode=0755");
  reboot(RB_DISABLE_CAD);

  setenv("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", 1);
  setenv("HOME", "/root", 1);
  loopback_up();
  const char *ip = cmdline_value("ip");
  if (ip) network_up(ip);

  pid_t agent = spawn((char *[]){AGENT, NULL}, 0);
  pid_t service = start_service();
  watch(service, agent, &signals);
}
