// The reference for the library's event loop: C with one thread, an edge-triggered epoll instance, a shared buffer
// of 64 KiB, TCP_NODELAY and the largest backlog. It makes no avoidable system call: after a short read, only an
// event makes a connection readable again. `--datagrams` echoes UDP with recvmmsg and sendmmsg.
#include "server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BATCH = 64 };

struct connection {
    int fd;
    int is_ending;
    // What the connection was sent and cannot send back yet; it is not read from until that has gone.
    struct rest rest;
};

static char buffer[BUFFER_SIZE];

static void hang_up(struct connection *connection) {
    close(connection->fd);
    free(connection->rest.bytes);
    free(connection);
}

// Echoes until there is nothing to read or no room to write; -1 if the connection has ended.
static int echo(struct connection *connection) {
    int is_free = send_rest(connection->fd, &connection->rest);
    while (is_free > 0) {
        ssize_t count = recv(connection->fd, buffer, BUFFER_SIZE, 0);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0 && errno == EAGAIN) return 0;
        if (count <= 0) return -1;
        ssize_t sent = send_some(connection->fd, buffer, count);
        if (sent < 0) return -1;
        if (sent < count) {
            if (keep_rest(&connection->rest, buffer + sent, count - sent, BUFFER_SIZE) != 0) return -1;
            is_free = send_rest(connection->fd, &connection->rest);
        } else if (count < BUFFER_SIZE && !connection->is_ending) {
            return 0;
        }
    }
    return is_free;
}

static void accept_clients(int queue, int listener) {
    for (int fd; (fd = accept_client(listener, SOCK_NONBLOCK)) >= 0;) {
        struct connection *connection = calloc(1, sizeof *connection);
        if (connection == NULL) abort();
        connection->fd = fd;
        if (watch(queue, fd, connection) != 0) hang_up(connection);
    }
}

static void echo_datagrams(int fd) {
    static char buffers[BATCH][2048];
    static struct sockaddr_in senders[BATCH];
    struct iovec pieces[BATCH];
    struct mmsghdr messages[BATCH];
    for (;;) {
        for (int i = 0; i < BATCH; i++) {
            pieces[i] = (struct iovec){buffers[i], sizeof buffers[i]};
            messages[i] = (struct mmsghdr){
                .msg_hdr = {.msg_name = &senders[i], .msg_namelen = sizeof senders[i],
                            .msg_iov = &pieces[i], .msg_iovlen = 1}};
        }
        int count = recvmmsg(fd, messages, BATCH, MSG_DONTWAIT, NULL);
        if (count <= 0) return;
        for (int i = 0; i < count; i++) pieces[i].iov_len = messages[i].msg_len;
        for (int sent = 0; sent < count;) {
            int some = sendmmsg(fd, messages + sent, count - sent, 0);
            if (some <= 0) break;
            sent += some;
        }
    }
}

int main(int count, char **arguments) {
    int has_datagrams = count > 1 && strcmp(arguments[1], "--datagrams") == 0;
    raise_descriptor_limit();
    int server = open_server("c-epoll", (has_datagrams ? SOCK_DGRAM : SOCK_STREAM) | SOCK_NONBLOCK);
    int queue = create_queue(server);
    for (;;) {
        struct epoll_event events[EVENTS];
        int ready = epoll_wait(queue, events, EVENTS, -1);
        for (int i = 0; i < ready; i++) {
            struct connection *connection = events[i].data.ptr;
            if (connection == NULL) {
                if (has_datagrams) echo_datagrams(server);
                else accept_clients(queue, server);
                continue;
            }
            if (events[i].events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) connection->is_ending = 1;
            if (echo(connection) < 0) hang_up(connection);
        }
    }
}
