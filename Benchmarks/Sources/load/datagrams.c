// UDP with datagrams in flight: each echo causes a new datagram. Loopback loses no datagram while the socket
// buffers have space, so a lost datagram is a failure.
#include "load.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

// A datagram begins with its number, and bytes of the stream follow.
static void send_datagram(int fd, size_t size, uint64_t number) {
    uint8_t datagram[STREAM_SPAN];
    memcpy(datagram, &number, sizeof number);
    memcpy(datagram + sizeof number, stream_at(number * size), size - sizeof number);
    if (send(fd, datagram, size, 0) != (ssize_t)size) fail("send");
}

static void receive_datagram(int fd, size_t size) {
    uint8_t datagram[STREAM_SPAN];
    uint64_t number;
    ssize_t count = recv(fd, datagram, sizeof datagram, MSG_DONTWAIT);
    while (count < 0 && (errno == EAGAIN || errno == EINTR)) {
        struct pollfd wait = {.fd = fd, .events = POLLIN};
        if (poll(&wait, 1, 5000) == 0) fail_plainly("no datagram arrived in 5 s");
        count = recv(fd, datagram, sizeof datagram, MSG_DONTWAIT);
    }
    if (count < 0) fail("recv");
    if (count != (ssize_t)size) fail_plainly("a datagram has another length");
    memcpy(&number, datagram, sizeof number);
    check(datagram + sizeof number, size - sizeof number, number * size);
}

struct measurement datagrams(const struct settings *settings) {
    uint64_t next = 0;
    if (settings->size < sizeof next) fail_plainly("datagrams of 8 bytes or more");
    int fd = connect_to(settings->port, SOCK_DGRAM);
    uint64_t total = settings->total != 0 ? settings->total : UINT64_MAX;
    struct window window = begin_window(settings);
    for (int i = 0; i < settings->depth && next < total; i++) {
        send_datagram(fd, settings->size, next++);
    }
    do {
        receive_datagram(fd, settings->size);
        if (next < total) send_datagram(fd, settings->size, next++);
        window.result.operations++;
    } while (!is_over(&window));
    close(fd);
    return window.result;
}
