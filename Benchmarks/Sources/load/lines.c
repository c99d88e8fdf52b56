// Feeds lines to a consumer. The consumer connects, sends its process ID on a line, reads all lines, and replies
// with the number of lines and of bytes without newlines. It keeps running until this program closes.
#include "load.h"

#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int accept_consumer(void) {
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (listener < 0 || bind(listener, (struct sockaddr *)&address, length) != 0
        || listen(listener, 1) != 0
        || getsockname(listener, (struct sockaddr *)&address, &length) != 0) {
        fail("cannot listen");
    }
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    int fd = accept(listener, NULL, NULL);
    if (fd < 0) fail("accept");
    close(listener);
    return fd;
}

static void receive_text(int fd, char *text, size_t capacity) {
    size_t count = 0;
    while (count == 0 || text[count - 1] != '\n') {
        ssize_t received = recv(fd, text + count, capacity - 1 - count, 0);
        if (received < 0) fail("recv");
        if (received == 0) fail_plainly("the consumer closed without an answer");
        count += received;
    }
    text[count] = 0;
}

struct measurement feed_lines(const struct settings *settings) {
    enum { BLOCK = 800 };
    char *block = malloc(settings->size * BLOCK);
    if (block == NULL) fail("malloc");
    for (size_t i = 0; i < settings->size * BLOCK; i++) {
        block[i] = (i + 1) % settings->size == 0 ? '\n' : 'a' + i % 26;
    }

    char text[64];
    int fd = accept_consumer();
    receive_text(fd, text, sizeof text);
    pid_t consumer = atoi(text);

    double opening = now();
    uint64_t cpu_at_opening = cpu_of(consumer);
    for (uint64_t left = settings->total; left > 0;) {
        uint64_t count = left < BLOCK ? left : BLOCK;
        send_all(fd, block, count * settings->size);
        left -= count;
    }
    shutdown(fd, SHUT_WR);
    receive_text(fd, text, sizeof text);
    struct measurement result = {
        .operations = settings->total,
        .cpu = cpu_of(consumer) - cpu_at_opening,
        .seconds = now() - opening,
    };

    char expected[64];
    snprintf(expected, sizeof expected, "%" PRIu64 " %" PRIu64 "\n", settings->total,
             settings->total * (settings->size - 1));
    if (strcmp(text, expected) != 0) {
        fprintf(stderr, "load: expected %sload: received %s", expected, text);
        fail_plainly("the consumer missed something");
    }
    close(fd);
    free(block);
    return result;
}
