// OpenSSL's functions, which are either declared by its own headers and linked, or found with
// dlsym(3) at run time.
#ifndef CTLS_OPENSSL_H
#define CTLS_OPENSSL_H

#include <stddef.h>
#include <stdint.h>
#include <time.h>

#ifdef CTLS_LINKED

#include <openssl/err.h>
#include <openssl/pkcs12.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

typedef STACK_OF(X509) X509_STACK;

#if OPENSSL_VERSION_NUMBER < 0x30000000L
#define SSL_get1_peer_certificate SSL_get_peer_certificate
#endif

static const int is_at_least_3 = OPENSSL_VERSION_NUMBER >= 0x30000000L;

static const char *openssl_bind(void) { return NULL; }

#else

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

typedef struct bio_st BIO;
typedef struct bio_method_st BIO_METHOD;
typedef struct stack_st OPENSSL_STACK;
typedef struct stack_st X509_STACK;
typedef struct ssl_st SSL;
typedef struct ssl_ctx_st SSL_CTX;
typedef struct ssl_method_st SSL_METHOD;
typedef struct ssl_session_st SSL_SESSION;
typedef struct ssl_cipher_st SSL_CIPHER;
typedef struct x509_st X509;
typedef struct x509_store_st X509_STORE;
typedef struct x509_store_ctx_st X509_STORE_CTX;
typedef struct X509_VERIFY_PARAM_st X509_VERIFY_PARAM;
typedef struct X509_name_st X509_NAME;
typedef struct X509_extension_st X509_EXTENSION;
typedef struct X509_req_st X509_REQ;
typedef struct X509_pubkey_st X509_PUBKEY;
typedef struct X509_crl_st X509_CRL;
typedef struct PKCS12_st PKCS12;
typedef struct GENERAL_NAME_st GENERAL_NAME;
typedef struct stack_st GENERAL_NAMES;
typedef struct asn1_string_st ASN1_STRING;
typedef struct asn1_string_st ASN1_INTEGER;
typedef struct asn1_string_st ASN1_TIME;
typedef struct evp_pkey_st EVP_PKEY;
typedef struct evp_pkey_ctx_st EVP_PKEY_CTX;
typedef struct evp_md_st EVP_MD;
typedef struct engine_st ENGINE;
typedef struct ossl_init_settings_st OPENSSL_INIT_SETTINGS;
// CTLS always passes NULL for these callbacks.
typedef void CRYPTO_EX_new(void);
typedef void CRYPTO_EX_dup(void);
typedef void CRYPTO_EX_free(void);
typedef struct lhash_st_CONF_VALUE CONF_HASH;
typedef int pem_password_cb(char *, int, int, void *);
// This type is larger than OpenSSL's own, which has 6 to 8 pointers. CTLS passes only its address.
typedef struct {
    void *room[32];
} X509V3_CTX;

#define C(name, value) name = value,
enum {
#include "constants.h"
};
#undef C

// The pointers have the names of the functions, so that calls look the same in both builds.
#define F(result, name, parameters) static result(*name) parameters;
#include "functions.h"
#undef F
static X509 *(*SSL_get1_peer_certificate)(const SSL *);
static int is_at_least_3;

static char bind_failure[512];

/// Returns the library that the process has already loaded, or the newest one that is installed.
///
/// Two versions in one process can crash it, because their symbols have the same names.
static void *openssl_open(void) {
    static const char *const names[] = {"libssl.so.3", "libssl.so.1.1"};
    static const size_t count = sizeof names / sizeof *names;
    for (size_t i = 0; i < count; i++) {
        void *library = dlopen(names[i], RTLD_NOW | RTLD_LOCAL | RTLD_NOLOAD);
        if (library) return library;
    }
    for (size_t i = 0; i < count; i++) {
        void *library = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
        if (library) return library;
        const char *reason = dlerror();
        // Keep the first reason, because it is about OpenSSL 3, which most systems have.
        if (i == 0) snprintf(bind_failure, sizeof bind_failure, "%s", reason ? reason : names[i]);
    }
    return NULL;
}

/// Returns the reason why the library cannot be used: it lacks a function, as OpenSSL 1.1.0 does.
static const char *lacking(const char *function) {
    snprintf(
        bind_failure, sizeof bind_failure,
        "the library has no function %s, which OpenSSL 1.1.1 and 3.x have", function);
    return bind_failure;
}

/// Finds all functions. Returns NULL, or the reason why it could not find them.
static const char *openssl_bind(void) {
    void *library = openssl_open();
    if (!library) return bind_failure;
    // dlsym(3) also searches libcrypto, because libssl depends on it.
#define F(result, name, parameters)                     \
    name = (result(*) parameters)dlsym(library, #name); \
    if (!name) return lacking(#name);
#include "functions.h"
#undef F
    *(void **)&SSL_get1_peer_certificate = dlsym(library, "SSL_get1_peer_certificate");
    if (!SSL_get1_peer_certificate)
        *(void **)&SSL_get1_peer_certificate = dlsym(library, "SSL_get_peer_certificate");
    if (!SSL_get1_peer_certificate) return lacking("SSL_get_peer_certificate");
    is_at_least_3 = OpenSSL_version_num() >= 0x30000000UL;
    return NULL;
}

#endif
#endif
