// Transfers as much as possible in both directions at once over a few connections.
#include "load.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>

struct transfer {
    uint64_t sent, received, end;
};

static void push(struct client *client, struct transfer *transfer) {
    uint64_t rest = transfer->end - transfer->sent;
    size_t room = rest < STREAM_SPAN ? rest : STREAM_SPAN;
    transfer->sent += client_send(client, stream_at(transfer->sent), room);
}

static void pull(struct client *client, struct transfer *transfer) {
    static uint8_t buffer[STREAM_SPAN];
    size_t count = client_receive(client, buffer, sizeof buffer);
    check(buffer, count, transfer->received);
    transfer->received += count;
}

// Echoes `bytes` more bytes on each connection.
static void echo(struct client *clients, struct pollfd *polls, struct transfer *transfers, int count,
                 uint64_t bytes) {
    int unfinished = count;
    for (int i = 0; i < count; i++) {
        transfers[i].end += bytes;
        polls[i].events = POLLIN | POLLOUT;
    }
    while (unfinished > 0) {
        int ready = poll(polls, count, 5000);
        if (ready < 0 && errno != EINTR) fail("poll");
        if (ready == 0) fail_plainly("no byte moved for 5 s");
        for (int i = 0; i < count; i++) {
            struct transfer *transfer = &transfers[i];
            if (polls[i].revents & POLLOUT) push(&clients[i], transfer);
            if (transfer->sent == transfer->end) polls[i].events = POLLIN;
            if ((polls[i].revents & ~POLLOUT) == 0) continue;
            pull(&clients[i], transfer);
            if (transfer->received == transfer->end) {
                polls[i].events = 0;
                unfinished--;
            }
        }
    }
}

struct measurement bulk(const struct settings *settings) {
    int count = settings->connections;
    struct client *clients = calloc(count, sizeof *clients);
    struct pollfd *polls = calloc(count, sizeof *polls);
    struct transfer *transfers = calloc(count, sizeof *transfers);
    if (clients == NULL || polls == NULL || transfers == NULL) fail("calloc");
    for (int i = 0; i < count; i++) {
        open_client(&clients[i], settings);
        polls[i].fd = clients[i].fd;
    }
    echo(clients, polls, transfers, count, (16 << 20) / count);

    uint64_t share = settings->total / count;
    double opening = now();
    uint64_t cpu_at_opening = cpu_of(settings->server);
    echo(clients, polls, transfers, count, share);
    struct measurement result = {
        .operations = share * count / settings->size,
        .cpu = cpu_of(settings->server) - cpu_at_opening,
        .seconds = now() - opening,
    };
    for (int i = 0; i < count; i++) close_client(&clients[i]);
    free(clients);
    free(polls);
    free(transfers);
    return result;
}
