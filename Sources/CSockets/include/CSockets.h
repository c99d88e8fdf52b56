// What Swift's C importer cannot see of the kernel's interface, and nothing else: calls and
// constants that hide behind _GNU_SOURCE (which is defined in the .c file, so that the header
// means the same to everybody) and function-like macros.
#ifndef CSOCKETS_H
#define CSOCKETS_H

#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/types.h>

/// accept4(2) with SOCK_CLOEXEC: the flag is set before another thread can fork.
int csockets_accept4(int descriptor, struct sockaddr *address, socklen_t *length, int flags);

/// EAI_ADDRFAMILY and EAI_NODATA, failures of getaddrinfo(3) that only GNU names.
extern const int csockets_eai_addrfamily;
extern const int csockets_eai_nodata;

/// What a socket is registered for, once: readable, writable, hung up; edge-triggered.
extern const uint32_t csockets_epoll_interest;
/// EPOLLIN; EPOLLOUT; and all that says the connection is ending or broken.
extern const uint32_t csockets_epoll_readable;
extern const uint32_t csockets_epoll_writable;
extern const uint32_t csockets_epoll_ending;

#endif
