#ifndef CALLOCATIONS_H
#define CALLOCATIONS_H

/// The number of allocations by the program that links this library: calls of malloc, calloc, realloc and the aligned
/// functions, by any caller. For single-threaded programs.
unsigned long long callocations_count(void);

#endif
