#include "COpenSSLPeer.h"

#include <openssl/bio.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

struct openssl_peer {
    SSL_CTX *context;
    SSL *ssl;
    BIO *in;
    BIO *out;
    uint8_t secrets[2][48];
    size_t secret_bytes[2];
    int alerts[2];
};

// One of the lines "CLIENT_TRAFFIC_SECRET_0 <random> <secret>".
static void keep_secret(const SSL *ssl, const char *line) {
    openssl_peer *peer = SSL_get_app_data(ssl);
    int side = strncmp(line, "CLIENT_TRAFFIC_SECRET_0 ", 24) == 0   ? 1
               : strncmp(line, "SERVER_TRAFFIC_SECRET_0 ", 24) == 0 ? 0
                                                                    : -1;
    if (side < 0) return;
    long bytes = 0;
    unsigned char *secret = OPENSSL_hexstr2buf(strrchr(line, ' ') + 1, &bytes);
    if (secret && bytes <= 48) {
        memcpy(peer->secrets[side], secret, (size_t)bytes);
        peer->secret_bytes[side] = (size_t)bytes;
    }
    OPENSSL_free(secret);
}

static void keep_alert(const SSL *ssl, int where, int value) {
    openssl_peer *peer = SSL_get_app_data(ssl);
    if (where & SSL_CB_ALERT) peer->alerts[where & SSL_CB_WRITE ? 1 : 0] = value & 0xff;
}

static bool give_certificate(SSL_CTX *context) {
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = X509_new();
    bool done = key && certificate && X509_set_version(certificate, 2) &&
                ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1) &&
                X509_gmtime_adj(X509_getm_notBefore(certificate), -3600) &&
                X509_gmtime_adj(X509_getm_notAfter(certificate), 86400) && X509_set_pubkey(certificate, key) &&
                X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_ASC,
                                           (const unsigned char *)"localhost", -1, -1, 0) &&
                X509_set_issuer_name(certificate, X509_get_subject_name(certificate)) &&
                X509_sign(certificate, key, EVP_sha256()) && SSL_CTX_use_certificate(context, certificate) == 1 &&
                SSL_CTX_use_PrivateKey(context, key) == 1;
    X509_free(certificate);
    EVP_PKEY_free(key);
    return done;
}

openssl_peer *openssl_peer_create(bool is_server, const char *suite, int tickets) {
    openssl_peer *peer = calloc(1, sizeof *peer);
    if (!peer) return NULL;
    peer->alerts[0] = peer->alerts[1] = -1;
    peer->context = SSL_CTX_new(is_server ? TLS_server_method() : TLS_client_method());
    if (!peer->context || !SSL_CTX_set_min_proto_version(peer->context, TLS1_3_VERSION) ||
        !SSL_CTX_set_ciphersuites(peer->context, suite) || (is_server && !give_certificate(peer->context)) ||
        (is_server && !SSL_CTX_set_num_tickets(peer->context, (size_t)tickets)) ||
        !(peer->ssl = SSL_new(peer->context))) {
        openssl_peer_destroy(peer);
        return NULL;
    }
    SSL_CTX_set_keylog_callback(peer->context, keep_secret);
    SSL_set_info_callback(peer->ssl, keep_alert);
    SSL_set_app_data(peer->ssl, peer);
    peer->in = BIO_new(BIO_s_mem());
    peer->out = BIO_new(BIO_s_mem());
    BIO_set_mem_eof_return(peer->in, -1);
    SSL_set_bio(peer->ssl, peer->in, peer->out);
    is_server ? SSL_set_accept_state(peer->ssl) : SSL_set_connect_state(peer->ssl);
    return peer;
}

void openssl_peer_destroy(openssl_peer *peer) {
    if (!peer) return;
    SSL_free(peer->ssl);
    SSL_CTX_free(peer->context);
    free(peer);
}

bool openssl_peer_feed(openssl_peer *peer, const uint8_t *bytes, size_t count) {
    return count == 0 || BIO_write(peer->in, bytes, (int)count) == (int)count;
}

static size_t drain(BIO *bio, uint8_t *bytes, size_t room) {
    int count = BIO_read(bio, bytes, (int)room);
    return count > 0 ? (size_t)count : 0;
}

size_t openssl_peer_take(openssl_peer *peer, uint8_t *bytes, size_t room) { return drain(peer->out, bytes, room); }

size_t openssl_peer_take_unread(openssl_peer *peer, uint8_t *bytes, size_t room) {
    return drain(peer->in, bytes, room);
}

static int outcome(openssl_peer *peer, int result) {
    switch (SSL_get_error(peer->ssl, result)) {
    case SSL_ERROR_NONE: return result;
    case SSL_ERROR_ZERO_RETURN: return 0;
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE: return openssl_peer_wants_more;
    default: return openssl_peer_failed;
    }
}

int openssl_peer_handshake(openssl_peer *peer) { return outcome(peer, SSL_do_handshake(peer->ssl)); }

int openssl_peer_read(openssl_peer *peer, uint8_t *bytes, int room) {
    return outcome(peer, SSL_read(peer->ssl, bytes, room));
}

bool openssl_peer_write(openssl_peer *peer, const uint8_t *bytes, int count, int padding) {
    SSL_set_block_padding(peer->ssl, (size_t)padding);
    return SSL_write(peer->ssl, bytes, count) == count;
}

bool openssl_peer_update_key(openssl_peer *peer, bool requests_update) {
    int type = requests_update ? SSL_KEY_UPDATE_REQUESTED : SSL_KEY_UPDATE_NOT_REQUESTED;
    return SSL_key_update(peer->ssl, type) == 1 && SSL_do_handshake(peer->ssl) == 1;
}

bool openssl_peer_send_ticket(openssl_peer *peer) {
    return SSL_new_session_ticket(peer->ssl) == 1 && SSL_do_handshake(peer->ssl) == 1;
}

bool openssl_peer_shut_down(openssl_peer *peer) { return SSL_shutdown(peer->ssl) >= 0; }

uint16_t openssl_peer_suite(const openssl_peer *peer) {
    const SSL_CIPHER *cipher = SSL_get_current_cipher(peer->ssl);
    return cipher ? SSL_CIPHER_get_protocol_id(cipher) : 0;
}

size_t openssl_peer_secret(const openssl_peer *peer, bool of_client, uint8_t secret[48]) {
    memcpy(secret, peer->secrets[of_client], 48);
    return peer->secret_bytes[of_client];
}

int openssl_peer_alert(const openssl_peer *peer, bool sent) { return peer->alerts[sent]; }

bool openssl_forge(const char *cipher, const uint8_t *key, const uint8_t nonce[12], const uint8_t *inner, size_t count,
                   uint8_t *record) {
    const uint8_t head[5] = {23, 3, 3, (uint8_t)((count + 16) >> 8), (uint8_t)(count + 16)};
    memcpy(record, head, 5);
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    int written = 0;
    bool done = context && EVP_EncryptInit_ex(context, EVP_get_cipherbyname(cipher), NULL, key, nonce) == 1 &&
                EVP_EncryptUpdate(context, NULL, &written, head, 5) == 1 &&
                EVP_EncryptUpdate(context, record + 5, &written, inner, (int)count) == 1 &&
                EVP_EncryptFinal_ex(context, record + 5 + count, &written) == 1 &&
                EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, 16, record + 5 + count) == 1;
    EVP_CIPHER_CTX_free(context);
    return done;
}
