// SPDX-License-Identifier: Apache-2.0
// Which page of which process lies in which physical page, in fireCRaCer's text format.
#ifndef REKINDLE_MAPPINGS_H
#define REKINDLE_MAPPINGS_H

#include "reply.h"

// Every process (kernel threads and this agent left out), the kernel, the page cache.
void write_mappings(struct reply *reply);

// Every physical page frame as runs of equal flags: `f <physical> <pages> <kpageflags>`.
void write_frames(struct reply *reply);

#endif
