// Many connections, one message in flight on each: the next one leaves when the echo is complete.
#include "load.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

struct connection {
    int fd;
    uint64_t position;  // in the stream, of the message in flight; each connection starts elsewhere
    size_t received;    // bytes of its echo
};

static void send_message(struct connection *connection, size_t size) {
    send_all(connection->fd, stream_at(connection->position), size);
}

// Takes what has arrived; true when that completes the echo, whereupon the next message leaves.
static int receive_echo(struct connection *connection, size_t size) {
    static uint8_t buffer[STREAM_SPAN];
    ssize_t count = recv(connection->fd, buffer, size - connection->received, MSG_DONTWAIT);
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) return 0;
    if (count < 0) fail("recv");
    if (count == 0) {
        errno = 0;
        fail("the server closed a connection");
    }
    if (memcmp(buffer, stream_at(connection->position) + connection->received, count) != 0) {
        errno = 0;
        fail("an echo differs from what was sent");
    }
    connection->received += count;
    if (connection->received < size) return 0;
    connection->received = 0;
    connection->position += size;
    send_message(connection, size);
    return 1;
}

struct measurement pingpong(const struct settings *settings) {
    enum { EVENTS = 256 };
    struct connection *connections = calloc(settings->connections, sizeof *connections);
    int queue = epoll_create1(EPOLL_CLOEXEC);
    if (connections == NULL || queue < 0) fail("cannot set up");
    for (int i = 0; i < settings->connections; i++) {
        struct connection *connection = &connections[i];
        connection->fd = connect_to(settings->port);
        connection->position = (uint64_t)i * 977;
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
        if (epoll_ctl(queue, EPOLL_CTL_ADD, connection->fd, &event) != 0) fail("epoll_ctl");
    }
    for (int i = 0; i < settings->connections; i++) send_message(&connections[i], settings->size);

    struct measurement result = {0};
    double opening = now() + settings->warmup, closing = 0;
    uint64_t cpu_at_opening = 0;
    for (;;) {
        struct epoll_event events[EVENTS];
        int count = epoll_wait(queue, events, EVENTS, 5000);
        if (count < 0 && errno != EINTR) fail("epoll_wait");
        if (count == 0) {
            errno = 0;
            fail("no echo for 5 s");
        }
        for (int i = 0; i < count; i++) {
            result.operations += receive_echo(events[i].data.ptr, settings->size);
        }
        double time = now();
        if (closing == 0 && time >= opening) {
            result.operations = 0;
            opening = time;
            closing = time + settings->duration;
            cpu_at_opening = cpu_of(settings->server);
        } else if (closing != 0 && time >= closing) {
            result.cpu = cpu_of(settings->server) - cpu_at_opening;
            result.seconds = time - opening;
            break;
        }
    }
    for (int i = 0; i < settings->connections; i++) close(connections[i].fd);
    return result;
}
