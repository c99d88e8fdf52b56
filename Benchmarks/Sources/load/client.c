// A connection to the measured server, with or without TLS.
#include "load.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#ifdef HAS_TLS
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

static SSL_CTX *context;

static _Noreturn void fail_tls(const char *what) {
    ERR_print_errors_fp(stderr);
    fail_plainly(what);
}

// Keeps the newest ticket of a client for its next connection.
static int keep_session(SSL *tls, SSL_SESSION *session) {
    struct client *client = SSL_get_app_data(tls);
    SSL_SESSION_free(client->session);
    client->session = session;
    return 1;
}

void prepare_clients(const struct settings *settings) {
    if (settings->certificate == NULL) return;
    // SSL_write has no MSG_NOSIGNAL.
    signal(SIGPIPE, SIG_IGN);
    context = SSL_CTX_new(TLS_client_method());
    // All servers use the same cipher and group, so they do the same work.
    if (context == NULL || SSL_CTX_load_verify_locations(context, settings->certificate, NULL) != 1
        || SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) != 1
        || SSL_CTX_set_ciphersuites(context, "TLS_AES_128_GCM_SHA256") != 1
        || SSL_CTX_set1_groups_list(context, "X25519") != 1) {
        fail_tls("cannot prepare TLS");
    }
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER
                                  | SSL_MODE_RELEASE_BUFFERS);
    if (!settings->resumes) return;
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(context, keep_session);
}

// The first bytes that are sent or received finish the handshake.
static void start_tls(struct client *client) {
    SSL *tls = SSL_new(context);
    if (tls == NULL || SSL_set_fd(tls, client->fd) != 1 || SSL_set1_host(tls, "localhost") != 1
        || SSL_set_tlsext_host_name(tls, "localhost") != 1
        || (client->session != NULL && SSL_set_session(tls, client->session) != 1)
        || fcntl(client->fd, F_SETFL, O_NONBLOCK) != 0) {
        fail_tls("cannot start TLS");
    }
    SSL_set_connect_state(tls);
    SSL_set_app_data(tls, client);
    client->tls = tls;
}

// Returns the result of SSL_read or SSL_write, or 0 if the call must be repeated.
static size_t checked(struct client *client, int result, const char *what) {
    if (result > 0) return (size_t)result;
    int error = SSL_get_error(client->tls, result);
    if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE) fail_tls(what);
    return 0;
}

static size_t send_encrypted(struct client *client, const void *bytes, size_t count) {
    ERR_clear_error();
    return checked(client, SSL_write(client->tls, bytes, (int)count), "cannot send over TLS");
}

static size_t receive_encrypted(struct client *client, void *bytes, size_t count) {
    ERR_clear_error();
    return checked(client, SSL_read(client->tls, bytes, (int)count), "cannot receive over TLS");
}

static int wants_to_read(const struct client *client) {
    return client->tls != NULL && SSL_want_read((SSL *)client->tls);
}

// A client that had a ticket must have resumed with it.
static void end_tls(struct client *client) {
    if (client->is_resuming && !SSL_session_reused(client->tls)) {
        fail_plainly("the server did not resume a session");
    }
    client->is_resuming = client->session != NULL;
    SSL_shutdown(client->tls);
    SSL_free(client->tls);
    client->tls = NULL;
}
#else
void prepare_clients(const struct settings *settings) {
    if (settings->certificate != NULL) fail_plainly("this load was built without OpenSSL");
}

static void start_tls(struct client *client) { (void)client; }
static size_t send_encrypted(struct client *client, const void *bytes, size_t count) {
    (void)client, (void)bytes;
    return count;
}
static size_t receive_encrypted(struct client *client, void *bytes, size_t count) {
    (void)client, (void)bytes;
    return count;
}
static int wants_to_read(const struct client *client) {
    (void)client;
    return 0;
}
static void end_tls(struct client *client) { (void)client; }
#endif

void open_client(struct client *client, const struct settings *settings) {
    client->fd = connect_to(settings->port, SOCK_STREAM);
    if (settings->certificate != NULL) start_tls(client);
}

void close_client(struct client *client) {
    if (client->tls != NULL) end_tls(client);
    close(client->fd);
}

size_t client_send(struct client *client, const void *bytes, size_t count) {
    if (client->tls != NULL) return send_encrypted(client, bytes, count);
    ssize_t sent = send(client->fd, bytes, count, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN && errno != EINTR) fail("send");
    return sent < 0 ? 0 : (size_t)sent;
}

size_t client_receive(struct client *client, void *bytes, size_t count) {
    if (client->tls != NULL) return receive_encrypted(client, bytes, count);
    ssize_t received = recv(client->fd, bytes, count, MSG_DONTWAIT);
    if (received < 0 && errno != EAGAIN && errno != EINTR) fail("recv");
    if (received == 0) fail_plainly("the server closed a connection");
    return received < 0 ? 0 : (size_t)received;
}

static void wait_for(const struct client *client, short events) {
    struct pollfd wait = {.fd = client->fd, .events = events};
    if (poll(&wait, 1, 5000) == 0) fail_plainly("no byte moved for 5 s");
}

void client_send_all(struct client *client, const void *bytes, size_t count) {
    const uint8_t *rest = bytes;
    while (count > 0) {
        size_t sent = client_send(client, rest, count);
        if (sent == 0) wait_for(client, wants_to_read(client) ? POLLIN : POLLOUT);
        rest += sent;
        count -= sent;
    }
}

void client_receive_all(struct client *client, void *bytes, size_t count) {
    uint8_t *rest = bytes;
    while (count > 0) {
        size_t received = client_receive(client, rest, count);
        if (received == 0) wait_for(client, POLLIN);
        rest += received;
        count -= received;
    }
}
