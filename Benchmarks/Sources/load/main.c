// load WORKLOAD [--name value]...: one run, one JSON object on standard output.
#include "load.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct settings parse(int count, char **arguments) {
    static const struct option options[] = {
        {"port", required_argument, NULL, 'p'},     {"server", required_argument, NULL, 's'},
        {"connections", required_argument, NULL, 'c'}, {"size", required_argument, NULL, 'b'},
        {"total", required_argument, NULL, 't'},    {"warmup", required_argument, NULL, 'w'},
        {"duration", required_argument, NULL, 'd'}, {0}};
    struct settings settings = {.connections = 1, .size = 64, .warmup = 0.2, .duration = 0.5};
    for (int option; (option = getopt_long(count, arguments, "", options, NULL)) != -1;) {
        switch (option) {
        case 'p': settings.port = atoi(optarg); break;
        case 's': settings.server = atoi(optarg); break;
        case 'c': settings.connections = atoi(optarg); break;
        case 'b': settings.size = strtoull(optarg, NULL, 10); break;
        case 't': settings.total = strtoull(optarg, NULL, 10); break;
        case 'w': settings.warmup = strtod(optarg, NULL); break;
        case 'd': settings.duration = strtod(optarg, NULL); break;
        default: exit(2);
        }
    }
    if (settings.size == 0 || settings.size > STREAM_SPAN || settings.connections < 1) {
        fprintf(stderr, "load: a size of 1 to %d and at least one connection\n", STREAM_SPAN);
        exit(2);
    }
    return settings;
}

int main(int count, char **arguments) {
    struct measurement (*workload)(const struct settings *) = NULL;
    if (count > 1 && strcmp(arguments[1], "pingpong") == 0) workload = pingpong;
    if (count > 1 && strcmp(arguments[1], "bulk") == 0) workload = bulk;
    if (count > 1 && strcmp(arguments[1], "lines") == 0) workload = feed_lines;
    if (workload == NULL) {
        fprintf(stderr, "usage: load pingpong|bulk|lines [--port N] [--server PID] ...\n");
        return 2;
    }
    struct settings settings = parse(count - 1, arguments + 1);
    prepare_stream();
    struct measurement result = workload(&settings);
    errno = 0;
    if (result.operations == 0) fail("not one operation was completed");
    printf("{\"operations\": %" PRIu64 ", \"seconds\": %.6f, \"cpu\": %" PRIu64 "}\n",
           result.operations, result.seconds, result.cpu);
    return 0;
}
