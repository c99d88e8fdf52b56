// One connection carries as much as it can, in both directions at once.
#include "load.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void check(const uint8_t *bytes, size_t count, uint64_t position) {
    if (memcmp(bytes, stream_at(position), count) != 0) {
        errno = 0;
        fail("the echo differs from what was sent");
    }
}

static void echo(int fd, uint64_t from, uint64_t to) {
    static uint8_t buffer[STREAM_SPAN];
    uint64_t sent = from, received = from;
    while (received < to) {
        struct pollfd wait = {.fd = fd, .events = POLLIN | (sent < to ? POLLOUT : 0)};
        int ready = poll(&wait, 1, 5000);
        if (ready < 0 && errno != EINTR) fail("poll");
        if (ready == 0) {
            errno = 0;
            fail("no byte moved for 5 s");
        }
        if (wait.revents & POLLOUT) {
            size_t room = to - sent < STREAM_SPAN ? to - sent : STREAM_SPAN;
            ssize_t count = send(fd, stream_at(sent), room, MSG_DONTWAIT | MSG_NOSIGNAL);
            if (count < 0 && errno != EAGAIN && errno != EINTR) fail("send");
            if (count > 0) sent += count;
        }
        if (wait.revents & ~POLLOUT) {
            ssize_t count = recv(fd, buffer, sizeof buffer, MSG_DONTWAIT);
            if (count < 0 && errno != EAGAIN && errno != EINTR) fail("recv");
            if (count == 0) {
                errno = 0;
                fail("the server closed the connection");
            }
            if (count > 0) {
                check(buffer, count, received);
                received += count;
            }
        }
    }
}

struct measurement bulk(const struct settings *settings) {
    const uint64_t warmup = 16 << 20;
    int fd = connect_to(settings->port);
    echo(fd, 0, warmup);

    double opening = now();
    uint64_t cpu_at_opening = cpu_of(settings->server);
    echo(fd, warmup, warmup + settings->total);
    struct measurement result = {
        .operations = settings->total / settings->size,
        .cpu = cpu_of(settings->server) - cpu_at_opening,
        .seconds = now() - opening,
    };
    close(fd);
    return result;
}
