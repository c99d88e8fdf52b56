#include "server.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

int open_server(const char *program, int type) {
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int on = 1;
    int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, length) != 0
        || ((type & ~SOCK_NONBLOCK) == SOCK_STREAM && listen(fd, SOMAXCONN) != 0)
        || getsockname(fd, (struct sockaddr *)&address, &length) != 0) {
        perror(program);
        exit(1);
    }
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    return fd;
}

void raise_descriptor_limit(void) {
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

int create_queue(int server) {
    int queue = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.ptr = NULL};
    epoll_ctl(queue, EPOLL_CTL_ADD, server, &event);
    return queue;
}

int watch(int queue, int fd, void *connection) {
    struct epoll_event event = {
        .events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = connection};
    return epoll_ctl(queue, EPOLL_CTL_ADD, fd, &event);
}

int accept_client(int server, int flags) {
    int on = 1;
    for (;;) {
        int fd = accept4(server, NULL, NULL, SOCK_CLOEXEC | flags);
        if (fd < 0 && (errno == EINTR || errno == ECONNABORTED)) continue;
        if (fd >= 0) setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        return fd;
    }
}

int keep_rest(struct rest *rest, const void *bytes, size_t count, size_t room) {
    if (rest->bytes == NULL) rest->bytes = malloc(room);
    if (rest->bytes == NULL) return -1;
    memcpy(rest->bytes, bytes, count);
    rest->count = count;
    rest->sent = 0;
    return 0;
}
