#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct record { char name[12]; int score; };

int main(void)
{
  char path[] = "records-XXXXXX";
  int fd = mkstemp(path);
  if (fd < 0) { perror(path); return 1; }
  enum { COUNT = 300 };
  if (ftruncate(fd, COUNT * sizeof(struct record)) < 0) return 1;
  struct record *r = mmap(NULL, COUNT * sizeof *r, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (r == MAP_FAILED) return 1;
  for (int i = 0; i < COUNT; i++) {
    snprintf(r[i].name, sizeof r[i].name, "player%03d", i);
    r[i].score = i * 7919 % 1000;
  }
  munmap(r, COUNT * sizeof *r);
  struct stat st;
  fstat(fd, &st);
  printf("%lld bytes, regular %d, mode %03o\n", (long long)st.st_size, S_ISREG(st.st_mode), (unsigned)st.st_mode & 0777);
  struct record one;
  int best = -1, which = -1;
  for (int i = 0; i < COUNT; i++) {
    if (pread(fd, &one, sizeof one, (off_t)(i * (int)sizeof one)) != sizeof one) return 1;
    if (one.score > best) { best = one.score; which = i; }
  }
  if (pread(fd, &one, sizeof one, (off_t)(which * (int)sizeof one)) != sizeof one) return 1;
  printf("best %s with %d\n", one.name, one.score);
  const unsigned char *bytes = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
  unsigned crc = 0;
  for (off_t i = 0; i < st.st_size; i++) crc = (crc << 5 | crc >> 27) ^ bytes[i];
  printf("sum %08x\n", crc);
  close(fd);
  unlink(path);
  return access(path, F_OK) == 0;
}
