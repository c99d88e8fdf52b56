// A preloaded library that makes input and output as bad as POSIX allows: short counts, interruptions, calls that
// report EAGAIN without need, and clients that have disconnected before accept. One seed injects the same faults
// into each thread, in the order of its calls.
//
//     cc -shared -fPIC -O1 -o shim.so shim.c && FAULT_SEED=7 LD_PRELOAD=./shim.so PROGRAM
//
// FAULT_STDIO=1 also injects faults into standard input and output. FAULT_REPORT=FILE appends the counts of faults.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

enum { EINTRS, EAGAINS, SHORTS, ABORTS, KINDS };
static const char *const kinds[KINDS] = {"EINTR", "EAGAIN", "short", "ECONNABORTED"};
static atomic_long done[KINDS];

// The next definition of a function, which is that of the C library.
#define NEXT(name) \
    static typeof(&name) next_##name; \
    if (!next_##name) next_##name = (typeof(&name))dlsym(RTLD_NEXT, #name)

static unsigned random_number(void) {
    static atomic_uint threads;
    static __thread unsigned state;
    if (!state) {
        const char *seed = getenv("FAULT_SEED");
        state = (seed ? (unsigned)atoi(seed) : 1) * 2654435761u + 40503u * atomic_fetch_add(&threads, 1);
        state |= 1;
    }
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return state;
}

static int chance(unsigned percent) { return random_number() % 100 < percent; }

static int fail(int kind, int code) {
    atomic_fetch_add(&done[kind], 1);
    errno = code;
    return -1;
}

// The epoll instance of each descriptor and its events. After an injected short count or EAGAIN, data is left that
// the kernel would not have left. An edge-triggered program then needs another event, so the library rearms it.
#define MOST 65536
static struct { int epoll; struct epoll_event event; } watched[MOST];

int epoll_ctl(int epoll, int request, int fd, struct epoll_event *event) {
    NEXT(epoll_ctl);
    int result = next_epoll_ctl(epoll, request, fd, event);
    if (result == 0 && fd >= 0 && fd < MOST) {
        watched[fd].epoll = request == EPOLL_CTL_DEL ? 0 : epoll;
        if (request != EPOLL_CTL_DEL) watched[fd].event = *event;
    }
    return result;
}

static void rearm(int fd) {
    NEXT(epoll_ctl);
    int saved = errno;
    if (fd >= 0 && fd < MOST && watched[fd].epoll) {
        struct epoll_event event = watched[fd].event;
        next_epoll_ctl(watched[fd].epoll, EPOLL_CTL_MOD, fd, &event);
    }
    errno = saved;
}

// Injects a fault before a call does anything. Returns -1 if it did, or 0.
static int inject_fault(int fd) {
    if (chance(8)) return fail(EINTRS, EINTR);
    if (chance(8)) {
        fail(EAGAINS, EAGAIN);
        rearm(fd);
        return -1;
    }
    return 0;
}

static int is_stream(int fd) {
    int type = 0;
    socklen_t size = sizeof type;
    int saved = errno;
    int result = getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size);
    errno = saved;
    return result != 0 || type == SOCK_STREAM;
}

static size_t shortened(size_t count) {
    if (count < 2 || !chance(50)) return count;
    atomic_fetch_add(&done[SHORTS], 1);
    return 1 + random_number() % (chance(30) && count > 97 ? 97 : count - 1);
}

// Performs the call, with a shorter count if it is a stream.
#define TRANSFER(fd, count, call) \
    if (inject_fault(fd)) return -1; \
    size_t most = is_stream(fd) ? shortened(count) : count; \
    ssize_t result = call; \
    if (most < count) rearm(fd); \
    return result

ssize_t send(int fd, const void *bytes, size_t count, int flags) {
    NEXT(send);
    TRANSFER(fd, count, next_send(fd, bytes, most, flags));
}

ssize_t recv(int fd, void *bytes, size_t count, int flags) {
    NEXT(recv);
    TRANSFER(fd, count, next_recv(fd, bytes, most, flags));
}

ssize_t sendto(int fd, const void *bytes, size_t count, int flags, const struct sockaddr *to, socklen_t size) {
    NEXT(sendto);
    TRANSFER(fd, count, next_sendto(fd, bytes, most, flags, to, size));
}

ssize_t recvfrom(int fd, void *bytes, size_t count, int flags, struct sockaddr *from, socklen_t *size) {
    NEXT(recvfrom);
    TRANSFER(fd, count, next_recvfrom(fd, bytes, most, flags, from, size));
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags) {
    NEXT(sendmsg);
    if (inject_fault(fd)) return -1;
    struct msghdr part = *message;
    struct iovec first;
    if (part.msg_iovlen > 0 && is_stream(fd) && chance(50)) {
        first = part.msg_iov[0];
        first.iov_len = shortened(first.iov_len);
        part.msg_iov = &first;
        part.msg_iovlen = 1;
    }
    ssize_t result = next_sendmsg(fd, &part, flags);
    rearm(fd);
    return result;
}

int recvmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags, struct timespec *limit) {
    NEXT(recvmmsg);
    if (inject_fault(fd)) return -1;
    return next_recvmmsg(fd, messages, count, flags, limit);
}

ssize_t sendfile(int fd, int file, off_t *offset, size_t count) {
    NEXT(sendfile);
    TRANSFER(fd, count, next_sendfile(fd, file, offset, most));
}

int accept4(int fd, struct sockaddr *address, socklen_t *size, int flags) {
    NEXT(accept4);
    if (inject_fault(fd)) return -1;
    if (chance(10)) {
        fail(ABORTS, ECONNABORTED);
        rearm(fd);
        return -1;
    }
    return next_accept4(fd, address, size, flags);
}

// An interrupted connect continues in the background, except on a Unix socket, where it has not begun.
int connect(int fd, const struct sockaddr *address, socklen_t size) {
    NEXT(connect);
    if (!chance(30)) return next_connect(fd, address, size);
    if (address->sa_family == AF_UNIX) return fail(EINTRS, EINTR);
    int flags = fcntl(fd, F_GETFL);
    fcntl(fd, F_SETFL, flags | O_NONBLOCK);
    int result = next_connect(fd, address, size);
    int code = errno;
    fcntl(fd, F_SETFL, flags);
    errno = code;
    return result == -1 && code == EINPROGRESS ? fail(EINTRS, EINTR) : result;
}

int poll(struct pollfd *requests, nfds_t count, int milliseconds) {
    NEXT(poll);
    if (chance(10)) return fail(EINTRS, EINTR);
    return next_poll(requests, count, milliseconds);
}

int epoll_wait(int epoll, struct epoll_event *events, int count, int milliseconds) {
    NEXT(epoll_wait);
    if (chance(10)) return fail(EINTRS, EINTR);
    return next_epoll_wait(epoll, events, chance(30) ? 1 : count, milliseconds);
}

static int is_standard(int fd) { return fd >= 0 && fd <= 2 && getenv("FAULT_STDIO"); }

ssize_t read(int fd, void *bytes, size_t count) {
    NEXT(read);
    if (!is_standard(fd)) return next_read(fd, bytes, count);
    if (inject_fault(fd)) return -1;
    return next_read(fd, bytes, shortened(count));
}

ssize_t write(int fd, const void *bytes, size_t count) {
    NEXT(write);
    if (!is_standard(fd)) return next_write(fd, bytes, count);
    if (inject_fault(fd)) return -1;
    return next_write(fd, bytes, shortened(count));
}

__attribute__((destructor)) static void report(void) {
    const char *path = getenv("FAULT_REPORT");
    int file = path ? open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600) : -1;
    if (file < 0) return;
    char line[256] = "";
    for (int kind = 0; kind < KINDS; kind++) {
        size_t used = strlen(line);
        snprintf(line + used, sizeof line - used, "%s %ld%s", kinds[kind], atomic_load(&done[kind]),
                 kind + 1 < KINDS ? " " : "\n");
    }
    NEXT(write);
    if (next_write(file, line, strlen(line)) < 0) perror("FAULT_REPORT");
    close(file);
}
