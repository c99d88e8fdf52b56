// What Swift's C importer cannot see of the kernel's interface, and nothing else: calls and
// constants that hide behind _GNU_SOURCE (which is defined in the .c file, so that the header
// means the same to everybody) and function-like macros.
#ifndef CSOCKETS_H
#define CSOCKETS_H

#include <sys/socket.h>
#include <sys/types.h>

/// accept4(2) with SOCK_CLOEXEC: the flag is set before another thread can fork.
int csockets_accept4(int descriptor, struct sockaddr *address, socklen_t *length, int flags);

/// EAI_ADDRFAMILY and EAI_NODATA, failures of getaddrinfo(3) that only GNU names.
extern const int csockets_eai_addrfamily;
extern const int csockets_eai_nodata;

#endif
