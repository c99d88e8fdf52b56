// The reference for TLS: C with one thread, an edge-triggered epoll instance and OpenSSL.
//     c-tls echo|sink|source CERTIFICATE KEY
// `echo` sends back what it receives. `sink` receives a number of 8 bytes and then as many bytes, and
// sends the number back. `source` receives a number and sends as many bytes.
//
// OpenSSL reads and writes memory through a BIO of this program. So one recv brings many records, one send takes
// all that they caused, and nothing is copied that SSL_set_fd would not copy. SSL_set_fd and memory BIOs need more
// CPU time. As in c-epoll, only an event makes a connection readable again after a short read.
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BUFFER_SIZE = 64 * 1024, OUTPUT_SIZE = 2 * BUFFER_SIZE, EVENTS = 256 };
enum way { ECHO, SINK, SOURCE };

struct connection {
    int fd;
    int is_ending;          // the kernel reported the end of the stream
    int has_ended;          // nothing follows what is kept
    SSL *tls;
    uint64_t request, left; // only for sink and source
    // The encrypted bytes that the kernel did not accept. Until it has, nothing is read.
    uint8_t *rest;
    size_t count, sent;
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
    free(connection->rest);
    free(connection);
}

// How many bytes went; -1 if the connection is broken.
static ssize_t send_some(int fd, const uint8_t *bytes, size_t count) {
    ssize_t sent;
    do sent = send(fd, bytes, count, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    if (sent < 0 && errno == EAGAIN) return 0;
    return sent;
}

// Sends what was kept: 1 if nothing is left, 0 if there is no room, -1 if the connection is broken.
static int send_rest(struct connection *connection) {
    while (connection->sent < connection->count) {
        ssize_t sent = send_some(connection->fd, connection->rest + connection->sent,
                                 connection->count - connection->sent);
        if (sent <= 0) return (int)sent;
        connection->sent += (size_t)sent;
    }
    connection->count = connection->sent = 0;
    return 1;
}

// Sends what OpenSSL wrote, and keeps what the kernel does not accept. The result is that of `send_rest`.
static int send_output(struct connection *connection) {
    size_t count = output_count;
    output_count = 0;
    if (count == 0) return 1;
    ssize_t sent = send_some(connection->fd, output, count);
    if (sent < 0) return -1;
    if ((size_t)sent == count) return 1;
    if (connection->rest == NULL) connection->rest = malloc(OUTPUT_SIZE);
    if (connection->rest == NULL) return -1;
    memcpy(connection->rest, output + sent, count - (size_t)sent);
    connection->count = count - (size_t)sent;
    return send_rest(connection);
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
    int is_free = send_rest(connection);
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
    int on = 1;
    for (;;) {
        int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd < 0 && (errno == EINTR || errno == ECONNABORTED)) continue;
        if (fd < 0) return;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        struct connection *connection = calloc(1, sizeof *connection);
        SSL *tls = SSL_new(context);
        BIO *bio = BIO_new(method);
        if (connection == NULL || tls == NULL || bio == NULL) abort();
        BIO_set_init(bio, 1);
        SSL_set_bio(tls, bio, bio);
        SSL_set_accept_state(tls);
        connection->fd = fd;
        connection->tls = tls;
        struct epoll_event event = {
            .events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = connection};
        if (epoll_ctl(queue, EPOLL_CTL_ADD, fd, &event) != 0) hang_up(connection);
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

static int open_server(void) {
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int on = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, length) != 0 || listen(fd, SOMAXCONN) != 0
        || getsockname(fd, (struct sockaddr *)&address, &length) != 0) {
        perror("c-tls");
        exit(1);
    }
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    return fd;
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
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    SSL_CTX *context = make_context(arguments[2], arguments[3]);
    BIO_METHOD *method = make_method();
    int server = open_server();
    int queue = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.ptr = NULL};
    epoll_ctl(queue, EPOLL_CTL_ADD, server, &event);
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
