// load WORKLOAD [--name value]...: performs one run and prints a JSON object.
#include "load.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    struct measurement (*run)(const struct settings *);
} workloads[] = {
    {"pingpong", pingpong}, {"bulk", bulk},           {"churn", churn}, {"idle", idle},
    {"sink", sink},         {"source", source},
    {"datagrams", datagrams}, {"lines", feed_lines},
};
enum { WORKLOADS = sizeof workloads / sizeof workloads[0] };

static struct settings parse(int count, char **arguments) {
    static const struct option options[] = {
        {"port", required_argument, NULL, 'p'},     {"server", required_argument, NULL, 's'},
        {"connections", required_argument, NULL, 'c'}, {"depth", required_argument, NULL, 'f'},
        {"size", required_argument, NULL, 'b'},     {"total", required_argument, NULL, 't'},
        {"warmup", required_argument, NULL, 'w'},   {"duration", required_argument, NULL, 'd'},
        {"certificate", required_argument, NULL, 'k'}, {"resume", no_argument, NULL, 'r'},
        {0}};
    struct settings settings = {
        .connections = 1, .depth = 1, .size = 64, .warmup = 0.2, .duration = 0.5};
    for (int option; (option = getopt_long(count, arguments, "", options, NULL)) != -1;) {
        switch (option) {
        case 'p': settings.port = atoi(optarg); break;
        case 's': settings.server = atoi(optarg); break;
        case 'c': settings.connections = atoi(optarg); break;
        case 'f': settings.depth = atoi(optarg); break;
        case 'b': settings.size = strtoull(optarg, NULL, 10); break;
        case 't': settings.total = strtoull(optarg, NULL, 10); break;
        case 'w': settings.warmup = strtod(optarg, NULL); break;
        case 'd': settings.duration = strtod(optarg, NULL); break;
        case 'k': settings.certificate = optarg; break;
        case 'r': settings.resumes = 1; break;
        default: exit(2);
        }
    }
    if (settings.connections < 1 || settings.depth < 1 || settings.size == 0
        || settings.size > (size_t)STREAM_SPAN / settings.depth) {
        fprintf(stderr, "load: at least one connection, and 1 to %d bytes in flight\n", STREAM_SPAN);
        exit(2);
    }
    return settings;
}

int main(int count, char **arguments) {
    for (int i = 0; i < WORKLOADS && count > 1; i++) {
        if (strcmp(arguments[1], workloads[i].name) != 0) continue;
        struct settings settings = parse(count - 1, arguments + 1);
        prepare_stream();
        prepare_clients(&settings);
        struct measurement result = workloads[i].run(&settings);
        if (result.operations == 0) fail_plainly("no operation was completed");
        printf("{\"operations\": %" PRIu64 ", \"seconds\": %.6f, \"cpu\": %" PRIu64
               ", \"memory\": %" PRIu64 "}\n",
               result.operations, result.seconds, result.cpu, result.memory);
        return 0;
    }
    fprintf(stderr, "usage: load pingpong|bulk|churn|idle|sink|source|datagrams|lines "
                    "[--port N] [--server PID] ...\n");
    return 2;
}
