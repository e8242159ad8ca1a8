// SPDX-License-Identifier: Apache-2.0
// One line each; hexadecimal as C's %#018lx (so the value 0 has no 0x):
//
//   = <pid> <exe>                                       pid 0 = kernel, -1 = pagecache
//   v <start> <end> [name]                              a line of /proc/<pid>/maps
//   p <virtual> <physical> <exclusive> <file_shared>    a present page of a process
//   p <physical> <kpageflags>                           a page of the kernel or the page cache
//
// Sources: Documentation/admin-guide/mm/pagemap.rst (pagemap: bits 0-54 frame number, 56
// exclusively mapped, 61 file page or shared anonymous, 63 present; kpageflags: bit 12 ANON,
// 34 MAPPEDTODISK of the kernel-internal ones) and fireCRaCer's tools for the text.
#include "mappings.h"
#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PAGE 4096ul
#define BLOCK 65536 // entries of eight bytes per read: half a mebibyte

static uint64_t block[BLOCK];

static void write_range(struct reply *reply, unsigned long start, unsigned long end, const char *name) {
  char line[48], *out = line;
  *out++ = 'v';
  *out++ = ' ';
  out = put_hex18(out, start);
  *out++ = ' ';
  out = put_hex18(out, end);
  reply_bytes(reply, line, (size_t)(out - line));
  if (*name) {
    reply_text(reply, " ");
    reply_text(reply, name);
  }
  reply_text(reply, "\n");
}

// Entries [first, first + wanted) of a file of 64-bit entries. 0 at the end of the file.
static size_t read_entries(int fd, unsigned long first, size_t wanted) {
  if (wanted > BLOCK) wanted = BLOCK;
  ssize_t got = pread(fd, block, wanted * 8, (off_t)(first * 8));
  return got <= 0 ? 0 : (size_t)got / 8;
}

static void write_present_pages(struct reply *reply, int pagemap, unsigned long start, unsigned long end) {
  unsigned long page = start / PAGE, last = end / PAGE;
  while (page < last && !reply->failed) {
    size_t count = read_entries(pagemap, page, last - page);
    if (count == 0) return; // the vsyscall page, or the process is gone
    for (size_t i = 0; i < count; i++) {
      uint64_t entry = block[i];
      if (!(entry >> 63)) continue;
      char line[48] = "p ", *out = put_hex18(line + 2, (page + i) * PAGE);
      *out++ = ' ';
      out = put_hex18(out, (entry & ((1ul << 55) - 1)) * PAGE);
      *out++ = ' ';
      *out++ = '0' + (entry >> 56 & 1);
      *out++ = ' ';
      *out++ = '0' + (entry >> 61 & 1);
      *out++ = '\n';
      reply_bytes(reply, line, (size_t)(out - line));
    }
    page += count;
  }
}

static void write_process(struct reply *reply, int pid) {
  char path[64], exe[4096], line[4608];
  if (process_executable(pid, exe, sizeof exe) < 0) return; // a kernel thread
  if (process_is_agent(pid, exe)) return;
  snprintf(path, sizeof path, "/proc/%d/pagemap", pid);
  int pagemap = open(path, O_RDONLY | O_CLOEXEC);
  snprintf(path, sizeof path, "/proc/%d/maps", pid);
  FILE *maps = fopen(path, "re");
  if (maps && pagemap >= 0) {
    reply_format(reply, "= %d %s\n", pid, exe);
    while (!reply->failed && fgets(line, sizeof line, maps)) {
      unsigned long start, end;
      if (sscanf(line, "%lx-%lx ", &start, &end) != 2) continue;
      line[strcspn(line, "\n")] = 0;
      const char *blank = strrchr(line, ' ');
      write_range(reply, start, end, blank ? blank + 1 : "");
      write_present_pages(reply, pagemap, start, end);
    }
  }
  if (maps) fclose(maps);
  if (pagemap >= 0) close(pagemap);
}

static void write_frame(struct reply *reply, unsigned long frame, uint64_t flags) {
  char line[48] = "p ", *out = put_hex18(line + 2, frame * PAGE);
  *out++ = ' ';
  out = put_hex18(out, flags);
  *out++ = '\n';
  reply_bytes(reply, line, (size_t)(out - line));
}

// The end of the highest RAM range: the table of page frames goes this far, holes included.
static unsigned long top_of_memory(void) {
  FILE *iomem = fopen("/proc/iomem", "re");
  if (!iomem) return 0;
  char line[256];
  unsigned long start, end, top = 0;
  while (fgets(line, sizeof line, iomem))
    if (sscanf(line, "%lx-%lx", &start, &end) == 2 && strstr(line, " : System RAM") && end + 1 > top)
      top = end + 1;
  fclose(iomem);
  return top;
}

static void write_kernel(struct reply *reply, int flags) {
  FILE *iomem = fopen("/proc/iomem", "re");
  if (!iomem) return;
  reply_text(reply, "= 0 kernel\n");
  char line[256];
  while (!reply->failed && fgets(line, sizeof line, iomem)) {
    unsigned long start, end;
    char *name = strstr(line, " : Kernel ");
    if (!name || sscanf(line, "%lx-%lx", &start, &end) != 2) continue;
    name[strcspn(name, "\n")] = 0;
    end = (end + PAGE) / PAGE * PAGE; // iomem's ends are inclusive and may lie within a page
    write_range(reply, start, end, name + 3);
    for (unsigned long frame = start / PAGE; frame < end / PAGE;) {
      size_t count = read_entries(flags, frame, end / PAGE - frame);
      if (count == 0) break;
      for (size_t i = 0; i < count; i++) write_frame(reply, frame + i, block[i]);
      frame += count;
    }
  }
  fclose(iomem);
}

static void write_page_cache(struct reply *reply, int flags) {
  unsigned long top = top_of_memory();
  reply_text(reply, "= -1 pagecache\n");
  write_range(reply, 0, top, "/proc/kpageflags");
  for (unsigned long frame = 0; frame < top / PAGE && !reply->failed;) {
    size_t count = read_entries(flags, frame, top / PAGE - frame);
    if (count == 0) break;
    for (size_t i = 0; i < count; i++)
      if (block[i] >> 34 & 1 && !(block[i] >> 12 & 1)) write_frame(reply, frame + i, block[i]);
    frame += count;
  }
}

void write_mappings(struct reply *reply) {
  int flags = open("/proc/kpageflags", O_RDONLY | O_CLOEXEC);
  if (flags < 0) {
    reply_error(reply, "/proc/kpageflags: %s (the guest kernel needs CONFIG_PROC_PAGE_MONITOR)", strerror(errno));
    return;
  }
  int pids[4096];
  int count = process_list(pids, 4096);
  for (int i = 0; i < count && !reply->failed; i++) write_process(reply, pids[i]);
  write_kernel(reply, flags);
  write_page_cache(reply, flags);
  close(flags);
}

static void write_run(struct reply *reply, unsigned long first, unsigned long count, uint64_t value) {
  if (count == 0) return;
  char start[19] = {0}, flags[19] = {0};
  put_hex18(start, first * PAGE);
  put_hex18(flags, value);
  reply_format(reply, "f %s %lu %s\n", start, count, flags);
}

void write_frames(struct reply *reply) {
  int fd = open("/proc/kpageflags", O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    reply_error(reply, "/proc/kpageflags: %s", strerror(errno));
    return;
  }
  unsigned long top = top_of_memory() / PAGE, first = 0, frame = 0;
  uint64_t value = 0;
  while (frame < top && !reply->failed) {
    size_t count = read_entries(fd, frame, top - frame);
    if (count == 0) break;
    for (size_t i = 0; i < count; i++) {
      if (frame + i > first && block[i] == value) continue;
      write_run(reply, first, frame + i - first, value);
      first = frame + i;
      value = block[i];
    }
    frame += count;
  }
  write_run(reply, first, frame - first, value);
  close(fd);
}
