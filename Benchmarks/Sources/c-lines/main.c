// c-lines PORT: reads lines with getline, through a stdio buffer of 64 KiB.
#include <arpa/inet.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

int main(int count, char **arguments) {
    if (count != 2) return 2;
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons(atoi(arguments[1])),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) != 0) {
        perror("c-lines");
        return 1;
    }
    dprintf(fd, "%d\n", getpid());

    FILE *stream = fdopen(fd, "r");
    setvbuf(stream, NULL, _IOFBF, 64 * 1024);
    char *line = NULL;
    size_t capacity = 0;
    uint64_t lines = 0, bytes = 0;
    for (ssize_t length; (length = getline(&line, &capacity, stream)) > 0;) {
        lines += 1;
        bytes += line[length - 1] == '\n' ? length - 1 : length;
    }
    dprintf(fd, "%" PRIu64 " %" PRIu64 "\n", lines, bytes);
    char end;
    while (read(fd, &end, 1) > 0) {}
    return 0;
}
