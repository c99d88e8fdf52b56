// Transfers as much as possible in one direction over one connection. Each transfer begins with a request: the
// number of bytes to come, in 8 bytes. A sink confirms a transfer with the same number.
#include "load.h"

#include <string.h>

enum { WARMUP = 16 << 20 };

static void feed(struct client *client, uint64_t count) {
    uint64_t confirmed;
    client_send_all(client, &count, sizeof count);
    for (uint64_t sent = 0; sent < count;) {
        size_t some = count - sent < STREAM_SPAN ? count - sent : STREAM_SPAN;
        client_send_all(client, stream_at(sent), some);
        sent += some;
    }
    client_receive_all(client, &confirmed, sizeof confirmed);
    if (confirmed != count) fail_plainly("the sink missed something");
}

// A source sends 0, 1, … 255, 0, ….
static void drain(struct client *client, uint64_t count) {
    static uint8_t expected[STREAM_SPAN + 256], buffer[STREAM_SPAN];
    for (size_t i = 0; i < sizeof expected; i++) expected[i] = (uint8_t)i;
    client_send_all(client, &count, sizeof count);
    for (uint64_t received = 0; received < count;) {
        // Wait in the first call, and then take what there is.
        client_receive_all(client, buffer, 1);
        size_t some = 1 + client_receive(client, buffer + 1, sizeof buffer - 1);
        if (some > count - received || memcmp(buffer, expected + received % 256, some) != 0) {
            fail_plainly("the source sent something else");
        }
        received += some;
    }
}

static struct measurement transfer(
    const struct settings *settings, void (*move)(struct client *, uint64_t)) {
    struct client client = {0};
    open_client(&client, settings);
    move(&client, WARMUP);
    double opening = now();
    uint64_t cpu_at_opening = cpu_of(settings->server);
    move(&client, settings->total);
    struct measurement result = {
        .operations = settings->total / settings->size,
        .cpu = cpu_of(settings->server) - cpu_at_opening,
        .seconds = now() - opening,
    };
    close_client(&client);
    return result;
}

struct measurement sink(const struct settings *settings) { return transfer(settings, feed); }
struct measurement source(const struct settings *settings) { return transfer(settings, drain); }
