#include "CSock.h"

static int count;
static char **arguments;

// The C library passes the parameters of main to every constructor.
__attribute__((constructor)) static void save(int argc, char **argv) {
    count = argc;
    arguments = argv;
}

int csock_argument_count(void) { return count; }

const char *csock_argument(int index) { return arguments[index]; }
