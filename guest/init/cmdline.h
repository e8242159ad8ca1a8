// SPDX-License-Identifier: Apache-2.0
// The kernel command line, read by the guest's own programs.
#ifndef REKINDLE_CMDLINE_H
#define REKINDLE_CMDLINE_H

// Reads /proc/cmdline once (it must be mounted). Returns 0, or -1 with errno.
int cmdline_read(void);

// The value of the last `key=value`, or NULL. Values may be quoted: key="a b".
// "-" and "_" are the same letter in a key, as the kernel has it.
const char *cmdline_value(const char *key);

// 1 where `word` stands alone on the command line.
int cmdline_has(const char *word);

#endif
