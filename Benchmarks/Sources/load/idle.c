// Measures the memory of connections that have echoed one message and then stay open.
#include "load.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

static uint64_t resident_memory(pid_t process) {
    char path[64];
    unsigned long all, resident;
    snprintf(path, sizeof path, "/proc/%d/statm", process);
    FILE *file = fopen(path, "r");
    if (file == NULL || fscanf(file, "%lu %lu", &all, &resident) != 2) fail(path);
    fclose(file);
    return resident * sysconf(_SC_PAGESIZE);
}

static void open_idle(struct client *client, const struct settings *settings) {
    uint8_t echo[STREAM_SPAN];
    open_client(client, settings);
    client_send_all(client, stream_at(0), settings->size);
    client_receive_all(client, echo, settings->size);
    check(echo, settings->size, 0);
}

struct measurement idle(const struct settings *settings) {
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    struct client *clients = calloc(settings->connections, sizeof *clients);
    if (clients == NULL) fail("calloc");
    // The first connections cause the server's one-time allocations.
    for (int i = 0; i < 100; i++) {
        struct client client = {0};
        open_idle(&client, settings);
        close_client(&client);
    }
    usleep(50000);

    double opening = now();
    uint64_t before = resident_memory(settings->server), cpu = cpu_of(settings->server);
    for (int i = 0; i < settings->connections; i++) open_idle(&clients[i], settings);
    uint64_t after = resident_memory(settings->server);
    struct measurement result = {
        .operations = settings->connections,
        .cpu = cpu_of(settings->server) - cpu,
        .seconds = now() - opening,
        .memory = after > before ? after - before : 0,
    };
    for (int i = 0; i < settings->connections; i++) close_client(&clients[i]);
    free(clients);
    return result;
}
