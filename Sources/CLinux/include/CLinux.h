#pragma once
#include <sys/types.h>

// What Swift cannot import from the C library: macros with arguments, variadic functions, GNU extensions.

/// 1 when the wait status says that the process exited by itself.
int clinux_exited(int status);
int clinux_exit_status(int status);
int clinux_terminating_signal(int status);

/// prctl(PR_SET_PDEATHSIG, signal): the kernel sends `signal` when the parent dies. 0, or -1 with errno.
int clinux_set_parent_death_signal(int signal);

/// Marks every open descriptor from `first` on as close-on-exec. 0, or -1 with errno.
int clinux_close_on_exec_from(unsigned int first);

/// An anonymous file in memory (memfd_create, not close-on-exec). A descriptor, or -1 with errno.
int clinux_memory_file(const char *name);

/// 1 when orphaned descendants become our children (we are PID 1, or PR_SET_CHILD_SUBREAPER was set for us).
int clinux_adopts_orphans(void);

/// The process id of a child that is dead and has not been waited for; it stays so. 0 when there is none.
pid_t clinux_dead_child(void);
