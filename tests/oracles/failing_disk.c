/* A disk that fails, for tests: preloaded, it lets the n-th call on files below a folder fail, and all after it.

   Python, Rust and C++ alike reach the system through these functions of the C library. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

enum { WRITES = 1, NAMES = 2, MAKES = 4 };

static char below[4096];
static int armed, number, left, calls;

/* Calls of the kinds given (a sum of the above) on files below `folder` fail with `error` from the n-th on. */
void arm(const char *folder, int kinds, int error, int n) {
    snprintf(below, sizeof below, "%s", folder);
    number = error;
    left = n;
    calls = 0;
    armed = kinds;
}

int disarm(void) {
    armed = 0;
    return calls;
}

static int inside(const char *path) { return strncmp(path, below, strlen(below)) == 0; }

static int fails(int kind) {
    if (!(armed & kind)) return 0;
    if (__atomic_add_fetch(&calls, 1, __ATOMIC_SEQ_CST) < left) return 0;
    errno = number;
    return 1;
}

static int fails_on(int kind, int file) {
    char link[64], path[4096];
    if (!(armed & kind)) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t size = readlink(link, path, sizeof path - 1);
    if (size < 0) return 0;
    path[size] = 0;
    return inside(path) && fails(kind);
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

ssize_t write(int file, const void *bytes, size_t size) {
    return fails_on(WRITES, file) ? -1 : REAL(write)(file, bytes, size);
}
ssize_t pwrite(int file, const void *bytes, size_t size, off_t at) {
    return fails_on(WRITES, file) ? -1 : REAL(pwrite)(file, bytes, size, at);
}
ssize_t pwrite64(int file, const void *bytes, size_t size, off64_t at) {
    return fails_on(WRITES, file) ? -1 : REAL(pwrite64)(file, bytes, size, at);
}
ssize_t writev(int file, const struct iovec *parts, int count) {
    return fails_on(WRITES, file) ? -1 : REAL(writev)(file, parts, count);
}
int rename(const char *from, const char *to) { return inside(to) && fails(NAMES) ? -1 : REAL(rename)(from, to); }
int link(const char *from, const char *to) { return inside(to) && fails(NAMES) ? -1 : REAL(link)(from, to); }
int linkat(int a, const char *from, int b, const char *to, int flags) {
    return inside(to) && fails(NAMES) ? -1 : REAL(linkat)(a, from, b, to, flags);
}
int mkdir(const char *path, mode_t mode) { return inside(path) && fails(MAKES) ? -1 : REAL(mkdir)(path, mode); }

#define OPENS(name)                                                                  \
    int name(const char *path, int flags, ...) {                                     \
        va_list rest;                                                                \
        va_start(rest, flags);                                                       \
        mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0;      \
        va_end(rest);                                                                \
        if ((flags & O_CREAT) && inside(path) && fails(MAKES)) return -1;            \
        return REAL(name)(path, flags, mode);                                        \
    }
OPENS(open)
OPENS(open64)
