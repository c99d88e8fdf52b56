#define _GNU_SOURCE
#include "CTLS.h"

#include "OpenSSL.h"

#include <dirent.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct ctls_identity {
    X509 *certificate;
    EVP_PKEY *key;
    /// The issuers' certificates, or NULL.
    OPENSSL_STACK *issuers;
};

struct ctls_certificates {
    OPENSSL_STACK *stack;
};

struct ctls_context {
    SSL_CTX *ssl;
    int is_server;
    unsigned char *protocols;
    unsigned protocols_size;
    struct ctls_pin *pins;
    size_t pins_count;
    void *owner;
    struct ctls_callbacks callbacks;
};

struct ctls_session {
    SSL *ssl;
    void *owner;
    struct ctls_context *context;
    struct ctls_pipe *pipe;
    /// Whether a server has answered `ctls_needs_identity`, and the alert if the server refused the
    /// client.
    int has_answered, refusal;
    unsigned char *overflow;
    size_t overflow_count, overflow_room;
    /// Allocated by the first error, because an idle session should be small.
    struct ctls_error *error;
    /// The faults that were noted, each allocated separately.
    struct ctls_error *faults[8];
};

static BIO_METHOD *pipe_method;
static int context_slot = -1, session_slot = -1;

// MARK: Errors

static int library_of(unsigned long code) {
    return (int)(is_at_least_3 ? (code >> 23) & 0xff : (code >> 24) & 0xff);
}

static int reason_of(unsigned long code) {
    return (int)(is_at_least_3 ? code & 0x7fffff : code & 0xfff);
}

/// Takes the first error from OpenSSL's queue and returns its packed code.
static unsigned long take_error(struct ctls_error *error) {
    unsigned long code = ERR_get_error();
    const char *text = code ? ERR_reason_error_string(code) : NULL;
    snprintf(error->text, sizeof error->text, "%s", text ? text : "unknown error");
    ERR_clear_error();
    return code;
}

/// Describes the failure of a call, and returns 0.
static int fail(struct ctls_error *error, enum ctls_kind kind) {
    memset(error, 0, sizeof *error);
    take_error(error);
    error->kind = kind;
    return 0;
}

/// Describes the failure of a session with the first error in OpenSSL's queue.
static void classify(struct ctls_error *error) {
    unsigned long code = take_error(error);
    int reason = reason_of(code);
    error->kind = ctls_other;
    if (library_of(code) != ERR_LIB_SSL) return;
    if (reason >= SSL_AD_REASON_OFFSET && reason < SSL_AD_REASON_OFFSET + 256) {
        error->kind = ctls_alert;
        error->alert = reason - SSL_AD_REASON_OFFSET;
        return;
    }
    switch (reason) {
    case SSL_R_NO_APPLICATION_PROTOCOL: error->kind = ctls_protocol_refused; break;
    case SSL_R_NO_SHARED_CIPHER: error->kind = ctls_cipher_refused; break;
    case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE: error->kind = ctls_no_client_certificate; break;
    case SSL_R_NO_PROTOCOLS_AVAILABLE:
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_UNSUPPORTED_SSL_VERSION:
    case SSL_R_VERSION_TOO_LOW: error->kind = ctls_version_refused; break;
    default: break;
    }
}

static enum ctls_kind kind_of_verification(int code) {
    switch (code) {
    case X509_V_ERR_CERT_HAS_EXPIRED: return ctls_expired;
    case X509_V_ERR_CERT_NOT_YET_VALID: return ctls_not_yet_valid;
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT: return ctls_self_signed;
    case X509_V_ERR_CERT_UNTRUSTED:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE: return ctls_unknown_issuer;
    case X509_V_ERR_INVALID_PURPOSE: return ctls_wrong_purpose;
    case X509_V_ERR_EMAIL_MISMATCH:
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH: return ctls_wrong_host;
    default: return ctls_invalid_certificate;
    }
}

// MARK: Certificates

static void write_name(X509_NAME *name, char *text, size_t size) {
    text[0] = 0;
    if (name) X509_NAME_oneline(name, text, (int)size);
}

static int64_t seconds(const ASN1_TIME *time) {
    struct tm parts;
    return time && ASN1_TIME_to_tm(time, &parts) == 1 ? (int64_t)timegm(&parts) : 0;
}

/// Appends a line if it fits.
///
/// A peer chooses the bytes of a name, so bytes other than printable ASCII become \xNN. Otherwise,
/// a newline would look like a second name, and a NUL would hide the rest.
static void append_line(char *text, size_t size, const unsigned char *line, size_t count) {
    size_t start = strlen(text), used = start;
    if (used > 0 && used + 1 < size) text[used++] = '\n';
    for (size_t i = 0; i < count; i++) {
        int is_plain = line[i] > ' ' && line[i] < 0x7f && line[i] != '\\';
        if (used + (is_plain ? 1 : 4) >= size) {
            text[start] = 0;
            return;
        }
        if (is_plain) text[used++] = (char)line[i];
        else used += (size_t)snprintf(text + used, size - used, "\\x%02x", line[i]);
    }
    text[used] = 0;
}

/// Writes an IP address of a certificate as text.
static void append_address(char *text, size_t size, const unsigned char *bytes, int count) {
    char line[64] = "";
    size_t used = 0;
    if (count == 4) {
        used = (size_t)snprintf(
            line, sizeof line, "%d.%d.%d.%d", bytes[0], bytes[1], bytes[2], bytes[3]);
    } else if (count == 16) {
        for (int i = 0; i < 16; i += 2)
            used += (size_t)snprintf(
                line + used, sizeof line - used, "%s%x", i ? ":" : "", bytes[i] << 8 | bytes[i + 1]);
    }
    if (used > 0) append_line(text, size, (const unsigned char *)line, used);
}

/// Writes the hosts that a certificate is for.
static void write_hosts(const X509 *certificate, char *text, size_t size) {
    text[0] = 0;
    GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
    if (!names) return;
    int count = OPENSSL_sk_num((const OPENSSL_STACK *)names);
    for (int i = 0; i < count; i++) {
        int type = 0;
        const GENERAL_NAME *name = OPENSSL_sk_value((const OPENSSL_STACK *)names, i);
        const ASN1_STRING *value = GENERAL_NAME_get0_value(name, &type);
        if (type != GEN_DNS && type != GEN_IPADD) continue;
        const unsigned char *bytes = ASN1_STRING_get0_data(value);
        int length = ASN1_STRING_length(value);
        if (type == GEN_DNS) append_line(text, size, bytes, (size_t)length);
        else append_address(text, size, bytes, length);
    }
    GENERAL_NAMES_free(names);
}

/// Writes the SHA-256 digests of a certificate and of its public key.
static void write_digests(
    const X509 *certificate, uint8_t digest[static 32], uint8_t key_digest[static 32]) {
    unsigned count = 32;
    X509_digest(certificate, EVP_sha256(), digest, &count);
    X509_PUBKEY *key = X509_get_X509_PUBKEY(certificate);
    int size = i2d_X509_PUBKEY(key, NULL);
    unsigned char *der = size > 0 ? malloc((size_t)size) : NULL, *end = der;
    if (!der) return;
    size = i2d_X509_PUBKEY(key, &end);
    if (size > 0) EVP_Digest(der, (size_t)size, key_digest, &count, EVP_sha256(), NULL);
    free(der);
}

int ctls_describe(const uint8_t *der, size_t size, struct ctls_description *description) {
    ERR_clear_error();
    memset(description, 0, sizeof *description);
    X509 *certificate = d2i_X509(NULL, &der, (long)size);
    ERR_clear_error();
    if (!certificate) return 0;
    write_name(
        X509_get_subject_name(certificate), description->subject, sizeof description->subject);
    write_name(X509_get_issuer_name(certificate), description->issuer, sizeof description->issuer);
    write_hosts(certificate, description->names, sizeof description->names);
    description->valid_from = seconds(X509_getm_notBefore(certificate));
    description->valid_until = seconds(X509_getm_notAfter(certificate));
    write_digests(certificate, description->digest, description->key_digest);
    X509_free(certificate);
    return 1;
}

static void free_certificates(OPENSSL_STACK *stack) {
    if (!stack) return;
    for (int i = 0; i < OPENSSL_sk_num(stack); i++) X509_free(OPENSSL_sk_value(stack, i));
    OPENSSL_sk_free(stack);
}

/// The password of a key, and whether OpenSSL asked for it.
struct password {
    const char *text;
    int is_needed;
};

/// Returns the password. Without this callback, OpenSSL would read it from the terminal.
static int on_password(char *buffer, int size, int is_writing, void *argument) {
    struct password *password = argument;
    (void)is_writing;
    password->is_needed = 1;
    if (!password->text) return -1;
    int count = (int)strlen(password->text);
    if (count > size) return -1;
    memcpy(buffer, password->text, (size_t)count);
    return count;
}

/// Reads all remaining certificates. Returns 0 if one of them is unreadable, or if memory runs out.
static int read_certificates(BIO *bio, OPENSSL_STACK *stack) {
    struct password none = {NULL, 0};
    X509 *certificate;
    while ((certificate = PEM_read_bio_X509(bio, NULL, on_password, &none))) {
        if (OPENSSL_sk_push(stack, certificate) > 0) continue;
        X509_free(certificate);
        return 0;
    }
    // The end of the text is not an error: OpenSSL then reports that no further PEM block begins.
    unsigned long code = ERR_peek_last_error();
    return library_of(code) == ERR_LIB_PEM && reason_of(code) == PEM_R_NO_START_LINE;
}

struct ctls_certificates *ctls_certificates_create(
    const void *pem, size_t size, struct ctls_error *error) {
    ERR_clear_error();
    struct ctls_certificates *certificates = calloc(1, sizeof *certificates);
    BIO *bio = BIO_new_mem_buf(pem, (int)size);
    if (certificates) certificates->stack = OPENSSL_sk_new_null();
    int is_read = certificates && certificates->stack && bio
        && read_certificates(bio, certificates->stack)
        && OPENSSL_sk_num(certificates->stack) > 0;
    if (bio) BIO_free(bio);
    if (is_read) {
        ERR_clear_error();
        return certificates;
    }
    fail(error, ctls_unreadable_certificate);
    ctls_certificates_destroy(certificates);
    return NULL;
}

struct ctls_certificates *ctls_certificates_of(
    const struct ctls_identity *identity, struct ctls_error *error) {
    ERR_clear_error();
    struct ctls_certificates *certificates = calloc(1, sizeof *certificates);
    if (certificates) certificates->stack = OPENSSL_sk_new_null();
    if (certificates && certificates->stack
        && OPENSSL_sk_push(certificates->stack, identity->certificate) > 0) {
        X509_up_ref(identity->certificate);
        return certificates;
    }
    fail(error, ctls_other);
    ctls_certificates_destroy(certificates);
    return NULL;
}

void ctls_certificates_destroy(struct ctls_certificates *certificates) {
    if (!certificates) return;
    free_certificates(certificates->stack);
    free(certificates);
}

// MARK: Identities

void ctls_identity_destroy(struct ctls_identity *identity) {
    if (!identity) return;
    X509_free(identity->certificate);
    EVP_PKEY_free(identity->key);
    free_certificates(identity->issuers);
    free(identity);
}

static struct ctls_identity *abandon(
    struct ctls_identity *identity, struct ctls_error *error, enum ctls_kind kind) {
    fail(error, kind);
    ctls_identity_destroy(identity);
    return NULL;
}

struct ctls_identity *ctls_identity_create(
    const void *chain, size_t chain_size, const void *key, size_t key_size, const char *password,
    struct ctls_error *error) {
    ERR_clear_error();
    struct ctls_identity *identity = calloc(1, sizeof *identity);
    struct password none = {NULL, 0}, secret = {password, 0};
    BIO *bio = BIO_new_mem_buf(chain, (int)chain_size);
    if (!identity || !bio) {
        if (bio) BIO_free(bio);
        return abandon(identity, error, ctls_other);
    }
    identity->certificate = PEM_read_bio_X509(bio, NULL, on_password, &none);
    identity->issuers = OPENSSL_sk_new_null();
    int is_read =
        identity->certificate && identity->issuers && read_certificates(bio, identity->issuers);
    BIO_free(bio);
    if (!is_read) return abandon(identity, error, ctls_unreadable_certificate);
    ERR_clear_error();
    bio = BIO_new_mem_buf(key, (int)key_size);
    if (bio) {
        identity->key = PEM_read_bio_PrivateKey(bio, NULL, on_password, &secret);
        BIO_free(bio);
    }
    if (!identity->key)
        return abandon(
            identity, error,
            !secret.is_needed ? ctls_unreadable_key
                : password    ? ctls_wrong_password
                              : ctls_no_password);
    if (X509_check_private_key(identity->certificate, identity->key) != 1)
        return abandon(identity, error, ctls_key_mismatch);
    return identity;
}

long ctls_identity_certificate(const struct ctls_identity *identity, uint8_t *der) {
    int size = i2d_X509(identity->certificate, der ? &der : NULL);
    return size < 0 ? 0 : size;
}

struct ctls_identity *ctls_identity_from_pkcs12(
    const void *bytes, size_t size, const char *password, struct ctls_error *error) {
    ERR_clear_error();
    struct ctls_identity *identity = calloc(1, sizeof *identity);
    BIO *bio = BIO_new_mem_buf(bytes, (int)size);
    PKCS12 *archive = bio ? d2i_PKCS12_bio(bio, NULL) : NULL;
    if (bio) BIO_free(bio);
    if (!identity || !archive) {
        if (archive) PKCS12_free(archive);
        return abandon(identity, error, ctls_unreadable_certificate);
    }
    const char *secret = password ? password : "";
    enum ctls_kind kind = password ? ctls_wrong_password : ctls_no_password;
    int is_verified = PKCS12_verify_mac(archive, secret, -1) == 1;
    X509_STACK *issuers = NULL;
    int is_read = is_verified
        && PKCS12_parse(archive, secret, &identity->key, &identity->certificate, &issuers) == 1;
    identity->issuers = (OPENSSL_STACK *)issuers;
    PKCS12_free(archive);
    if (!is_verified) return abandon(identity, error, kind);
    if (!is_read || !identity->certificate)
        return abandon(identity, error, ctls_unreadable_certificate);
    if (!identity->key) return abandon(identity, error, ctls_unreadable_key);
    return identity;
}

int ctls_identity_check(const struct ctls_identity *identity, struct ctls_error *error) {
    ERR_clear_error();
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    int is_usable = context
        && SSL_CTX_use_cert_and_key(
               context, identity->certificate, identity->key, (X509_STACK *)identity->issuers, 1)
            == 1;
    if (!is_usable) fail(error, ctls_other);
    SSL_CTX_free(context);
    return is_usable;
}

static int add_extension(X509 *certificate, int kind, const char *value) {
    X509V3_CTX names;
    X509V3_set_ctx(&names, certificate, certificate, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &names, kind, (char *)value);
    if (!extension) return 0;
    int is_added = X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
    return is_added;
}

static EVP_PKEY *create_key(void) {
    EVP_PKEY *key = NULL;
    EVP_PKEY_CTX *maker = EVP_PKEY_CTX_new_id(EVP_PKEY_EC, NULL);
    int is_made = maker && EVP_PKEY_keygen_init(maker) == 1
        && EVP_PKEY_CTX_ctrl(
               maker, EVP_PKEY_EC, EVP_PKEY_OP_PARAMGEN | EVP_PKEY_OP_KEYGEN,
               EVP_PKEY_CTRL_EC_PARAMGEN_CURVE_NID, NID_X9_62_prime256v1, NULL) == 1
        && EVP_PKEY_keygen(maker, &key) == 1;
    EVP_PKEY_CTX_free(maker);
    return is_made ? key : NULL;
}

struct ctls_identity *ctls_identity_self_signed(
    const char *host, long valid_from, long valid_until, struct ctls_error *error) {
    ERR_clear_error();
    struct ctls_identity *identity = calloc(1, sizeof *identity);
    if (!identity) return abandon(identity, error, ctls_other);
    X509 *certificate = identity->certificate = X509_new();
    EVP_PKEY *key = identity->key = create_key();
    char names[300];
    int is_address = strchr(host, ':') || strspn(host, "0123456789.") == strlen(host);
    snprintf(names, sizeof names, "%s:%s", is_address ? "IP" : "DNS", host);
    long serial = 0;
    int is_made = certificate && key
        // Use only seven bytes, so that the number is positive.
        && RAND_bytes((unsigned char *)&serial, sizeof serial - 1) == 1
        && X509_set_version(certificate, 2) == 1
        && ASN1_INTEGER_set(X509_get_serialNumber(certificate), serial | 1) == 1
        && X509_gmtime_adj(X509_getm_notBefore(certificate), valid_from)
        && X509_gmtime_adj(X509_getm_notAfter(certificate), valid_until)
        && X509_set_pubkey(certificate, key) == 1
        && X509_NAME_add_entry_by_txt(
               X509_get_subject_name(certificate), "CN", MBSTRING_UTF8,
               (const unsigned char *)host, -1, -1, 0) == 1
        && X509_set_issuer_name(certificate, X509_get_subject_name(certificate)) == 1
        && add_extension(certificate, NID_subject_alt_name, names)
        && add_extension(certificate, NID_basic_constraints, "critical,CA:FALSE")
        && X509_sign(certificate, key, EVP_sha256()) > 0;
    return is_made ? identity : abandon(identity, error, ctls_other);
}

// MARK: The pipe

static int pipe_write(BIO *bio, const char *bytes, int count) {
    struct ctls_session *session = BIO_get_data(bio);
    struct ctls_pipe *pipe = session->pipe;
    BIO_clear_flags(bio, BIO_FLAGS_RWS | BIO_FLAGS_SHOULD_RETRY);
    size_t size = (size_t)count;
    if (pipe && session->overflow_count == 0 && pipe->output_room - pipe->output_count >= size) {
        memcpy(pipe->output + pipe->output_count, bytes, size);
        pipe->output_count += size;
        return count;
    }
    if (session->overflow_count + size > session->overflow_room) {
        size_t room = (session->overflow_count + size) * 2;
        unsigned char *larger = realloc(session->overflow, room);
        if (!larger) return -1;
        session->overflow = larger;
        session->overflow_room = room;
    }
    memcpy(session->overflow + session->overflow_count, bytes, size);
    session->overflow_count += size;
    return count;
}

static int pipe_read(BIO *bio, char *bytes, int count) {
    struct ctls_session *session = BIO_get_data(bio);
    struct ctls_pipe *pipe = session->pipe;
    BIO_clear_flags(bio, BIO_FLAGS_RWS | BIO_FLAGS_SHOULD_RETRY);
    if (!pipe || pipe->input_count == 0) {
        BIO_set_flags(bio, BIO_FLAGS_READ | BIO_FLAGS_SHOULD_RETRY);
        return -1;
    }
    size_t size = pipe->input_count < (size_t)count ? pipe->input_count : (size_t)count;
    memcpy(bytes, pipe->input, size);
    pipe->input += size;
    pipe->input_count -= size;
    return (int)size;
}

static long pipe_control(BIO *bio, int command, long number, void *pointer) {
    (void)bio, (void)number, (void)pointer;
    return command == BIO_CTRL_FLUSH;
}

static int pipe_create(BIO *bio) {
    BIO_set_init(bio, 1);
    return 1;
}

// MARK: Loading

static const char *load_failure;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void load(void) {
    load_failure = openssl_bind();
    if (load_failure) return;
    // Install no exit handlers, because other threads may still be inside OpenSSL and would crash.
    OPENSSL_init_ssl(OPENSSL_INIT_LOAD_SSL_STRINGS | OPENSSL_INIT_NO_ATEXIT, NULL);
    pipe_method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "sockets");
    if (!pipe_method) {
        load_failure = "out of memory";
        return;
    }
    BIO_meth_set_write(pipe_method, pipe_write);
    BIO_meth_set_read(pipe_method, pipe_read);
    BIO_meth_set_ctrl(pipe_method, pipe_control);
    BIO_meth_set_create(pipe_method, pipe_create);
    context_slot = CRYPTO_get_ex_new_index(CRYPTO_EX_INDEX_SSL_CTX, 0, NULL, NULL, NULL, NULL);
    session_slot = CRYPTO_get_ex_new_index(CRYPTO_EX_INDEX_SSL, 0, NULL, NULL, NULL, NULL);
}

const char *ctls_load(void) {
    pthread_once(&once, load);
    return load_failure;
}

// MARK: Contexts

/// Returns the memory for the error of a session, or NULL if memory runs out.
static struct ctls_error *error_of(struct ctls_session *session) {
    if (!session->error) session->error = calloc(1, sizeof *session->error);
    return session->error;
}

/// Describes the certificate that failed the verification, and the reason.
static void describe_fault(struct ctls_error *error, X509_STORE_CTX *store) {
    int code = X509_STORE_CTX_get_error(store);
    error->kind = kind_of_verification(code);
    const char *text = X509_verify_cert_error_string(code);
    snprintf(error->text, sizeof error->text, "%s", text ? text : "");
    X509 *certificate = X509_STORE_CTX_get_current_cert(store);
    if (!certificate) return;
    write_name(X509_get_subject_name(certificate), error->subject, sizeof error->subject);
    write_name(X509_get_issuer_name(certificate), error->issuer, sizeof error->issuer);
    write_hosts(certificate, error->names, sizeof error->names);
    struct tm parts;
    const ASN1_TIME *date = error->kind == ctls_not_yet_valid ? X509_getm_notBefore(certificate)
                                                              : X509_getm_notAfter(certificate);
    if (ASN1_TIME_to_tm(date, &parts) == 1)
        strftime(error->date, sizeof error->date, "%Y-%m-%d %H:%M:%S UTC", &parts);
}

static struct ctls_session *session_of(X509_STORE_CTX *store) {
    SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    return ssl ? SSL_get_ex_data(ssl, session_slot) : NULL;
}

/// Ends the handshake at the first fault of a certificate.
static int on_verification(int is_good, X509_STORE_CTX *store) {
    if (is_good) return 1;
    struct ctls_session *session = session_of(store);
    struct ctls_error *error = session ? error_of(session) : NULL;
    if (error) describe_fault(error, store);
    return 0;
}

/// Notes a fault of a certificate, and continues.
static int on_noted_verification(int is_good, X509_STORE_CTX *store) {
    struct ctls_session *session = is_good ? NULL : session_of(store);
    if (!session) return 1;
    size_t most = sizeof session->faults / sizeof *session->faults, i = 0;
    while (i < most && session->faults[i]) i++;
    if (i < most) session->faults[i] = calloc(1, sizeof *session->faults[i]);
    if (i < most && session->faults[i]) describe_fault(session->faults[i], store);
    return 1;
}

/// Accepts any certificate.
static int on_any_certificate(int is_good, X509_STORE_CTX *store) {
    (void)is_good, (void)store;
    return 1;
}

/// Verifies the certificate of a peer, and then compares its digests.
static int on_pinned_certificate(X509_STORE_CTX *store, void *argument) {
    struct ctls_context *context = argument;
    int result = X509_verify_cert(store);
    if (result <= 0) return result;
    uint8_t digests[2][32] = {{0}, {0}};
    write_digests(X509_STORE_CTX_get0_cert(store), digests[0], digests[1]);
    for (size_t i = 0; i < context->pins_count; i++) {
        const struct ctls_pin *pin = &context->pins[i];
        if (!memcmp(pin->digest, digests[pin->is_key ? 1 : 0], sizeof pin->digest)) return 1;
    }
    struct ctls_session *session = session_of(store);
    struct ctls_error *error = session ? error_of(session) : NULL;
    if (error) {
        error->kind = ctls_pin_mismatch;
        memcpy(error->digest, digests[0], sizeof error->digest);
        memcpy(error->key_digest, digests[1], sizeof error->key_digest);
    }
    X509_STORE_CTX_set_error(store, X509_V_ERR_CERT_REJECTED);
    return 0;
}

static int on_ticket(SSL *ssl, SSL_SESSION *ticket) {
    struct ctls_session *session = SSL_get_ex_data(ssl, session_slot);
    if (!session || !session->owner || !session->context->callbacks.ticket) return 0;
    session->context->callbacks.ticket(session->owner, (struct ctls_ticket *)ticket);
    return 1;
}

/// Pauses a handshake until the server has chosen its identity.
static int on_hello(SSL *ssl, int *alert, void *argument) {
    struct ctls_context *context = argument;
    struct ctls_session *session = SSL_get_ex_data(ssl, session_slot);
    if (session->refusal) {
        *alert = session->refusal;
        return SSL_CLIENT_HELLO_ERROR;
    }
    if (session->has_answered) return SSL_CLIENT_HELLO_SUCCESS;
    const unsigned char *name = NULL, *protocols = NULL;
    size_t name_size = 0, protocols_size = 0;
    SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_server_name, &name, &name_size);
    SSL_client_hello_get0_ext(
        ssl, TLSEXT_TYPE_application_layer_protocol_negotiation, &protocols, &protocols_size);
    context->callbacks.hello(session->owner, name, name_size, protocols, protocols_size);
    return SSL_CLIENT_HELLO_RETRY;
}

static void on_secret(const SSL *ssl, const char *line) {
    struct ctls_context *context = SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), context_slot);
    if (context) context->callbacks.secret(context->owner, line);
}

/// Chooses the first of the server's protocols that the client offered.
static int on_protocols(
    SSL *ssl, const unsigned char **out, unsigned char *size, const unsigned char *offered,
    unsigned offered_size, void *argument) {
    struct ctls_context *context = argument;
    (void)ssl;
    for (unsigned i = 0; i < context->protocols_size; i += 1u + context->protocols[i]) {
        unsigned char length = context->protocols[i];
        for (unsigned j = 0; j < offered_size && j + 1 + offered[j] <= offered_size;
             j += 1u + offered[j]) {
            if (offered[j] != length
                || memcmp(offered + j + 1, context->protocols + i + 1, length))
                continue;
            *out = offered + j + 1;
            *size = length;
            return SSL_TLSEXT_ERR_OK;
        }
    }
    return SSL_TLSEXT_ERR_ALERT_FATAL;
}

struct ctls_context *ctls_context_create(int is_server, struct ctls_error *error) {
    ERR_clear_error();
    struct ctls_context *context = calloc(1, sizeof *context);
    if (context) context->ssl = SSL_CTX_new(is_server ? TLS_server_method() : TLS_client_method());
    if (!context || !context->ssl) {
        fail(error, ctls_other);
        free(context);
        return NULL;
    }
    context->is_server = is_server;
    SSL_CTX_ctrl(context->ssl, SSL_CTRL_SET_MIN_PROTO_VERSION, TLS1_2_VERSION, NULL);
    SSL_CTX_ctrl(
        context->ssl, SSL_CTRL_MODE,
        SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER
            | SSL_MODE_RELEASE_BUFFERS,
        NULL);
    SSL_CTX_set_options(context->ssl, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_ex_data(context->ssl, context_slot, context);
    if (is_server) {
        SSL_CTX_set_session_id_context(context->ssl, (const unsigned char *)"sockets", 7);
        // The tickets contain the sessions, so the server need not store sessions.
        SSL_CTX_ctrl(context->ssl, SSL_CTRL_SET_SESS_CACHE_MODE, SSL_SESS_CACHE_OFF, NULL);
    } else {
        SSL_CTX_ctrl(
            context->ssl, SSL_CTRL_SET_SESS_CACHE_MODE,
            SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL, NULL);
    }
    return context;
}

void ctls_context_destroy(struct ctls_context *context) {
    if (!context) return;
    SSL_CTX_free(context->ssl);
    free(context->protocols);
    free(context->pins);
    free(context);
}

/// Returns whether a folder contains certificates under the hashes of their subjects.
static int is_hashed(const char *path) {
    DIR *folder = opendir(path);
    int is_found = 0;
    if (!folder) return 0;
    for (struct dirent *entry; !is_found && (entry = readdir(folder));) {
        is_found = strlen(entry->d_name) == 10
            && strspn(entry->d_name, "0123456789abcdef") == 8 && !strcmp(entry->d_name + 8, ".0");
    }
    closedir(folder);
    return is_found;
}

int ctls_context_trust_system(struct ctls_context *context, struct ctls_error *error) {
    ERR_clear_error();
    // From a hashed folder, OpenSSL reads only the certificate that it needs. In contrast, OpenSSL
    // 3.0 needs 28 ms to read a bundle of 140 certificates.
    const char *folder = getenv(X509_get_default_cert_dir_env());
    if (!folder) folder = X509_get_default_cert_dir();
    if (!getenv(X509_get_default_cert_file_env()) && is_hashed(folder)
        && SSL_CTX_load_verify_locations(context->ssl, NULL, folder) == 1)
        return 1;
    return SSL_CTX_set_default_verify_paths(context->ssl) == 1 ? 1 : fail(error, ctls_other);
}

int ctls_context_trust(
    struct ctls_context *context, const struct ctls_certificates *certificates, int names_them,
    struct ctls_error *error) {
    ERR_clear_error();
    X509_STORE *store = SSL_CTX_get_cert_store(context->ssl);
    for (int i = 0; i < OPENSSL_sk_num(certificates->stack); i++) {
        X509 *certificate = OPENSSL_sk_value(certificates->stack, i);
        if (X509_STORE_add_cert(store, certificate) != 1) return fail(error, ctls_other);
        if (names_them) SSL_CTX_add_client_CA(context->ssl, certificate);
    }
    return 1;
}

int ctls_context_identity(
    struct ctls_context *context, const struct ctls_identity *identity, struct ctls_error *error) {
    ERR_clear_error();
    return SSL_CTX_use_cert_and_key(
               context->ssl, identity->certificate, identity->key,
               (X509_STACK *)identity->issuers, 1) == 1
        ? 1 : fail(error, ctls_other);
}

int ctls_context_versions(
    struct ctls_context *context, int lowest, int highest, struct ctls_error *error) {
    ERR_clear_error();
    return SSL_CTX_ctrl(context->ssl, SSL_CTRL_SET_MIN_PROTO_VERSION, lowest, NULL) == 1
            && SSL_CTX_ctrl(context->ssl, SSL_CTRL_SET_MAX_PROTO_VERSION, highest, NULL) == 1
        ? 1 : fail(error, ctls_other);
}

int ctls_context_ciphers(
    struct ctls_context *context, const char *tls12, const char *tls13, struct ctls_error *error) {
    ERR_clear_error();
    return (!tls12 || SSL_CTX_set_cipher_list(context->ssl, tls12) == 1)
            && (!tls13 || SSL_CTX_set_ciphersuites(context->ssl, tls13) == 1)
        ? 1 : fail(error, ctls_other);
}

void ctls_context_verify(
    struct ctls_context *context, enum ctls_verification verification, int accepts_anything) {
    int mode = SSL_VERIFY_NONE;
    if (verification != ctls_verify_none) mode = SSL_VERIFY_PEER;
    if (verification == ctls_require_peer) mode |= SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
    SSL_CTX_set_verify(context->ssl, mode, accepts_anything ? on_any_certificate : on_verification);
}

void ctls_context_note_faults(struct ctls_context *context) {
    SSL_CTX_set_verify(context->ssl, SSL_VERIFY_PEER, on_noted_verification);
}

int ctls_context_pins(struct ctls_context *context, const struct ctls_pin *pins, size_t count) {
    context->pins = calloc(count, sizeof *pins);
    if (!context->pins) return 0;
    memcpy(context->pins, pins, count * sizeof *pins);
    context->pins_count = count;
    SSL_CTX_set_cert_verify_callback(context->ssl, on_pinned_certificate, context);
    return 1;
}

int ctls_context_protocols(struct ctls_context *context, const uint8_t *names, unsigned size) {
    context->protocols = malloc(size);
    if (!context->protocols) return 0;
    memcpy(context->protocols, names, size);
    context->protocols_size = size;
    if (context->is_server) SSL_CTX_set_alpn_select_cb(context->ssl, on_protocols, context);
    // In contrast to the other functions, this one returns 0 for success.
    else if (SSL_CTX_set_alpn_protos(context->ssl, names, size) != 0) return 0;
    return 1;
}

void ctls_context_callbacks(
    struct ctls_context *context, void *owner, struct ctls_callbacks callbacks) {
    context->owner = owner;
    context->callbacks = callbacks;
    if (callbacks.ticket) SSL_CTX_sess_set_new_cb(context->ssl, on_ticket);
    if (callbacks.secret) SSL_CTX_set_keylog_callback(context->ssl, on_secret);
    if (callbacks.hello) SSL_CTX_set_client_hello_cb(context->ssl, on_hello, context);
}

void ctls_ticket_destroy(struct ctls_ticket *ticket) { SSL_SESSION_free((SSL_SESSION *)ticket); }

int ctls_ticket_is_usable(const struct ctls_ticket *ticket) {
    return SSL_SESSION_is_resumable((const SSL_SESSION *)ticket);
}

int ctls_ticket_version(const struct ctls_ticket *ticket) {
    return SSL_SESSION_get_protocol_version((const SSL_SESSION *)ticket);
}

// MARK: Sessions

static int expect_name(SSL *ssl, const char *name, int is_address) {
    X509_VERIFY_PARAM *expected = SSL_get0_param(ssl);
    X509_VERIFY_PARAM_set_hostflags(expected, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return is_address ? X509_VERIFY_PARAM_set1_ip_asc(expected, name) == 1
                      : X509_VERIFY_PARAM_set1_host(expected, name, 0) == 1;
}

struct ctls_session *ctls_session_create(
    struct ctls_context *context, const char *name, int is_address, int checks_name, void *owner,
    struct ctls_error *error) {
    ERR_clear_error();
    struct ctls_session *session = calloc(1, sizeof *session);
    BIO *bio = BIO_new(pipe_method);
    if (session) session->ssl = SSL_new(context->ssl);
    if (!session || !bio || !session->ssl) {
        fail(error, ctls_other);
        if (bio) BIO_free(bio);
        ctls_session_destroy(session);
        return NULL;
    }
    session->context = context;
    session->owner = owner;
    BIO_set_data(bio, session);
    SSL_set_bio(session->ssl, bio, bio);
    SSL_set_ex_data(session->ssl, session_slot, session);
    if (context->is_server) {
        SSL_set_accept_state(session->ssl);
        return session;
    }
    SSL_set_connect_state(session->ssl);
    int is_good = 1;
    if (name && !is_address)
        is_good = SSL_ctrl(
                      session->ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
                      (void *)name) == 1;
    if (name && checks_name && is_good) is_good = expect_name(session->ssl, name, is_address);
    if (is_good) return session;
    fail(error, ctls_other);
    ctls_session_destroy(session);
    return NULL;
}

void ctls_session_destroy(struct ctls_session *session) {
    if (!session) return;
    SSL_free(session->ssl);
    free(session->overflow);
    free(session->error);
    for (size_t i = 0; i < sizeof session->faults / sizeof *session->faults; i++)
        free(session->faults[i]);
    free(session);
}

int ctls_session_identity(
    struct ctls_session *session, const struct ctls_identity *identity, struct ctls_error *error) {
    ERR_clear_error();
    session->has_answered = 1;
    return SSL_use_cert_and_key(
               session->ssl, identity->certificate, identity->key,
               (X509_STACK *)identity->issuers, 1) == 1
        ? 1 : fail(error, ctls_other);
}

void ctls_session_refuse(struct ctls_session *session, int alert) { session->refusal = alert; }

void ctls_session_resume(struct ctls_session *session, struct ctls_ticket *ticket) {
    SSL_set_session(session->ssl, (SSL_SESSION *)ticket);
}

/// Returns the status of a call that did not succeed.
static int status(struct ctls_session *session, int result) {
    switch (SSL_get_error(session->ssl, result)) {
    case SSL_ERROR_WANT_READ: return ctls_needs_input;
    case SSL_ERROR_ZERO_RETURN: return ctls_ended;
    case SSL_ERROR_WANT_CLIENT_HELLO_CB: return ctls_needs_identity;
    default: break;
    }
    // An error that the verification noted is more precise than the errors in OpenSSL's queue.
    if (session->error) ERR_clear_error();
    else if (error_of(session)) classify(session->error);
    return ctls_failed;
}

/// Runs a call with the pipe, and converts its result to a status.
#define CALL(session, its_pipe, call)                   \
    (session)->pipe = (its_pipe);                       \
    ERR_clear_error();                                  \
    int result = (call);                                \
    if (result <= 0) result = status(session, result);  \
    (session)->pipe = NULL;                             \
    return result

/// Returns the count to pass to one OpenSSL call, which takes an `int`.
static int limited(size_t count) { return count > 1 << 30 ? 1 << 30 : (int)count; }

int ctls_handshake(struct ctls_session *session, struct ctls_pipe *pipe) {
    CALL(session, pipe, SSL_do_handshake(session->ssl));
}

long ctls_read(struct ctls_session *session, struct ctls_pipe *pipe, void *buffer, size_t count) {
    CALL(session, pipe, SSL_read(session->ssl, buffer, limited(count)));
}

long ctls_peek(struct ctls_session *session, struct ctls_pipe *pipe, void *buffer, size_t count) {
    CALL(session, pipe, SSL_peek(session->ssl, buffer, limited(count)));
}

long ctls_write(
    struct ctls_session *session, struct ctls_pipe *pipe, const void *bytes, size_t count) {
    CALL(session, pipe, SSL_write(session->ssl, bytes, limited(count)));
}

int ctls_end(struct ctls_session *session, struct ctls_pipe *pipe) {
    session->pipe = pipe;
    ERR_clear_error();
    int result = SSL_shutdown(session->ssl);
    session->pipe = NULL;
    // 0 means that close_notify was written, but the peer's close_notify has not arrived.
    return result >= 0 ? 1 : status(session, result);
}

int ctls_has_pending(const struct ctls_session *session) { return SSL_has_pending(session->ssl); }

size_t ctls_overflow(const struct ctls_session *session) { return session->overflow_count; }

void ctls_take_overflow(struct ctls_session *session, void *bytes) {
    memcpy(bytes, session->overflow, session->overflow_count);
    free(session->overflow);
    session->overflow = NULL;
    session->overflow_count = session->overflow_room = 0;
}

const struct ctls_error *ctls_session_error(const struct ctls_session *session) {
    return session->error;
}

const struct ctls_error *ctls_session_fault(const struct ctls_session *session, int index) {
    int most = sizeof session->faults / sizeof *session->faults;
    return index >= 0 && index < most ? session->faults[index] : NULL;
}

int ctls_session_version(const struct ctls_session *session) { return SSL_version(session->ssl); }

const char *ctls_session_cipher(const struct ctls_session *session) {
    return SSL_CIPHER_get_name(SSL_get_current_cipher(session->ssl));
}

const uint8_t *ctls_session_protocol(const struct ctls_session *session, unsigned *size) {
    const unsigned char *name = NULL;
    SSL_get0_alpn_selected(session->ssl, &name, size);
    return name;
}

const char *ctls_session_server_name(const struct ctls_session *session) {
    return SSL_get_servername(session->ssl, TLSEXT_NAMETYPE_host_name);
}

int ctls_session_is_resumed(const struct ctls_session *session) {
    return SSL_session_reused(session->ssl);
}

long ctls_session_peer(const struct ctls_session *session, int index, uint8_t *der) {
    X509 *certificate;
    if (index == 0) {
        certificate = SSL_get1_peer_certificate(session->ssl);
    } else {
        OPENSSL_STACK *chain = (OPENSSL_STACK *)SSL_get_peer_cert_chain(session->ssl);
        // On a server, the chain does not contain the client's own certificate.
        int position = session->context->is_server ? index - 1 : index;
        certificate =
            chain && position < OPENSSL_sk_num(chain) ? OPENSSL_sk_value(chain, position) : NULL;
        if (certificate) X509_up_ref(certificate);
    }
    if (!certificate) return 0;
    int size = i2d_X509(certificate, der ? &der : NULL);
    X509_free(certificate);
    return size < 0 ? 0 : size;
}

int ctls_session_update_keys(struct ctls_session *session) {
    return SSL_key_update(session->ssl, SSL_KEY_UPDATE_REQUESTED);
}
