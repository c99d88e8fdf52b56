// Connect, have one byte echoed, close: some callers at a time, the caller closes first.
#include "load.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

static void call(int queue, int *caller, const struct settings *settings) {
    *caller = connect_to(settings->port, SOCK_STREAM);
    watch(queue, *caller, EPOLLIN, caller);
    send_all(*caller, stream_at(0), 1);
}

static void hear_echo(int fd) {
    uint8_t byte;
    ssize_t count;
    do count = recv(fd, &byte, 1, 0);
    while (count < 0 && errno == EINTR);
    if (count < 0) fail("recv");
    if (count == 0) fail_plainly("the server closed a connection without an echo");
    check(&byte, 1, 0);
}

// Makes so many calls, never more than `connections` at once.
static void make_calls(int queue, int *callers, const struct settings *settings, uint64_t total) {
    enum { EVENTS = 64 };
    uint64_t begun = 0, ended = 0;
    while (begun < (uint64_t)settings->connections && begun < total) {
        call(queue, &callers[begun++], settings);
    }
    while (ended < total) {
        struct epoll_event events[EVENTS];
        int count = epoll_wait(queue, events, EVENTS, 5000);
        if (count < 0 && errno != EINTR) fail("epoll_wait");
        if (count == 0) fail_plainly("no echo for 5 s");
        for (int i = 0; i < count; i++) {
            int *caller = events[i].data.ptr;
            hear_echo(*caller);
            close(*caller);
            ended++;
            if (begun < total) {
                begun++;
                call(queue, caller, settings);
            }
        }
    }
}

struct measurement churn(const struct settings *settings) {
    int *callers = calloc(settings->connections, sizeof *callers);
    if (callers == NULL) fail("calloc");
    int queue = make_queue();
    if (settings->warmup > 0) make_calls(queue, callers, settings, settings->total / 10 + 1);

    double opening = now();
    uint64_t cpu_at_opening = cpu_of(settings->server);
    make_calls(queue, callers, settings, settings->total);
    // What the server does about the last calls' end belongs to them.
    usleep(20000);
    struct measurement result = {
        .operations = settings->total,
        .cpu = cpu_of(settings->server) - cpu_at_opening,
        .seconds = now() - opening,
    };
    close(queue);
    free(callers);
    return result;
}
