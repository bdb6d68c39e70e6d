#pragma once
#include <microhttpd.h>

// What Swift cannot import from libmicrohttpd: its variadic functions.

struct cmhd_options {
  int listen_socket;
  unsigned int threads;
  unsigned int connections;
  size_t connection_bytes;
  unsigned int silence_seconds;
  /// The argument of all callbacks.
  void *context;
  /// Makes the value that `handle` and `completed` get for one request.
  void *(*began)(void *context, const char *target, struct MHD_Connection *connection);
  MHD_AccessHandlerCallback handle;
  MHD_RequestCompletedCallback completed;
  MHD_NotifyConnectionCallback connection;
};

/// Leaves the path as the client wrote it: percent-encoding is not decoded.
static inline size_t cmhd_no_unescape(void *context, struct MHD_Connection *connection, char *text) {
  (void)context;
  (void)connection;
  size_t length = 0;
  while (text[length] != 0) length++;
  return length;
}

/// Serves on a listening socket, which the daemon owns from then on. NULL when it cannot.
static inline struct MHD_Daemon *cmhd_start(const struct cmhd_options *options) {
  return MHD_start_daemon(
      // poll, not epoll: with epoll the library (0.9.75) waits for an edge that has passed when a client's bytes and
      // its end arrive together, and the dead connection keeps its place until the timeout. For some hundred
      // connections poll costs little (measured with 300 idle ones: 13 instead of 9.5 us a request).
      // MHD_ALLOW_SUSPEND_RESUME: answers that have to wait, or have nothing to say, leave the poll set. It brings
      // MHD_USE_ITC, by which the daemon is told to stop accepting (MHD_quiesce_daemon) while its threads sleep.
      MHD_USE_POLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, options->handle, options->context,
      MHD_OPTION_LISTEN_SOCKET, options->listen_socket,
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
