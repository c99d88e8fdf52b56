#include "load.h"

#include <arpa/inet.h>
#include <errno.h>
#include <math.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>

_Noreturn void fail(const char *what) {
    fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
    exit(1);
}

_Noreturn void fail_plainly(const char *what) {
    fprintf(stderr, "load: %s\n", what);
    exit(1);
}

double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec + time.tv_nsec / 1e9;
}

uint64_t cpu_of(pid_t process) {
    clockid_t clock;
    struct timespec time;
    int error = clock_getcpuclockid(process, &clock);
    if (error != 0) {
        errno = error;
        fail("cannot find the CPU clock of the server");
    }
    if (clock_gettime(clock, &time) != 0) fail("cannot read the CPU clock of the server");
    return (uint64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

int connect_to(int port, int kind) {
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, kind | SOCK_CLOEXEC, 0);
    if (fd < 0) fail("socket");
    if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0) fail("connect");
    int on = 1;
    if (kind == SOCK_STREAM) setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return fd;
}

void send_all(int fd, const void *bytes, size_t count) {
    const uint8_t *rest = bytes;
    while (count > 0) {
        ssize_t sent = send(fd, rest, count, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) continue;
        if (sent < 0) fail("send");
        rest += sent;
        count -= sent;
    }
}

int make_queue(void) {
    int queue = epoll_create1(EPOLL_CLOEXEC);
    if (queue < 0) fail("epoll_create1");
    return queue;
}

void watch(int queue, int fd, uint32_t events, void *pointer) {
    struct epoll_event event = {.events = events, .data.ptr = pointer};
    if (epoll_ctl(queue, EPOLL_CTL_ADD, fd, &event) != 0) fail("epoll_ctl");
}

struct window begin_window(const struct settings *settings) {
    struct window window = {.settings = settings, .opening = now(), .closing = INFINITY};
    if (settings->total == 0) {
        window.opening += settings->warmup;
        window.closing = 0;
    } else {
        window.cpu_at_opening = cpu_of(settings->server);
    }
    return window;
}

int is_over(struct window *window) {
    double time = now();
    if (window->closing == 0 && time >= window->opening) {
        window->result.operations = 0;
        window->opening = time;
        window->closing = time + window->settings->duration;
        window->cpu_at_opening = cpu_of(window->settings->server);
    } else if ((window->closing != 0 && time >= window->closing)
               || (window->settings->total != 0
                   && window->result.operations >= window->settings->total)) {
        window->result.cpu = cpu_of(window->settings->server) - window->cpu_at_opening;
        window->result.seconds = time - window->opening;
        return 1;
    }
    return 0;
}

static uint8_t stream[STREAM_PERIOD + STREAM_SPAN];

void prepare_stream(void) {
    uint64_t state = 0x9e3779b97f4a7c15;
    for (size_t i = 0; i < STREAM_PERIOD; i++) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        stream[i] = state >> 32;
    }
    memcpy(stream + STREAM_PERIOD, stream, STREAM_SPAN);
}

const uint8_t *stream_at(uint64_t position) { return stream + position % STREAM_PERIOD; }

void check(const uint8_t *bytes, size_t count, uint64_t position) {
    if (memcmp(bytes, stream_at(position), count) != 0) {
        fail_plainly("an echo differs from what was sent");
    }
}
