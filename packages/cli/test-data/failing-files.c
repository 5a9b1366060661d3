/* A file system that fails: loaded before libc, it fails the N-th call that changes something below FAIL_UNDER (with FAIL_READS, that
 * reads something there, too) with FAIL_ERRNO, and every later one where FAIL_ALWAYS is set. Whoever removes the file FAIL_RESET, which
 * need not be there, begins to count anew: the number of calls until then is written to FAIL_COUNT. For tests. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static int calls = 0;

static int below(const char *path) {
  const char *under = getenv("FAIL_UNDER");
  return under && path && strncmp(path, under, strlen(under)) == 0;
}
static int below_fd(int fd) {
  char link[64], path[PATH_MAX];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t n = readlink(link, path, sizeof path - 1);
  if (n < 0) return 0;
  path[n] = 0;
  return below(path);
}
/* Whether this call fails; counts it. */
static int fails(void) {
  const char *at = getenv("FAIL_AT"), *code = getenv("FAIL_ERRNO");
  int n = __sync_add_and_fetch(&calls, 1);
  if (!at || atoi(at) == 0) return 0;
  if (n != atoi(at) && !(getenv("FAIL_ALWAYS") && n > atoi(at))) return 0;
  errno = code ? atoi(code) : EIO;
  return 1;
}
static void reset(void) {
  const char *path = getenv("FAIL_COUNT");
  FILE *file = path ? fopen(path, "w") : NULL;
  if (file) {
    fprintf(file, "%d", calls);
    fclose(file);
  }
  calls = 0;
}
/* Whether a call that only reads fails. */
static int reads_fail(void) { return getenv("FAIL_READS") && fails(); }
#define REAL(type, name, ...) type (*real)(__VA_ARGS__) = (type (*)(__VA_ARGS__))dlsym(RTLD_NEXT, #name)

#define OPEN(name)                                                              \
  int name(const char *path, int flags, ...) {                                  \
    REAL(int, name, const char *, int, ...);                                    \
    va_list rest;                                                               \
    va_start(rest, flags);                                                      \
    mode_t mode = va_arg(rest, mode_t);                                         \
    va_end(rest);                                                               \
    int writes = flags & (O_WRONLY | O_RDWR | O_CREAT);                         \
    if (below(path) && (writes ? fails() : reads_fail())) return -1;            \
    return real(path, flags, mode);                                             \
  }
OPEN(open)
OPEN(open64)

ssize_t write(int fd, const void *data, size_t n) {
  REAL(ssize_t, write, int, const void *, size_t);
  return fd > 2 && below_fd(fd) && fails() ? -1 : real(fd, data, n);
}
ssize_t pwrite(int fd, const void *data, size_t n, off_t at) {
  REAL(ssize_t, pwrite, int, const void *, size_t, off_t);
  return below_fd(fd) && fails() ? -1 : real(fd, data, n, at);
}
ssize_t pwrite64(int fd, const void *data, size_t n, off64_t at) {
  REAL(ssize_t, pwrite64, int, const void *, size_t, off64_t);
  return below_fd(fd) && fails() ? -1 : real(fd, data, n, at);
}
ssize_t read(int fd, void *data, size_t n) {
  REAL(ssize_t, read, int, void *, size_t);
  return fd > 2 && below_fd(fd) && reads_fail() ? -1 : real(fd, data, n);
}
ssize_t pread64(int fd, void *data, size_t n, off64_t at) {
  REAL(ssize_t, pread64, int, void *, size_t, off64_t);
  return below_fd(fd) && reads_fail() ? -1 : real(fd, data, n, at);
}
int fsync(int fd) {
  REAL(int, fsync, int);
  return below_fd(fd) && fails() ? -1 : real(fd);
}
int fdatasync(int fd) {
  REAL(int, fdatasync, int);
  return below_fd(fd) && fails() ? -1 : real(fd);
}
int ftruncate64(int fd, off64_t n) {
  REAL(int, ftruncate64, int, off64_t);
  return below_fd(fd) && fails() ? -1 : real(fd, n);
}
int rename(const char *from, const char *to) {
  REAL(int, rename, const char *, const char *);
  return below(from) && fails() ? -1 : real(from, to);
}
int link(const char *from, const char *to) {
  REAL(int, link, const char *, const char *);
  return below(from) && fails() ? -1 : real(from, to);
}
int unlink(const char *path) {
  REAL(int, unlink, const char *);
  const char *mark = getenv("FAIL_RESET");
  if (mark && path && strcmp(path, mark) == 0) reset();
  return below(path) && fails() ? -1 : real(path);
}
int remove(const char *path) {
  REAL(int, remove, const char *);
  return below(path) && fails() ? -1 : real(path);
}
int unlinkat(int folder, const char *path, int flags) {
  REAL(int, unlinkat, int, const char *, int);
  return (below(path) || (path[0] != '/' && below_fd(folder))) && fails() ? -1 : real(folder, path, flags);
}
int rmdir(const char *path) {
  REAL(int, rmdir, const char *);
  return below(path) && fails() ? -1 : real(path);
}
int mkdir(const char *path, mode_t mode) {
  REAL(int, mkdir, const char *, mode_t);
  return below(path) && fails() ? -1 : real(path, mode);
}
