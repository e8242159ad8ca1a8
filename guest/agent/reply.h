// SPDX-License-Identifier: Apache-2.0
// How an answer travels. Drawn in README.md of this directory.
#ifndef REKINDLE_REPLY_H
#define REKINDLE_REPLY_H

#include <stddef.h>

struct reply {
  int fd;
  int streaming;      // the head "OK *" is out: the rest follows in chunks
  int failed;         // an ERR went out, or the peer is gone: nothing more is written
  size_t used;
  char token[40];     // "@abc " or ""
  char buffer[1 << 16];
};

void reply_begin(struct reply *reply, int fd, const char *token);
void reply_bytes(struct reply *reply, const void *bytes, size_t length);
void reply_text(struct reply *reply, const char *text);
void reply_format(struct reply *reply, const char *format, ...) __attribute__((format(printf, 2, 3)));
// Ends the answer with an error, whatever went out before. One line; newlines become blanks.
void reply_error(struct reply *reply, const char *format, ...) __attribute__((format(printf, 2, 3)));
void reply_end(struct reply *reply);

// `%#018lx` as C prints it, without printf: 0 is eighteen zeros and has no 0x.
char *put_hex18(char *out, unsigned long value);

#endif
