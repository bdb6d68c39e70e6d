#pragma once
#include <sys/types.h>

// What Swift cannot import from the C library: macros with arguments, variadic functions, GNU extensions.

int clinux_exit_status(int status);
int clinux_terminating_signal(int status);

/// prctl(PR_SET_PDEATHSIG, signal): the kernel sends `signal` when the parent dies. 0, or -1 with errno.
int clinux_set_parent_death_signal(int signal);
/// As process lists show it; cut to 15 bytes.
void clinux_set_process_name(const char *name);

/// A word of the command line where the kernel has it, for process lists; its index from 0, the program. The caller knows how many there
/// are.
char *clinux_argument(int index);

/// Makes this process one that the kernel kills rather than its supervisor when memory runs out: adds `more` to its oom_score_adj.
/// Its anchor takes that back. Once, before the anchor is started.
void clinux_offer_to_oom_killer(int more);

/// Marks every open descriptor from `first` on as close-on-exec. 0, or -1 with errno.
int clinux_close_on_exec_from(unsigned int first);

/// An anonymous file in memory (memfd_create, not close-on-exec). A descriptor, or -1 with errno.
int clinux_memory_file(const char *name);

/// A descriptor (close-on-exec) that is readable when the process has ended: pidfd_open. -1 with errno.
int clinux_process_descriptor(pid_t process);
/// Sends a signal to the process of such a descriptor: pidfd_send_signal. 0, or -1 with errno.
int clinux_signal_process(int descriptor, int signal);

/// From here on descendants that lose their parent become our children (PR_SET_CHILD_SUBREAPER), as those of PID 1 do. 0, or -1
/// with errno.
int clinux_adopt_orphans(void);

/// The process id of a child that is dead and has not been waited for; it stays so. 0 when there is none.
pid_t clinux_dead_child(void);

/// The commit of the sources, which Package.swift defines in release builds; NULL in others.
const char *clinux_build_commit(void);

/// Copies the GNU build id of the program (at most `max` bytes). Its length; 0 when the linker has written none.
int clinux_build_id(unsigned char *bytes, int max);

// The anchor: what keeps a process's open descriptors when the process is killed.

/// Starts a process that shares the caller's table of descriptors, none of its memory, and does nothing but answer at
/// `socket` (its end of a SOCK_SEQPACKET pair) until the other end closes. The table, with every descriptor that the caller
/// opens later, lives as long as either process does; a close() in the caller closes for both. There may be threads: the new
/// process only makes system calls. The process id, or -1 with errno.
pid_t clinux_anchor_start(int socket);

enum clinux_anchor_state {
    CLINUX_ANCHOR_RUNS,
    /// The other end of its socket was closed, and it has left.
    CLINUX_ANCHOR_LIFTED,
    /// A signal has ended it: `*signal`.
    CLINUX_ANCHOR_KILLED,
    /// A signal has stopped it: `*signal`. It was sent SIGCONT.
    CLINUX_ANCHOR_STOPPED,
};

/// How the anchor of this process is; does not wait. One that has ended is forgotten by the kernel then.
enum clinux_anchor_state clinux_anchor_check(pid_t anchor, int *signal);

/// The most descriptors of one `clinux_anchor_take`; the kernel passes at most 253 in a message.
enum { CLINUX_ANCHOR_TAKE_MAX = 250 };

/// Asks the anchor whose other end is `socket` for its descriptors `wanted`: they come as descriptors of ours (close-on-exec),
/// in `taken`, -1 for those that are not open there. 0, or -1 with errno (ETIMEDOUT after a second without an answer).
int clinux_anchor_take(int socket, const int *wanted, int count, int *taken);

/// Asks the anchor which TCP connections (not listening sockets) are open in its table: their descriptors there, at most `max`. How many there
/// are, or -1 with errno.
int clinux_anchor_list(int socket, int *descriptors, int max);

/// How many bytes of an established TCP connection the process has written to the kernel and read from it, as the kernel
/// counts; `written` of a connection that we opened includes its SYN, one more than the bytes. 0, or -1 with errno.
int clinux_tcp_counts(int descriptor, unsigned long long *written, unsigned long long *read);

/// Makes the C library's allocator give large blocks (256 KiB and more) back to the system as soon as they are freed, and keep one
/// heap for all threads. Once, before the first thread.
void clinux_return_freed_memory(void);

/// Gives back what is free between blocks in use.
void clinux_trim_heap(void);

/// ftruncate, and the mapping of the whole file, shared: nil with errno when there is no room. Pages cost memory when touched.
void *clinux_map_shared(int descriptor, size_t length);
/// Gives the pages of a part of the file back (FALLOC_FL_PUNCH_HOLE); what is read there is zero afterwards.
int clinux_release_pages(int descriptor, off_t offset, off_t length);

// Descriptors over a connected Unix socket (SCM_RIGHTS).

/// The most descriptors of one `clinux_send_passing`.
enum { CLINUX_PASSED_MAX = 16 };

/// Sends bytes, and `count` descriptors with the first of them; neither waits nor raises SIGPIPE. How many bytes went, or -1 with
/// errno: then no descriptor went either.
ssize_t clinux_send_passing(int socket, const void *bytes, size_t size, const int *passed, int count);

/// Like read(), and takes what descriptors come with the bytes (close-on-exec), `*count` of them into `passed`, which has room for
/// CLINUX_PASSED_MAX; more of them are closed.
ssize_t clinux_receive_passing(int socket, void *bytes, size_t size, int *passed, int *count);
