// The reference for TLS: C with one thread, an edge-triggered epoll instance and OpenSSL.
//     c-tls echo|sink|source CERTIFICATE KEY
// `echo` sends back what it receives. `sink` receives a number of 8 bytes and then as many bytes, and
// sends the number back. `source` receives a number and sends as many bytes.
//
// OpenSSL reads and writes memory through a BIO of this program. So one recv brings many records, one send takes
// all that they caused, and nothing is copied that SSL_set_fd would not copy. SSL_set_fd and memory BIOs need more
// CPU time. As in c-epoll, only an event makes a connection readable again after a short read.
#include "server.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { OUTPUT_SIZE = 2 * BUFFER_SIZE };
enum way { ECHO, SINK, SOURCE };

struct connection {
    int fd;
    int is_ending;          // the kernel reported the end of the stream
    int has_ended;          // nothing follows what is kept
    SSL *tls;
    uint64_t request, left; // only for sink and source
    struct rest rest;       // encrypted bytes
};

static enum way way;
static uint8_t block[BUFFER_SIZE];

// The bytes between the kernel and OpenSSL. All connections share them, because none needs them between events.
static uint8_t received[BUFFER_SIZE], decrypted[BUFFER_SIZE], output[OUTPUT_SIZE];
static const uint8_t *input;
static size_t input_count, output_count;

static int read_input(BIO *bio, char *bytes, int count) {
    BIO_clear_retry_flags(bio);
    if (input_count == 0) {
        BIO_set_retry_read(bio);
        return -1;
    }
    size_t some = input_count < (size_t)count ? input_count : (size_t)count;
    memcpy(bytes, input, some);
    input += some;
    input_count -= some;
    return (int)some;
}

static int write_output(BIO *bio, const char *bytes, int count) {
    BIO_clear_retry_flags(bio);
    // What one recv causes is hardly more than what it brought.
    if (output_count + (size_t)count > OUTPUT_SIZE) return -1;
    memcpy(output + output_count, bytes, (size_t)count);
    output_count += (size_t)count;
    return count;
}

static long control(BIO *bio, int command, long number, void *pointer) {
    (void)bio, (void)number, (void)pointer;
    return command == BIO_CTRL_FLUSH;
}

static BIO_METHOD *make_method(void) {
    BIO_METHOD *method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "memory of c-tls");
    if (method == NULL || !BIO_meth_set_read(method, read_input)
        || !BIO_meth_set_write(method, write_output) || !BIO_meth_set_ctrl(method, control)) {
        abort();
    }
    return method;
}

static void hang_up(struct connection *connection) {
    SSL_free(connection->tls);
    close(connection->fd);
    free(connection->rest.bytes);
    free(connection);
}

// Sends what OpenSSL wrote, and keeps what the kernel does not accept. The result is that of `send_rest`.
static int send_output(struct connection *connection) {
    size_t count = output_count;
    output_count = 0;
    if (count == 0) return 1;
    ssize_t sent = send_some(connection->fd, output, count);
    if (sent < 0) return -1;
    if ((size_t)sent == count) return 1;
    if (keep_rest(&connection->rest, output + sent, count - (size_t)sent, OUTPUT_SIZE) != 0) return -1;
    return send_rest(connection->fd, &connection->rest);
}

static int encrypt(struct connection *connection, const void *bytes, size_t count) {
    return SSL_write(connection->tls, bytes, (int)count) == (int)count ? 0 : -1;
}

// Handles decrypted bytes; -1 if the connection is broken.
static int handle(struct connection *connection, const uint8_t *bytes, size_t count) {
    if (way == ECHO) return encrypt(connection, bytes, count);
    if (connection->left == 0) {
        if (count != sizeof connection->request) return -1;
        memcpy(&connection->request, bytes, count);
        connection->left = connection->request;
        return 0;
    }
    if (way == SOURCE || count > connection->left) return -1;
    connection->left -= count;
    return connection->left > 0 ? 0
                                : encrypt(connection, &connection->request, sizeof connection->request);
}

// Decrypts the received bytes and handles them, including the handshake; -1 if the connection has ended.
static int decrypt(struct connection *connection, size_t count) {
    input = received;
    input_count = count;
    for (;;) {
        ERR_clear_error();
        int decrypted_count = SSL_read(connection->tls, decrypted, BUFFER_SIZE);
        if (decrypted_count > 0) {
            if (handle(connection, decrypted, (size_t)decrypted_count) != 0) return -1;
            continue;
        }
        int error = SSL_get_error(connection->tls, decrypted_count);
        if (error == SSL_ERROR_WANT_READ) return 0;
        if (error == SSL_ERROR_ZERO_RETURN) SSL_shutdown(connection->tls);
        return -1;
    }
}

// Sends what was requested from the source. The result is that of `send_rest`.
static int send_blocks(struct connection *connection) {
    int is_free = 1;
    while (is_free > 0 && connection->left > 0) {
        size_t count = connection->left < BUFFER_SIZE ? connection->left : BUFFER_SIZE;
        if (encrypt(connection, block, count) != 0) return -1;
        connection->left -= count;
        is_free = send_output(connection);
    }
    return is_free;
}

// Continues until there is nothing to read or no room to write; -1 if the connection has ended.
static int serve(struct connection *connection) {
    int is_free = send_rest(connection->fd, &connection->rest);
    if (is_free > 0 && connection->has_ended) return -1;
    if (is_free > 0 && way == SOURCE) is_free = send_blocks(connection);
    while (is_free > 0) {
        ssize_t count = recv(connection->fd, received, BUFFER_SIZE, 0);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0 && errno == EAGAIN) return 0;
        if (count <= 0) return -1;
        connection->has_ended = decrypt(connection, (size_t)count) < 0;
        is_free = send_output(connection);
        if (is_free > 0 && connection->has_ended) return -1;
        if (is_free > 0 && way == SOURCE) is_free = send_blocks(connection);
        if (is_free > 0 && count < BUFFER_SIZE && !connection->is_ending) return 0;
    }
    return is_free;
}

static void accept_clients(int queue, int listener, SSL_CTX *context, const BIO_METHOD *method) {
    for (int fd; (fd = accept_client(listener, SOCK_NONBLOCK)) >= 0;) {
        struct connection *connection = calloc(1, sizeof *connection);
        SSL *tls = SSL_new(context);
        BIO *bio = BIO_new(method);
        if (connection == NULL || tls == NULL || bio == NULL) abort();
        BIO_set_init(bio, 1);
        SSL_set_bio(tls, bio, bio);
        SSL_set_accept_state(tls);
        connection->fd = fd;
        connection->tls = tls;
        if (watch(queue, fd, connection) != 0) hang_up(connection);
    }
}

static SSL_CTX *make_context(const char *certificate, const char *key) {
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    if (context == NULL || SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) != 1
        || SSL_CTX_use_certificate_chain_file(context, certificate) != 1
        || SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) != 1) {
        ERR_print_errors_fp(stderr);
        exit(1);
    }
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    // The tickets contain the sessions, so the server stores none.
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_session_id_context(context, (const unsigned char *)"c-tls", 5);
    return context;
}

static enum way parse_way(const char *name) {
    if (strcmp(name, "sink") == 0) return SINK;
    return strcmp(name, "source") == 0 ? SOURCE : ECHO;
}

int main(int count, char **arguments) {
    if (count != 4) {
        fprintf(stderr, "usage: c-tls echo|sink|source CERTIFICATE KEY\n");
        return 2;
    }
    way = parse_way(arguments[1]);
    for (size_t i = 0; i < BUFFER_SIZE; i++) block[i] = (uint8_t)i;
    raise_descriptor_limit();
    SSL_CTX *context = make_context(arguments[2], arguments[3]);
    BIO_METHOD *method = make_method();
    int server = open_server("c-tls", SOCK_STREAM | SOCK_NONBLOCK);
    int queue = create_queue(server);
    for (;;) {
        struct epoll_event events[EVENTS];
        int ready = epoll_wait(queue, events, EVENTS, -1);
        for (int i = 0; i < ready; i++) {
            struct connection *connection = events[i].data.ptr;
            if (connection == NULL) {
                accept_clients(queue, server, context, method);
                continue;
            }
            if (events[i].events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) connection->is_ending = 1;
            if (serve(connection) < 0) hang_up(connection);
        }
    }
}
