#ifndef CALLOCATIONS_H
#define CALLOCATIONS_H

/// How often the program that links this has asked its allocator for memory: malloc, calloc, realloc and their aligned
/// kin, whoever called them. For programs of one thread.
unsigned long long callocations_count(void);

#endif
