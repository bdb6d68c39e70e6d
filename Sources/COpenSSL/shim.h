#pragma once
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

// What Swift cannot import from OpenSSL: function-like macros, constants that are built by them, variadic functions.

static const uint64_t cossl_op_no_tlsv1 = SSL_OP_NO_TLSv1;
static const uint64_t cossl_op_no_tlsv1_1 = SSL_OP_NO_TLSv1_1;
static const uint64_t cossl_op_no_tlsv1_2 = SSL_OP_NO_TLSv1_2;
static const uint64_t cossl_op_no_tlsv1_3 = SSL_OP_NO_TLSv1_3;
static const uint64_t cossl_op_no_ticket = SSL_OP_NO_TICKET;
static const uint64_t cossl_op_no_compression = SSL_OP_NO_COMPRESSION;
static const uint64_t cossl_op_no_renegotiation = SSL_OP_NO_RENEGOTIATION;
static const uint64_t cossl_op_cipher_server_preference = SSL_OP_CIPHER_SERVER_PREFERENCE;
static const uint64_t cossl_op_prioritize_chacha = SSL_OP_PRIORITIZE_CHACHA;

static inline int cossl_set_min_version(SSL_CTX *context, int version) {
  return SSL_CTX_set_min_proto_version(context, version) == 1;
}

static inline int cossl_set_max_version(SSL_CTX *context, int version) {
  return SSL_CTX_set_max_proto_version(context, version) == 1;
}

static inline void cossl_set_release_buffers(SSL_CTX *context) {
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
}

static inline void cossl_set_no_session_cache(SSL_CTX *context) {
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
}

static inline void cossl_set_automatic_dh(SSL_CTX *context) {
  SSL_CTX_set_dh_auto(context, 1);
}

/// The context takes the certificate over if the result is 1.
static inline int cossl_add_chain_certificate(SSL_CTX *context, X509 *certificate) {
  return SSL_CTX_add0_chain_cert(context, certificate) == 1;
}

static inline int cossl_set_server_name(SSL *ssl, const char *name) {
  return SSL_set_tlsext_host_name(ssl, name) == 1;
}

static inline EVP_PKEY *cossl_new_p256_key(void) {
  return EVP_EC_gen("P-256");
}

/// Makes OpenSSL call back for each message that it sends or receives; `argument` is handed on.
static inline void cossl_watch_messages(
    SSL *ssl, void (*callback)(int, int, int, const void *, size_t, SSL *, void *), void *argument) {
  SSL_set_msg_callback(ssl, callback);
  SSL_set_msg_callback_arg(ssl, argument);
}

static inline long cossl_memory_bytes(BIO *bio, char **bytes) {
  return BIO_get_mem_data(bio, bytes);
}

/// Empties a memory BIO. Its memory is kept.
static inline void cossl_memory_reset(BIO *bio) {
  (void)BIO_reset(bio);
}

static inline int cossl_error_library(unsigned long code) {
  return ERR_GET_LIB(code);
}

static inline int cossl_error_reason(unsigned long code) {
  return ERR_GET_REASON(code);
}

/// Wipes only blocks in which an SSL may lie, which has the secrets of TLS 1.3 in itself (6 KB in OpenSSL 3.0): OpenSSL
/// wipes keys of their own by itself, and wiping each small block costs a twentieth of a handshake.
static inline void cossl_wiping_free(void *memory, const char *file, int line) {
  (void)file;
  (void)line;
  if (memory == NULL) return;
  size_t size = malloc_usable_size(memory);
  if (size >= 1024 && size <= 12 * 1024) OPENSSL_cleanse(memory, size);
  free(memory);
}

static inline void *cossl_wiping_malloc(size_t size, const char *file, int line) {
  (void)file;
  (void)line;
  return malloc(size);
}

static inline void *cossl_wiping_realloc(void *memory, size_t size, const char *file, int line) {
  size_t before = memory == NULL ? 0 : malloc_usable_size(memory);
  if (size != 0 && size <= before) return memory;
  void *larger = size == 0 ? NULL : malloc(size);
  if (larger != NULL && memory != NULL) memcpy(larger, memory, before);
  if (larger != NULL || size == 0) cossl_wiping_free(memory, file, line);
  return larger;
}

/// Makes OpenSSL wipe the objects of connections that it frees. 1, or 0 when OpenSSL has allocated memory already.
static inline int cossl_wipe_freed_memory(void) {
  return CRYPTO_set_mem_functions(cossl_wiping_malloc, cossl_wiping_realloc, cossl_wiping_free);
}
