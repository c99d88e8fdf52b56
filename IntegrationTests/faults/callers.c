// Calls an echo service so and so many times, a few at once: connects, says a word, hears it again,
// hangs up.
//
//     callers PORT COUNT AT-ONCE
//
// The calls go to 127.0.0.1 and its neighbours in turn, or the local ports would run out. Prints how many
// were answered, and ends with 1 if one was not.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

static const char word[] = "a word of 16 by\n";
enum { LENGTH = sizeof word - 1, NEIGHBOURS = 64 };

static int epoll;
static int port;
static long begun, answered, failed;

static void begin(void) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK + begun++ % NEIGHBOURS);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (fd < 0 || (connect(fd, (struct sockaddr *)&address, sizeof address) != 0 && errno != EINPROGRESS)) {
        perror("callers");
        exit(1);
    }
    struct epoll_event event = {.events = EPOLLOUT, .data.fd = fd};
    epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
}

// What is to be done when something has happened to a call; true when it is over.
static int go_on(int fd, unsigned events) {
    if (events & EPOLLOUT) {
        struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
        epoll_ctl(epoll, EPOLL_CTL_MOD, fd, &event);
        if (send(fd, word, LENGTH, MSG_NOSIGNAL) == LENGTH) return 0;
        failed++;
        return 1;
    }
    char got[LENGTH];
    // So short a word comes in one piece over loopback.
    if (recv(fd, got, LENGTH, 0) == LENGTH && memcmp(got, word, LENGTH) == 0) answered++;
    else failed++;
    return 1;
}

int main(int count, char **words) {
    if (count != 4) return 2;
    port = atoi(words[1]);
    long wanted = atol(words[2]), at_once = atol(words[3]);
    epoll = epoll_create1(0);
    while (begun < at_once && begun < wanted) begin();
    while (answered + failed < wanted) {
        struct epoll_event events[256];
        int happened = epoll_wait(epoll, events, 256, 20000);
        if (happened == 0) {
            fprintf(stderr, "callers: no answer in 20 s\n");
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
