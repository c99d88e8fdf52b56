// The load generator. It drives a server or feeds a consumer over loopback, compares every byte that comes
// back, and reads the CPU clock of the other process at both ends of the measured window.
#ifndef LOAD_H
#define LOAD_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct settings {
    int port;               // of the server, on 127.0.0.1
    pid_t server;           // the process whose CPU time is measured
    int connections;
    int depth;              // messages in flight on each connection
    size_t size;            // bytes of a message, or of a line with its newline
    uint64_t total;         // bytes to echo, lines to feed, or connections to make; for pingpong
                            // and datagrams, messages to send, or 0 to send until the window closes
    double warmup;          // seconds before the window opens
    double duration;        // seconds of the window
    const char *certificate; // of the server, which is then used over TLS; NULL for plain TCP
    int resumes;            // whether a connection resumes the session of the one before it
};

struct measurement {
    uint64_t operations;
    double seconds;         // of wall clock
    uint64_t cpu;           // nanoseconds of the server, with all threads including ended ones
    uint64_t memory;        // growth of the server's resident memory in bytes; only for idle
};

struct measurement pingpong(const struct settings *settings);
struct measurement bulk(const struct settings *settings);
struct measurement churn(const struct settings *settings);
struct measurement sink(const struct settings *settings);
struct measurement source(const struct settings *settings);
struct measurement idle(const struct settings *settings);
struct measurement datagrams(const struct settings *settings);
struct measurement feed_lines(const struct settings *settings);

// client.c
struct client {
    int fd;
    void *tls;              // an SSL; NULL for plain TCP
    void *session;          // an SSL_SESSION to resume, or NULL
    int is_resuming;
};
void prepare_clients(const struct settings *settings);
void open_client(struct client *client, const struct settings *settings);
void close_client(struct client *client);
// How many bytes were moved without waiting; 0 if none could be.
size_t client_send(struct client *client, const void *bytes, size_t count);
size_t client_receive(struct client *client, void *bytes, size_t count);
// The same for all bytes.
void client_send_all(struct client *client, const void *bytes, size_t count);
void client_receive_all(struct client *client, void *bytes, size_t count);

// support.c
_Noreturn void fail(const char *what);         // with the message of errno
_Noreturn void fail_plainly(const char *what); // without errno
double now(void);
uint64_t cpu_of(pid_t process);
int connect_to(int port, int kind);
void send_all(int fd, const void *bytes, size_t count);
int make_queue(void);
void watch(int queue, int fd, uint32_t events, void *pointer);

// A window opens after the warm-up and closes after its duration. Operations count while it is open.
// With a total, it is open from the first operation to the last instead.
struct window {
    const struct settings *settings;
    double opening, closing;   // closing is 0 until the window opens
    uint64_t cpu_at_opening;
    struct measurement result;
};
struct window begin_window(const struct settings *settings);
int is_over(struct window *window);            // call it after each batch of operations

// An endless stream of bytes without a short period, so that the comparison finds lost, repeated and misrouted
// bytes. `stream_at` returns at least `STREAM_SPAN` contiguous bytes.
enum { STREAM_PERIOD = 1 << 16, STREAM_SPAN = 1 << 16 };
void prepare_stream(void);
const uint8_t *stream_at(uint64_t position);
void check(const uint8_t *bytes, size_t count, uint64_t position);

#endif
