// SPDX-License-Identifier: Apache-2.0
#include "reply.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int write_all(int fd, const char *bytes, size_t length) {
  while (length > 0) {
    ssize_t written = write(fd, bytes, length);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return -1;
    bytes += written;
    length -= (size_t)written;
  }
  return 0;
}

static void send_head(struct reply *reply, const char *head) {
  char line[512];
  int length = snprintf(line, sizeof line, "%s%s\n", reply->token, head);
  if (write_all(reply->fd, line, (size_t)length) < 0) reply->failed = 1;
}

static void send_chunk(struct reply *reply) {
  if (reply->used == 0) return;
  char line[24];
  int length = snprintf(line, sizeof line, "%zu\n", reply->used);
  if (write_all(reply->fd, line, (size_t)length) < 0 ||
      write_all(reply->fd, reply->buffer, reply->used) < 0)
    reply->failed = 1;
  reply->used = 0;
}

void reply_begin(struct reply *reply, int fd, const char *token) {
  reply->fd = fd;
  reply->streaming = reply->failed = 0;
  reply->used = 0;
  snprintf(reply->token, sizeof reply->token, "%s", token);
}

void reply_bytes(struct reply *reply, const void *bytes, size_t length) {
  const char *from = bytes;
  while (length > 0 && !reply->failed) {
    size_t room = sizeof reply->buffer - reply->used;
    if (room == 0) {
      if (!reply->streaming) send_head(reply, "OK *");
      reply->streaming = 1;
      send_chunk(reply);
      continue;
    }
    size_t part = length < room ? length : room;
    memcpy(reply->buffer + reply->used, from, part);
    reply->used += part;
    from += part;
    length -= part;
  }
}

void reply_text(struct reply *reply, const char *text) { reply_bytes(reply, text, strlen(text)); }

void reply_format(struct reply *reply, const char *format, ...) {
  char text[4608];
  va_list arguments;
  va_start(arguments, format);
  int length = vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  if (length < 0) return;
  reply_bytes(reply, text, (size_t)length < sizeof text ? (size_t)length : sizeof text - 1);
}

void reply_error(struct reply *reply, const char *format, ...) {
  if (reply->failed) return;
  char head[400] = "ERR ";
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(head + 4, sizeof head - 4, format, arguments);
  va_end(arguments);
  for (char *c = head; *c; c++)
    if (*c == '\n' || *c == '\r') *c = ' ';
  // Within a stream the error stands where the next chunk's length would, without the token.
  if (reply->streaming) reply->token[0] = 0;
  send_head(reply, head);
  reply->failed = 1;
}

void reply_end(struct reply *reply) {
  if (reply->failed) return;
  if (reply->streaming) {
    send_chunk(reply);
    if (!reply->failed && write_all(reply->fd, "0\n", 2) < 0) reply->failed = 1;
    return;
  }
  char head[40];
  snprintf(head, sizeof head, "OK %zu", reply->used);
  send_head(reply, head);
  if (!reply->failed && write_all(reply->fd, reply->buffer, reply->used) < 0) reply->failed = 1;
}

char *put_hex18(char *out, unsigned long value) {
  static const char digits[] = "0123456789abcdef";
  out[0] = '0';
  out[1] = value ? 'x' : '0';
  for (int i = 17; i >= 2; i--, value >>= 4) out[i] = digits[value & 15];
  return out + 18;
}
