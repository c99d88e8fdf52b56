// Connects, receives the echo of one byte, and closes, with some clients at a time. The client closes first.
#include "load.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

static void begin(int queue, int *client, const struct settings *settings) {
    *client = connect_to(settings->port, SOCK_STREAM);
    watch(queue, *client, EPOLLIN, client);
    send_all(*client, stream_at(0), 1);
}

static void receive_echo(int fd) {
    uint8_t byte;
    ssize_t count;
    do count = recv(fd, &byte, 1, 0);
    while (count < 0 && errno == EINTR);
    if (count < 0) fail("recv");
    if (count == 0) fail_plainly("the server closed a connection without an echo");
    check(&byte, 1, 0);
}

// Makes `total` connections, at most `connections` at once.
static void make_connections(int queue, int *clients, const struct settings *settings, uint64_t total) {
    enum { EVENTS = 64 };
    uint64_t begun = 0, ended = 0;
    while (begun < (uint64_t)settings->connections && begun < total) {
        begin(queue, &clients[begun++], settings);
    }
    while (ended < total) {
        struct epoll_event events[EVENTS];
        int count = epoll_wait(queue, events, EVENTS, 5000);
        if (count < 0 && errno != EINTR) fail("epoll_wait");
        if (count == 0) fail_plainly("no echo arrived in 5 s");
        for (int i = 0; i < count; i++) {
            int *client = events[i].data.ptr;
            receive_echo(*client);
            close(*client);
            ended++;
            if (begun < total) {
                begun++;
                begin(queue, client, settings);
            }
        }
    }
}

struct measurement churn(const struct settings *settings) {
    int *clients = calloc(settings->connections, sizeof *clients);
    if (clients == NULL) fail("calloc");
    int queue = make_queue();
    if (settings->warmup > 0) make_connections(queue, clients, settings, settings->total / 10 + 1);

    double opening = now();
    uint64_t cpu_at_opening = cpu_of(settings->server);
    make_connections(queue, clients, settings, settings->total);
    // The server's work at the end of the last connections belongs to them.
    usleep(20000);
    struct measurement result = {
        .operations = settings->total,
        .cpu = cpu_of(settings->server) - cpu_at_opening,
        .seconds = now() - opening,
    };
    close(queue);
    free(clients);
    return result;
}
