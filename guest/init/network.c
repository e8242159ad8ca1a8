// SPDX-License-Identifier: Apache-2.0
#include "network.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <net/route.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static int complain(const char *what, const char *which) {
  dprintf(2, "rekindle-init: network: %s %s: %s\n", what, which, strerror(errno));
  return -1;
}

static int parse_address(const char *text, struct sockaddr *address) {
  struct sockaddr_in *in = (struct sockaddr_in *)address;
  memset(in, 0, sizeof *in);
  in->sin_family = AF_INET;
  return inet_pton(AF_INET, text, &in->sin_addr) == 1 ? 0 : -1;
}

static int flags_up(int socket, const char *device) {
  struct ifreq request = {0};
  snprintf(request.ifr_name, sizeof request.ifr_name, "%s", device);
  if (ioctl(socket, SIOCGIFFLAGS, &request) < 0) return -1;
  request.ifr_flags |= IFF_UP | IFF_RUNNING;
  return ioctl(socket, SIOCSIFFLAGS, &request);
}

static int set(int socket, const char *device, unsigned long command, const char *value) {
  struct ifreq request = {0};
  snprintf(request.ifr_name, sizeof request.ifr_name, "%s", device);
  if (parse_address(value, &request.ifr_addr) < 0) {
    errno = EINVAL;
    return -1;
  }
  return ioctl(socket, command, &request);
}

static int wait_for_device(const char *device) {
  for (int waited = 0; if_nametoindex(device) == 0; waited += 10) {
    if (waited >= 5000) return -1;
    nanosleep(&(struct timespec){.tv_nsec = 10 * 1000 * 1000}, NULL);
  }
  return 0;
}

static int default_route(int socket, const char *device, const char *gateway) {
  struct rtentry route = {0};
  if (parse_address("0.0.0.0", &route.rt_dst) < 0 || parse_address("0.0.0.0", &route.rt_genmask) < 0)
    return -1;
  if (parse_address(gateway, &route.rt_gateway) < 0) {
    errno = EINVAL;
    return -1;
  }
  route.rt_flags = RTF_UP | RTF_GATEWAY;
  route.rt_dev = (char *)device;
  return ioctl(socket, SIOCADDRT, &route) < 0 && errno != EEXIST ? -1 : 0;
}

int loopback_up(void) {
  int socket_fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (socket_fd < 0) return complain("socket", "");
  int result = flags_up(socket_fd, "lo");
  if (result < 0) complain("raise", "lo");
  close(socket_fd);
  return result;
}

int network_up(const char *parameter) {
  char copy[256];
  snprintf(copy, sizeof copy, "%s", parameter);
  char *field[9] = {0}, *rest = copy;
  for (int i = 0; i < 9 && rest; i++) field[i] = strsep(&rest, ":");
  const char *client = field[0], *gateway = field[2], *mask = field[3], *name = field[4];
  const char *device = field[5] && *field[5] ? field[5] : "eth0";
  if (!client || !*client) return 0;

  int socket_fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (socket_fd < 0) return complain("socket", "");
  int result = -1;
  if (wait_for_device(device) < 0) complain("no device", device);
  else if (set(socket_fd, device, SIOCSIFADDR, client) < 0) complain("address", client);
  else if (mask && *mask && set(socket_fd, device, SIOCSIFNETMASK, mask) < 0) complain("netmask", mask);
  else if (flags_up(socket_fd, device) < 0) complain("raise", device);
  else if (gateway && *gateway && default_route(socket_fd, device, gateway) < 0) complain("gateway", gateway);
  else result = 0;
  close(socket_fd);

  if (name && *name && sethostname(name, strlen(name)) < 0) complain("host name", name);
  if (field[7] && *field[7]) {
    FILE *resolver = fopen("/etc/resolv.conf", "we");
    if (resolver) {
      for (int i = 7; i < 9; i++)
        if (field[i] && *field[i]) fprintf(resolver, "nameserver %s\n", field[i]);
      fclose(resolver);
    } else complain("write", "/etc/resolv.conf");
  }
  return result;
}
