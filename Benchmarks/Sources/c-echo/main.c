// The reference for the library's blocking echo server: C with a blocking thread per connection, a buffer of
// 64 KiB, TCP_NODELAY and the largest backlog. `--timeout` sets both time limits once.
#include "server.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

static int send_all(int fd, const char *bytes, size_t count) {
    while (count > 0) {
        ssize_t sent = send(fd, bytes, count, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) continue;
        if (sent < 0) return -1;
        bytes += sent;
        count -= sent;
    }
    return 0;
}

static void *echo(void *argument) {
    int fd = (int)(intptr_t)argument;
    char *buffer = malloc(BUFFER_SIZE);
    while (buffer != NULL) {
        ssize_t count = recv(fd, buffer, BUFFER_SIZE, 0);
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0 || send_all(fd, buffer, count) != 0) break;
    }
    free(buffer);
    close(fd);
    return NULL;
}

int main(int count, char **arguments) {
    int has_timeout = count > 1 && strcmp(arguments[1], "--timeout") == 0;
    int listener = open_server("c-echo", SOCK_STREAM);
    for (;;) {
        int fd = accept_client(listener, 0);
        if (fd < 0) continue;
        if (has_timeout) {
            struct timeval limit = {.tv_sec = 30};
            setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
            setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
        }
        pthread_t thread;
        if (pthread_create(&thread, NULL, echo, (void *)(intptr_t)fd) != 0) {
            close(fd);
            continue;
        }
        pthread_detach(thread);
    }
}
