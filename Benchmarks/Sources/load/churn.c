// Connects, receives the echo of one byte, and closes, with some clients at a time. The client closes first. Over
// TLS, sending the byte continues the handshake until the byte is sent.
#include "load.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

struct visitor {
    struct client client;
    int has_sent;
};

static void begin(int queue, struct visitor *visitor, const struct settings *settings) {
    open_client(&visitor->client, settings);
    watch(queue, visitor->client.fd, EPOLLIN, visitor);
    visitor->has_sent = client_send(&visitor->client, stream_at(0), 1) == 1;
}

// Returns whether the echo has arrived.
static int proceed(struct visitor *visitor) {
    uint8_t byte;
    if (!visitor->has_sent) visitor->has_sent = client_send(&visitor->client, stream_at(0), 1) == 1;
    if (!visitor->has_sent || client_receive(&visitor->client, &byte, 1) == 0) return 0;
    check(&byte, 1, 0);
    return 1;
}

// Makes `total` connections, at most `connections` at once.
static void make_connections(
    int queue, struct visitor *visitors, const struct settings *settings, uint64_t total) {
    enum { EVENTS = 64 };
    uint64_t begun = 0, ended = 0;
    while (begun < (uint64_t)settings->connections && begun < total) {
        begin(queue, &visitors[begun++], settings);
    }
    while (ended < total) {
        struct epoll_event events[EVENTS];
        int count = epoll_wait(queue, events, EVENTS, 5000);
        if (count < 0 && errno != EINTR) fail("epoll_wait");
        if (count == 0) fail_plainly("no echo arrived in 5 s");
        for (int i = 0; i < count; i++) {
            struct visitor *visitor = events[i].data.ptr;
            if (!proceed(visitor)) continue;
            close_client(&visitor->client);
            ended++;
            if (begun < total) {
                begun++;
                begin(queue, visitor, settings);
            }
        }
    }
}

struct measurement churn(const struct settings *settings) {
    struct visitor *visitors = calloc(settings->connections, sizeof *visitors);
    if (visitors == NULL) fail("calloc");
    int queue = make_queue();
    if (settings->warmup > 0) make_connections(queue, visitors, settings, settings->total / 10 + 1);

    double opening = now();
    uint64_t cpu_at_opening = cpu_of(settings->server);
    make_connections(queue, visitors, settings, settings->total);
    // The server's work at the end of the last connections belongs to them.
    usleep(20000);
    struct measurement result = {
        .operations = settings->total,
        .cpu = cpu_of(settings->server) - cpu_at_opening,
        .seconds = now() - opening,
    };
    close(queue);
    free(visitors);
    return result;
}
