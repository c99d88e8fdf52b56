// TLS with OpenSSL but without I/O: encrypted and decrypted bytes are exchanged in memory.
//
// OpenSSL is loaded when it is first needed, or linked if CTLS_LINKED is defined. No function
// waits. One thread at a time may use a session. Contexts, identities and certificates may be
// shared between threads once they are set up.
#ifndef CTLS_H
#define CTLS_H

#include <stddef.h>
#include <stdint.h>

/// Loads OpenSSL once. Returns NULL, or the reason why no library could be loaded.
///
/// All other functions may be called only after this function has returned NULL.
const char *ctls_load(void);

/// The kind of an error.
enum ctls_kind {
    ctls_other,
    ctls_expired,
    ctls_not_yet_valid,
    ctls_wrong_host,
    ctls_self_signed,
    ctls_unknown_issuer,
    ctls_wrong_purpose,
    ctls_invalid_certificate,
    /// The certificate has none of the expected digests.
    ctls_pin_mismatch,
    ctls_no_client_certificate,
    ctls_version_refused,
    ctls_cipher_refused,
    ctls_protocol_refused,
    ctls_alert,
    ctls_key_mismatch,
    ctls_unreadable_certificate,
    ctls_unreadable_key,
    ctls_no_password,
    ctls_wrong_password,
};

/// The reason why a call failed.
struct ctls_error {
    enum ctls_kind kind;
    /// The number of the alert that the peer sent, for `ctls_alert`.
    int alert;
    /// OpenSSL's text of the reason.
    char text[128];
    /// The rejected certificate: its subject, its issuer, and its host names and IP addresses,
    /// separated by newlines.
    char subject[200];
    char issuer[200];
    char names[512];
    /// When the rejected certificate expired or becomes valid, such as "2026-11-27 19:00:00 UTC".
    char date[32];
    /// The SHA-256 digests of the certificate and of its public key, for `ctls_pin_mismatch`.
    uint8_t digest[32];
    uint8_t key_digest[32];
};

struct ctls_identity;
struct ctls_certificates;
struct ctls_context;
struct ctls_session;
struct ctls_ticket;

// Identities and certificates. A function that creates an object returns NULL if it fails.

/// Reads a certificate chain, leaf first, and the leaf's private key. Both are PEM.
///
/// `password` decrypts the key, or is NULL.
struct ctls_identity *ctls_identity_create(
    const void *chain, size_t chain_size, const void *key, size_t key_size, const char *password,
    struct ctls_error *error);

/// Reads a certificate chain and its private key from PKCS#12.
struct ctls_identity *ctls_identity_from_pkcs12(
    const void *bytes, size_t size, const char *password, struct ctls_error *error);

/// Creates a key and a self-signed certificate for a host's name or address.
///
/// The certificate is valid between the two offsets from now, in seconds.
struct ctls_identity *ctls_identity_self_signed(
    const char *host, long valid_from, long valid_until, struct ctls_error *error);

/// Returns 1 if a session can use the identity. Otherwise returns 0 and the error, for example
/// because the key is too short.
int ctls_identity_check(const struct ctls_identity *identity, struct ctls_error *error);

void ctls_identity_destroy(struct ctls_identity *identity);

/// Copies the certificate of an identity to `der`, which may be NULL. Returns the size of the
/// certificate, or 0 on failure.
long ctls_identity_certificate(const struct ctls_identity *identity, uint8_t *der);

/// Reads all certificates of a PEM text.
struct ctls_certificates *ctls_certificates_create(
    const void *pem, size_t size, struct ctls_error *error);

/// Returns the certificate of an identity.
struct ctls_certificates *ctls_certificates_of(
    const struct ctls_identity *identity, struct ctls_error *error);

void ctls_certificates_destroy(struct ctls_certificates *certificates);

/// The contents of a certificate.
struct ctls_description {
    char subject[200];
    char issuer[200];
    /// The host names and IP addresses in the certificate, separated by newlines.
    char names[1024];
    /// The period of validity in seconds since 1970.
    int64_t valid_from, valid_until;
    /// The SHA-256 digests of the DER encodings of the certificate and of its public key.
    uint8_t digest[32];
    uint8_t key_digest[32];
};

/// Describes a certificate in DER. Returns 1, or 0 if it is not a certificate.
int ctls_describe(const uint8_t *der, size_t size, struct ctls_description *description);

// Contexts: what many sessions share. A function that returns int returns 1 if it succeeds.
// Otherwise it returns 0 and stores the error.

struct ctls_context *ctls_context_create(int is_server, struct ctls_error *error);
void ctls_context_destroy(struct ctls_context *context);

/// Trusts the certificates that the system trusts.
int ctls_context_trust_system(struct ctls_context *context, struct ctls_error *error);

/// Trusts certificates. If `names_them` is not 0, a server also sends their names to its clients.
int ctls_context_trust(
    struct ctls_context *context, const struct ctls_certificates *certificates, int names_them,
    struct ctls_error *error);

int ctls_context_identity(
    struct ctls_context *context, const struct ctls_identity *identity, struct ctls_error *error);

/// Sets the lowest and the highest version, such as 0x0303 for TLS 1.2.
int ctls_context_versions(
    struct ctls_context *context, int lowest, int highest, struct ctls_error *error);

/// Sets the ciphers of TLS 1.2 and of TLS 1.3, in OpenSSL's spelling. NULL keeps the default.
int ctls_context_ciphers(
    struct ctls_context *context, const char *tls12, const char *tls13, struct ctls_error *error);

enum ctls_verification {
    ctls_verify_none,
    /// A client verifies the server. A server verifies a client that has a certificate.
    ctls_verify_peer,
    /// A server requires a certificate from its clients.
    ctls_require_peer,
};

/// Sets which certificates are verified. With `accepts_anything`, every certificate is accepted
/// without verification, but a server still requests one from its clients.
void ctls_context_verify(
    struct ctls_context *context, enum ctls_verification verification, int accepts_anything);

/// Makes sessions note faults of the peer's certificates and continue; see `ctls_session_fault`.
void ctls_context_note_faults(struct ctls_context *context);

/// The SHA-256 digest of a certificate or of its public key.
struct ctls_pin {
    int is_key;
    uint8_t digest[32];
};

/// Requires that the peer's certificate or its public key has one of the digests. The certificate
/// is verified first. Returns 1, or 0 if memory runs out.
int ctls_context_pins(struct ctls_context *context, const struct ctls_pin *pins, size_t count);

/// Sets the application protocols in the encoding of RFC 7301: each name follows its length.
int ctls_context_protocols(struct ctls_context *context, const uint8_t *names, unsigned size);

/// The functions that a context calls; each may be NULL. The first argument is the owner of the
/// context or of the session.
struct ctls_callbacks {
    /// Called when a client has received a ticket for resumption. The function must ensure that the
    /// ticket is destroyed later.
    void (*ticket)(void *session_owner, struct ctls_ticket *ticket);
    /// Called when a server has received a ClientHello. The arguments are the contents of its
    /// extensions server_name and application_layer_protocol_negotiation, or NULL for a missing
    /// extension. The handshake then returns `ctls_needs_identity`.
    void (*hello)(
        void *session_owner, const uint8_t *name, size_t name_size, const uint8_t *protocols,
        size_t protocols_size);
    /// Called with each line for the key log, which has no line ending.
    void (*secret)(void *context_owner, const char *line);
};

void ctls_context_callbacks(
    struct ctls_context *context, void *owner, struct ctls_callbacks callbacks);

void ctls_ticket_destroy(struct ctls_ticket *ticket);
int ctls_ticket_is_usable(const struct ctls_ticket *ticket);
/// Returns 0x0303 for TLS 1.2, whose tickets can be used repeatedly, and 0x0304 for TLS 1.3.
int ctls_ticket_version(const struct ctls_ticket *ticket);

// Sessions: one connection each.

/// Creates a session.
///
/// For a client, `name` is the host's name or address, or NULL. A name is sent to the server, but
/// an address, for which `is_address` is not 0, is not sent. If `checks_name` is not 0, the
/// certificate must be for `name`. `owner` is passed to `ticket` and `hello`.
struct ctls_session *ctls_session_create(
    struct ctls_context *context, const char *name, int is_address, int checks_name, void *owner,
    struct ctls_error *error);
void ctls_session_destroy(struct ctls_session *session);

/// Uses an identity for this session, instead of the context's identity. Returns 1, or 0 and the
/// error.
int ctls_session_identity(
    struct ctls_session *session, const struct ctls_identity *identity, struct ctls_error *error);

/// After `ctls_needs_identity`, makes the handshake fail with this alert for the client.
void ctls_session_refuse(struct ctls_session *session, int alert);

/// Resumes an earlier session if the server agrees.
void ctls_session_resume(struct ctls_session *session, struct ctls_ticket *ticket);

/// The encrypted bytes for one call.
///
/// The call removes the bytes that it has processed from the front of `input`, and appends to
/// `output`. Bytes that do not fit stay in the session; see `ctls_overflow`.
struct ctls_pipe {
    const uint8_t *input;
    size_t input_count;
    uint8_t *output;
    size_t output_room;
    size_t output_count;
};

enum ctls_status {
    /// The peer sent close_notify.
    ctls_ended = 0,
    /// The call has consumed all of the input and needs more.
    ctls_needs_input = -1,
    /// The call failed; see `ctls_session_error`.
    ctls_failed = -2,
    /// The handshake needs a call of `ctls_session_identity` or `ctls_session_refuse` to continue.
    ctls_needs_identity = -3,
};

/// Continues the handshake. Returns 1 when it has finished, or a status.
int ctls_handshake(struct ctls_session *session, struct ctls_pipe *pipe);
/// Decrypts at most one record. Returns the number of bytes, or a status.
long ctls_read(struct ctls_session *session, struct ctls_pipe *pipe, void *buffer, size_t count);
/// Decrypts like `ctls_read`, but the next call returns the same bytes again.
long ctls_peek(struct ctls_session *session, struct ctls_pipe *pipe, void *buffer, size_t count);
/// Encrypts at most one record. Returns the number of bytes, or a status.
long ctls_write(
    struct ctls_session *session, struct ctls_pipe *pipe, const void *bytes, size_t count);
/// Encrypts close_notify. Returns 1, or a status.
int ctls_end(struct ctls_session *session, struct ctls_pipe *pipe);

/// Returns whether a read may succeed without more input.
int ctls_has_pending(const struct ctls_session *session);
/// Returns the number of bytes that did not fit into the output.
size_t ctls_overflow(const struct ctls_session *session);
/// Moves the bytes that did not fit to `bytes`, which must have room for `ctls_overflow` bytes.
void ctls_take_overflow(struct ctls_session *session, void *bytes);

/// Returns the error of the last call that failed, or NULL.
const struct ctls_error *ctls_session_error(const struct ctls_session *session);

/// Returns the noted fault with this index, in the order of the verification, or NULL after the
/// last fault.
const struct ctls_error *ctls_session_fault(const struct ctls_session *session, int index);

// The results of the handshake.

/// Returns 0x0303 for TLS 1.2 or 0x0304 for TLS 1.3.
int ctls_session_version(const struct ctls_session *session);
const char *ctls_session_cipher(const struct ctls_session *session);
/// Returns the application protocol, which does not end with a NUL, or NULL if there is none.
const uint8_t *ctls_session_protocol(const struct ctls_session *session, unsigned *size);
const char *ctls_session_server_name(const struct ctls_session *session);
int ctls_session_is_resumed(const struct ctls_session *session);
/// Copies a certificate of the peer to `der`, which may be NULL, and returns its size.
///
/// `index` 0 is the peer's own certificate; the issuers follow. Returns 0 after the last one.
long ctls_session_peer(const struct ctls_session *session, int index, uint8_t *der);

/// Schedules a key update of TLS 1.3, which the next `ctls_write` sends, and requests one from the
/// peer.
int ctls_session_update_keys(struct ctls_session *session);

#endif
