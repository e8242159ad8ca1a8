// SPDX-License-Identifier: Apache-2.0
// Diagnostic commands of a HotSpot JVM, without starting another JVM.
#ifndef REKINDLE_ATTACH_H
#define REKINDLE_ATTACH_H

#include "reply.h"

// Runs `command` (as after `jcmd PID`) and copies what the JVM prints into the reply.
void jvm_command(struct reply *reply, int pid, const char *command);

// The same, its output thrown away. 0, or -1 after filling `why`.
int jvm_command_quietly(int pid, const char *command, char *why, size_t room);

#endif
