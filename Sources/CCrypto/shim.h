#pragma once
// libcrypto of OpenSSL 3: ciphers, HMAC, and memory that is wiped for certain. Swift imports all of it.
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
