// The reference for the library's event loop: C with one thread, an edge-triggered epoll instance, a shared buffer
// of 64 KiB, TCP_NODELAY and the largest backlog. It makes no avoidable system call: after a short read, only an
// event makes a connection readable again. `--datagrams` echoes UDP with recvmmsg and sendmmsg.
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BUFFER_SIZE = 64 * 1024, EVENTS = 256, BATCH = 64 };

// What a connection was sent and cannot send back yet; it is not read from until that has gone.
struct connection {
    int fd;
    int is_ending;
    char *rest;
    size_t count, sent;
};

static char buffer[BUFFER_SIZE];

static void hang_up(struct connection *connection) {
    close(connection->fd);
    free(connection->rest);
    free(connection);
}

// How many bytes went; -1 if the connection is broken.
static ssize_t send_some(int fd, const char *bytes, size_t count) {
    ssize_t sent;
    do sent = send(fd, bytes, count, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    if (sent < 0 && errno == EAGAIN) return 0;
    return sent;
}

static int keep_rest(struct connection *connection, const char *bytes, size_t count) {
    if (connection->rest == NULL) connection->rest = malloc(BUFFER_SIZE);
    if (connection->rest == NULL) return -1;
    memcpy(connection->rest, bytes, count);
    connection->count = count;
    connection->sent = 0;
    return 0;
}

// Sends what was kept: 1 if nothing is left, 0 if there is no room, -1 if the connection is broken.
static int send_rest(struct connection *connection) {
    while (connection->sent < connection->count) {
        ssize_t sent = send_some(connection->fd, connection->rest + connection->sent,
                                 connection->count - connection->sent);
        if (sent <= 0) return sent;
        connection->sent += sent;
    }
    connection->count = connection->sent = 0;
    return 1;
}

// Echoes until there is nothing to read or no room to write; -1 if the connection has ended.
static int echo(struct connection *connection) {
    int is_free = send_rest(connection);
    while (is_free > 0) {
        ssize_t count = recv(connection->fd, buffer, BUFFER_SIZE, 0);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0 && errno == EAGAIN) return 0;
        if (count <= 0) return -1;
        ssize_t sent = send_some(connection->fd, buffer, count);
        if (sent < 0) return -1;
        if (sent < count) {
            if (keep_rest(connection, buffer + sent, count - sent) != 0) return -1;
            is_free = send_rest(connection);
        } else if (count < BUFFER_SIZE && !connection->is_ending) {
            return 0;
        }
    }
    return is_free;
}

static void accept_clients(int queue, int listener) {
    int on = 1;
    for (;;) {
        int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd < 0 && (errno == EINTR || errno == ECONNABORTED)) continue;
        if (fd < 0) return;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        struct connection *connection = calloc(1, sizeof *connection);
        if (connection == NULL) abort();
        connection->fd = fd;
        struct epoll_event event = {
            .events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = connection};
        if (epoll_ctl(queue, EPOLL_CTL_ADD, fd, &event) != 0) hang_up(connection);
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

static int open_server(int kind) {
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int on = 1;
    int fd = socket(AF_INET, kind | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, length) != 0
        || (kind == SOCK_STREAM && listen(fd, SOMAXCONN) != 0)
        || getsockname(fd, (struct sockaddr *)&address, &length) != 0) {
        perror("c-epoll");
        exit(1);
    }
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    return fd;
}

int main(int count, char **arguments) {
    int has_datagrams = count > 1 && strcmp(arguments[1], "--datagrams") == 0;
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    int server = open_server(has_datagrams ? SOCK_DGRAM : SOCK_STREAM);
    int queue = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.ptr = NULL};
    epoll_ctl(queue, EPOLL_CTL_ADD, server, &event);
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
