// SPDX-License-Identifier: Apache-2.0
// The kernel's ip= parameter, carried out in user space (distribution kernels lack IP_PNP).
#ifndef REKINDLE_NETWORK_H
#define REKINDLE_NETWORK_H

// ip=<client>:<server>:<gateway>:<netmask>:<hostname>:<device>:<autoconf>:<dns0>:<dns1>
// Waits up to five seconds for the device. Returns 0, or -1 after saying why on stderr.
int network_up(const char *parameter);

// 127.0.0.1 on lo.
int loopback_up(void);

#endif
