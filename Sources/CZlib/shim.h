#pragma once
#include <zlib.h>

// Function-like macros of zlib, which Swift cannot import.

/// Initialises `stream` for one gzip body. Returns Z_OK or an error of zlib.
static inline int czlib_start_gzip(z_stream *stream, int level) {
  // 15: the largest window; + 16: gzip header and checksum. 8: zlib's default memory level.
  return deflateInit2(stream, level, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
}
