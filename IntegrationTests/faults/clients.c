// Connects to an echo service COUNT times, AT-ONCE clients at a time. Each client sends a message, receives its
// echo and closes.
//
//     clients PORT COUNT AT-ONCE
//
// The clients connect to 127.0.0.1 and its neighbours in turn, because the local ports would run out otherwise.
// Prints how many clients were answered. The exit code is 1 if a client was not.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

static const char message[] = "a message of 16 by\n";
enum { LENGTH = sizeof message - 1, NEIGHBOURS = 64 };

static int epoll;
static int port;
static long begun, answered, failed;

static void begin(void) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK + begun++ % NEIGHBOURS);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (fd < 0 || (connect(fd, (struct sockaddr *)&address, sizeof address) != 0 && errno != EINPROGRESS)) {
        perror("clients");
        exit(1);
    }
    struct epoll_event event = {.events = EPOLLOUT, .data.fd = fd};
    epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
}

// Handles the events of a client. Returns true if the client has finished.
static int go_on(int fd, unsigned events) {
    if (events & EPOLLOUT) {
        struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
        epoll_ctl(epoll, EPOLL_CTL_MOD, fd, &event);
        if (send(fd, message, LENGTH, MSG_NOSIGNAL) == LENGTH) return 0;
        failed++;
        return 1;
    }
    char got[LENGTH];
    // A message this short arrives in one piece over loopback.
    if (recv(fd, got, LENGTH, 0) == LENGTH && memcmp(got, message, LENGTH) == 0) answered++;
    else failed++;
    return 1;
}

int main(int count, char **arguments) {
    if (count != 4) return 2;
    port = atoi(arguments[1]);
    long wanted = atol(arguments[2]), at_once = atol(arguments[3]);
    epoll = epoll_create1(0);
    while (begun < at_once && begun < wanted) begin();
    while (answered + failed < wanted) {
        struct epoll_event events[256];
        int happened = epoll_wait(epoll, events, 256, 20000);
        if (happened == 0) {
            fprintf(stderr, "clients: no answer in 20 s\n");
            break;
        }
        for (int index = 0; index < happened; index++) {
            if (!go_on(events[index].data.fd, events[index].events)) continue;
            close(events[index].data.fd);
            if (begun < wanted) begin();
        }
    }
    printf("%ld answered, %ld failed\n", answered, failed);
    return answered == wanted ? 0 : 1;
}
