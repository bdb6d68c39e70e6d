#pragma once
#include <zlib.h>

// What Swift cannot import from zlib: its macros that look like functions.

/// Readies `stream` for one gzip body. Z_OK when it is.
static inline int czlib_start_gzip(z_stream *stream, int level) {
  // 15: the largest window; + 16: with the header and the checksum of gzip. 8: zlib's own choice of memory.
  return deflateInit2(stream, level, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
}
