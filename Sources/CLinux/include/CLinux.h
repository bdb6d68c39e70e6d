#pragma once
#include <sys/types.h>

// C library features that Swift cannot import: macros with arguments, variadic functions, GNU extensions.

int clinux_exit_status(int status);
int clinux_terminating_signal(int status);

/// prctl(PR_SET_PDEATHSIG, signal): the kernel sends `signal` when the parent exits. 0, or -1 with errno.
int clinux_set_parent_death_signal(int signal);
/// Sets the name in process lists; cut to 15 bytes.
void clinux_set_process_name(const char *name);

/// A word of the command line in the memory that process lists show. Index 0 is the program. The caller knows the
/// number of words.
char *clinux_argument(int index);

/// Adds `more` to the oom_score_adj of this process, so that the kernel kills it before its supervisor when memory runs
/// out. Its anchor restores the value. Call it once, before the anchor is started.
void clinux_offer_to_oom_killer(int more);

/// Marks every open descriptor from `first` on as close-on-exec. 0, or -1 with errno.
int clinux_close_on_exec_from(unsigned int first);

/// An anonymous file in memory (memfd_create, not close-on-exec). A descriptor, or -1 with errno.
int clinux_memory_file(const char *name);

/// A descriptor (close-on-exec) that is readable when the process has ended: pidfd_open. -1 with errno.
int clinux_process_descriptor(pid_t process);
/// Sends a signal to the process of such a descriptor: pidfd_send_signal. 0, or -1 with errno.
int clinux_signal_process(int descriptor, int signal);

/// Makes this process a child subreaper (PR_SET_CHILD_SUBREAPER): descendants whose parent exits become its children,
/// as those of PID 1. 0, or -1 with errno.
int clinux_adopt_orphans(void);

/// The process id of a child that has exited and was not waited for; it remains waitable. 0 when there is none.
pid_t clinux_dead_child(void);

/// The commit of the sources, which Package.swift defines in release builds; NULL in others.
const char *clinux_build_commit(void);

/// Copies the GNU build id of the program (at most `max` bytes). Its length; 0 when the linker has written none.
int clinux_build_id(unsigned char *bytes, int max);

// The anchor: keeps a process's open descriptors when the process is killed.

/// Starts a process that shares the caller's descriptor table and none of its memory. It answers at `socket` (its end
/// of a SOCK_SEQPACKET pair) until the other end is closed. The table, with every descriptor that the caller opens
/// later, exists as long as either process runs; a close() in the caller closes the descriptor for both. The caller may
/// have threads, because the new process makes only system calls. The process id, or -1 with errno.
pid_t clinux_anchor_start(int socket);

enum clinux_anchor_state {
    CLINUX_ANCHOR_RUNS,
    /// It has exited, because the other end of its socket was closed.
    CLINUX_ANCHOR_LIFTED,
    /// It was killed by the signal `*signal`.
    CLINUX_ANCHOR_KILLED,
    /// It was stopped by the signal `*signal`, and was sent SIGCONT.
    CLINUX_ANCHOR_STOPPED,
};

/// The state of this process's anchor. Does not block. An anchor that has ended is reaped.
enum clinux_anchor_state clinux_anchor_check(pid_t anchor, int *signal);

/// The most descriptors of one `clinux_anchor_take`; the kernel passes at most 253 in a message.
enum { CLINUX_ANCHOR_TAKE_MAX = 250 };

/// Asks the anchor at the other end of `socket` for its descriptors `wanted`. `taken` gets duplicates (close-on-exec),
/// and -1 for those that are not open there. 0, or -1 with errno (ETIMEDOUT after a second without an answer).
int clinux_anchor_take(int socket, const int *wanted, int count, int *taken);

/// Asks the anchor for the TCP connections (not listening sockets) that are open in its table: their descriptors there,
/// at most `max`. Their number, or -1 with errno.
int clinux_anchor_list(int socket, int *descriptors, int max);

/// The kernel's counts of the bytes that the process has written to an established TCP connection and read from it.
/// `written` of a connection opened by this machine includes its SYN, one more than the bytes. 0, or -1 with errno.
int clinux_tcp_counts(int descriptor, unsigned long long *written, unsigned long long *read);

/// Makes malloc return large blocks (1 MiB and more) to the system as soon as they are freed, and use one heap for all
/// threads. Call it once, before the process has a second thread.
void clinux_return_freed_memory(void);

/// Returns free memory between blocks in use to the system.
void clinux_trim_heap(void);

/// Calls ftruncate, and maps the whole file, shared. NULL with errno when that fails. A page uses memory once it is
/// touched.
void *clinux_map_shared(int descriptor, size_t length);
/// Returns the pages of a part of the file to the system (FALLOC_FL_PUNCH_HOLE); they read as zero afterwards.
int clinux_release_pages(int descriptor, off_t offset, off_t length);

// Descriptors over a connected Unix socket (SCM_RIGHTS).

/// The most descriptors of one `clinux_send_passing`.
enum { CLINUX_PASSED_MAX = 16 };

/// Sends bytes, with `count` descriptors at the first of them. Neither blocks nor raises SIGPIPE. The number of bytes
/// sent, or -1 with errno; then no descriptor was sent.
ssize_t clinux_send_passing(int socket, const void *bytes, size_t size, const int *passed, int count);

/// Like read(2), but also receives the descriptors that arrive with the bytes (close-on-exec): `*count` of them in
/// `passed`, which has room for CLINUX_PASSED_MAX. Further ones are closed.
ssize_t clinux_receive_passing(int socket, void *bytes, size_t size, int *passed, int *count);
