#ifndef COPENSSLPEER_H
#define COPENSSLPEER_H

// One side of a TLS 1.3 connection, done by OpenSSL on memory buffers: what the tests of TLSRecords talk to.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct openssl_peer openssl_peer;

enum { openssl_peer_wants_more = -1, openssl_peer_failed = -2 };

/// A server has a new certificate (P-256, signed by itself); a client accepts any. `suite` is OpenSSL's name of the
/// only suite that it offers or takes. `tickets` is how many a server sends behind the handshake.
openssl_peer *openssl_peer_create(bool is_server, const char *suite, int tickets);
void openssl_peer_destroy(openssl_peer *peer);

/// Bytes from the other side. False when there is no memory for them.
bool openssl_peer_feed(openssl_peer *peer, const uint8_t *bytes, size_t count);
/// Bytes for the other side, at most `room`: how many there were.
size_t openssl_peer_take(openssl_peer *peer, uint8_t *bytes, size_t room);
/// Bytes that were fed and not read yet.
size_t openssl_peer_take_unread(openssl_peer *peer, uint8_t *bytes, size_t room);

/// 1 when the handshake is over, else `openssl_peer_wants_more` or `openssl_peer_failed`.
int openssl_peer_handshake(openssl_peer *peer);
/// How many bytes were read, 0 at the end of the stream, else `openssl_peer_wants_more` or `openssl_peer_failed`.
int openssl_peer_read(openssl_peer *peer, uint8_t *bytes, int room);
/// Writes all of the bytes. `padding`: zeros are added until a record's content has a multiple of it in bytes.
bool openssl_peer_write(openssl_peer *peer, const uint8_t *bytes, int count, int padding);
/// Sends a KeyUpdate at once.
bool openssl_peer_update_key(openssl_peer *peer, bool requests_update);
/// Sends one more NewSessionTicket.
bool openssl_peer_send_ticket(openssl_peer *peer);
/// Sends close_notify.
bool openssl_peer_shut_down(openssl_peer *peer);

/// The number of the suite.
uint16_t openssl_peer_suite(const openssl_peer *peer);
/// The length of a traffic secret of the handshake's end; 0 when it is not known yet.
size_t openssl_peer_secret(const openssl_peer *peer, bool of_client, uint8_t secret[48]);
/// The last alert that it has received or, `sent`, sent; -1 when there was none.
int openssl_peer_alert(const openssl_peer *peer, bool sent);

/// Seals anything as a record, also what no side may send. `cipher` is OpenSSL's name of it.
/// `record`: room for `count` bytes and 21 more.
bool openssl_forge(const char *cipher, const uint8_t *key, const uint8_t nonce[12], const uint8_t *inner, size_t count,
                   uint8_t *record);

#endif
