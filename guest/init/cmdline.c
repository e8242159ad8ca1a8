// SPDX-License-Identifier: Apache-2.0
#include "cmdline.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define MAX_WORDS 256
#ifndef CMDLINE_PATH // tests read another file
#define CMDLINE_PATH "/proc/cmdline"
#endif

static char text[8192];
static char *words[MAX_WORDS];
static int word_count;

int cmdline_read(void) {
  int fd = open(CMDLINE_PATH, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return -1;
  ssize_t length = read(fd, text, sizeof text - 1);
  close(fd);
  if (length < 0) return -1;
  text[length] = 0;
  word_count = 0;
  char *out = text, *in = text;
  while (*in && word_count < MAX_WORDS) {
    while (*in == ' ' || *in == '\n' || *in == '\t') in++;
    if (!*in) break;
    words[word_count++] = out;
    int quoted = 0;
    // The quotes go (the kernel removes them too), so `out` never overtakes `in`.
    for (; *in && (quoted || (*in != ' ' && *in != '\n' && *in != '\t')); in++) {
      if (*in == '"') quoted = !quoted;
      else *out++ = *in;
    }
    if (*in) in++;
    *out++ = 0;
  }
  return 0;
}

static char same(char c) { return c == '-' ? '_' : c; }

static const char *after_key(const char *word, const char *key) {
  for (; *key; word++, key++)
    if (same(*word) != same(*key)) return NULL;
  return *word == '=' ? word + 1 : NULL;
}

const char *cmdline_value(const char *key) {
  for (int i = word_count - 1; i >= 0; i--) {
    const char *value = after_key(words[i], key);
    if (value) return value;
  }
  return NULL;
}

int cmdline_has(const char *word) {
  for (int i = 0; i < word_count; i++)
    if (!strcmp(words[i], word)) return 1;
  return 0;
}
