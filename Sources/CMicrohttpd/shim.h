#pragma once
#include <microhttpd.h>

// Variadic functions of libmicrohttpd, which Swift cannot import.

struct cmhd_options {
  unsigned int threads;
  unsigned int connections;
  size_t connection_bytes;
  unsigned int silence_seconds;
  /// The argument of all callbacks.
  void *context;
  /// Creates the value of a request that `handle` and `completed` get.
  void *(*began)(void *context, const char *target, struct MHD_Connection *connection);
  MHD_AccessHandlerCallback handle;
  MHD_RequestCompletedCallback completed;
  MHD_NotifyConnectionCallback connection;
};

/// Keeps the path as the client sent it: percent-encoding is not decoded.
static inline size_t cmhd_no_unescape(void *context, struct MHD_Connection *connection, char *text) {
  (void)context;
  (void)connection;
  size_t length = 0;
  while (text[length] != 0) length++;
  return length;
}

/// Serves the connections that `MHD_add_connection` gives it. NULL on failure.
static inline struct MHD_Daemon *cmhd_start(const struct cmhd_options *options) {
  return MHD_start_daemon(
      // poll, not epoll: with epoll the library (0.9.75) misses an edge when a client's bytes and its end of stream
      // arrive together, and the ended connection keeps its place until the timeout. For a few hundred connections poll
      // costs little (measured with 300 idle ones: 13 instead of 9.5 us a request). MHD_ALLOW_SUSPEND_RESUME:
      // connections whose answer is not ready leave the poll set. It implies MHD_USE_ITC, which wakes a thread for a
      // new connection.
      MHD_USE_POLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_NO_LISTEN_SOCKET, 0, NULL, NULL,
      options->handle, options->context,
      MHD_OPTION_THREAD_POOL_SIZE, options->threads,
      MHD_OPTION_CONNECTION_LIMIT, options->connections,
      MHD_OPTION_CONNECTION_MEMORY_LIMIT, options->connection_bytes,
      MHD_OPTION_CONNECTION_TIMEOUT, options->silence_seconds,
      MHD_OPTION_URI_LOG_CALLBACK, options->began, options->context,
      MHD_OPTION_NOTIFY_COMPLETED, options->completed, options->context,
      MHD_OPTION_NOTIFY_CONNECTION, options->connection, options->context,
      MHD_OPTION_UNESCAPE_CALLBACK, &cmhd_no_unescape, NULL,
      MHD_OPTION_END);
}

/// The descriptor of a connection's socket, or -1.
static inline int cmhd_socket(struct MHD_Connection *connection) {
  const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
  return info == NULL ? -1 : info->connect_fd;
}

/// The address of a connection's client, or NULL.
static inline const struct sockaddr *cmhd_client(struct MHD_Connection *connection) {
  const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
  return info == NULL ? NULL : info->client_addr;
}

/// Bytes of a request's first line and headers.
static inline size_t cmhd_header_bytes(struct MHD_Connection *connection) {
  const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
  return info == NULL ? 0 : info->header_size;
}
