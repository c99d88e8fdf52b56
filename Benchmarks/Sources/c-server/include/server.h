// What the servers in C share. The calls of the hot paths are inline, so that they cost what they would cost in the
// program itself.
#pragma once
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/types.h>

enum { BUFFER_SIZE = 64 * 1024, EVENTS = 256 };

// Opens a server on a free port of the loopback, and prints the port. The type may contain SOCK_NONBLOCK.
int open_server(const char *program, int type);

// Lets the process open as many descriptors as it may.
void raise_descriptor_limit(void);

// Creates an edge-triggered epoll instance that reports the server with a NULL pointer.
int create_queue(int server);

// Adds a client to an epoll instance; 0 if that worked.
int watch(int queue, int fd, void *connection);

// Accepts a client without Nagle's algorithm; -1 if there is none.
int accept_client(int server, int flags);

// How many bytes went; -1 if the connection is broken.
static inline ssize_t send_some(int fd, const void *bytes, size_t count) {
    ssize_t sent;
    do sent = send(fd, bytes, count, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    if (sent < 0 && errno == EAGAIN) return 0;
    return sent;
}

// The bytes that the kernel did not accept. Until it has, nothing is read.
struct rest {
    uint8_t *bytes;
    size_t count, sent;
};

// Keeps bytes, of which there are never more than `room`; -1 if there is no memory.
int keep_rest(struct rest *rest, const void *bytes, size_t count, size_t room);

// Sends what was kept: 1 if nothing is left, 0 if there is no room, -1 if the connection is broken.
static inline int send_rest(int fd, struct rest *rest) {
    while (rest->sent < rest->count) {
        ssize_t sent = send_some(fd, rest->bytes + rest->sent, rest->count - rest->sent);
        if (sent <= 0) return (int)sent;
        rest->sent += (size_t)sent;
    }
    rest->count = rest->sent = 0;
    return 1;
}
