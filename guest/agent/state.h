// SPDX-License-Identifier: Apache-2.0
// Clocks, entropy and caches: what a snapshot wants tidied and a clone wants renewed.
#ifndef REKINDLE_STATE_H
#define REKINDLE_STATE_H

#include "reply.h"

// `realtime N`, `monotonic N`, `boottime N` in nanoseconds.
void write_clocks(struct reply *reply, const char *arguments);

// `<hex bytes> [<realtime nanoseconds>]`: stirs the bytes into the kernel's random pool, credits
// them, reseeds its generator, and sets the wall clock where a time is given.
void reseed(struct reply *reply, const char *arguments);

// Writes dirty pages out and drops clean page cache, dentries and inodes.
void drop_caches(struct reply *reply, const char *arguments);

// Every JVM collects its garbage and returns free native memory, then drop_caches.
void prepare_snapshot(struct reply *reply, const char *arguments);

#endif
