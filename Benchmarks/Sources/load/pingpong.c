// Connections with messages in flight: for every batch of echoes, as many new messages are sent at once.
#include "load.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

struct connection {
    struct client client;
    uint64_t sent, received;  // positions in the stream, which differ between connections
};

// Sends up to `count` messages, as far as the allowance permits.
static void send_messages(
    struct connection *connection, uint64_t count, size_t size, uint64_t *allowance) {
    if (count > *allowance) count = *allowance;
    if (count == 0) return;
    *allowance -= count;
    client_send_all(&connection->client, stream_at(connection->sent), count * size);
    connection->sent += count * size;
}

// Receives the available bytes and returns the number of messages that they complete.
static uint64_t receive_echo(struct connection *connection, size_t size) {
    static uint8_t buffer[STREAM_SPAN];
    size_t count = client_receive(&connection->client, buffer, sizeof buffer);
    check(buffer, count, connection->received);
    uint64_t before = connection->received / size;
    connection->received += count;
    return connection->received / size - before;
}

// Waits for all echoes, so that the connections end in an orderly way.
static void drain(struct connection *connections, int count, size_t size) {
    for (int i = 0; i < count; i++) {
        while (connections[i].received < connections[i].sent) {
            struct pollfd wait = {.fd = connections[i].client.fd, .events = POLLIN};
            if (poll(&wait, 1, 5000) == 0) fail_plainly("an echo did not arrive in 5 s");
            receive_echo(&connections[i], size);
        }
    }
}

struct measurement pingpong(const struct settings *settings) {
    enum { EVENTS = 256 };
    size_t size = settings->size;
    uint64_t allowance = settings->total != 0 ? settings->total : UINT64_MAX;
    struct connection *connections = calloc(settings->connections, sizeof *connections);
    if (connections == NULL) fail("calloc");
    int queue = make_queue();
    for (int i = 0; i < settings->connections; i++) {
        struct connection *connection = &connections[i];
        open_client(&connection->client, settings);
        connection->sent = connection->received = (uint64_t)i * 977 * size;
        watch(queue, connection->client.fd, EPOLLIN, connection);
    }
    for (int i = 0; i < settings->connections; i++) {
        send_messages(&connections[i], settings->depth, size, &allowance);
    }

    struct window window = begin_window(settings);
    do {
        struct epoll_event events[EVENTS];
        int count = epoll_wait(queue, events, EVENTS, 5000);
        if (count < 0 && errno != EINTR) fail("epoll_wait");
        if (count == 0) fail_plainly("no echo arrived in 5 s");
        for (int i = 0; i < count; i++) {
            struct connection *connection = events[i].data.ptr;
            uint64_t completed = receive_echo(connection, size);
            send_messages(connection, completed, size, &allowance);
            window.result.operations += completed;
        }
    } while (!is_over(&window));
    drain(connections, settings->connections, size);
    for (int i = 0; i < settings->connections; i++) close_client(&connections[i].client);
    close(queue);
    free(connections);
    return window.result;
}
