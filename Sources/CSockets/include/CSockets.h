// What Swift's C importer cannot see of the kernel's interface, and nothing else: calls and
// constants that hide behind _GNU_SOURCE (which is defined in the .c file, so that the header
// means the same to everybody) and function-like macros.
#ifndef CSOCKETS_H
#define CSOCKETS_H

#ifndef __linux__
#error "swift-sockets supports only Linux"
#else

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

/// Linux's struct mmsghdr: a message, and how many bytes of it came.
struct csockets_datagram {
    struct msghdr message;
    unsigned int length;
};

/// recvmmsg(2) without a time-out.
int csockets_recvmmsg(
    int descriptor, struct csockets_datagram *datagrams, unsigned int count, int flags);

/// What IP_PKTINFO and IPV6_PKTINFO tell of one datagram, or ask for it (ip(7), RFC 3542).
struct csockets_packet_info {
    /// AF_INET or AF_INET6.
    int family;
    /// The number of the interface; 0 for any.
    unsigned int interface;
    /// The local address in network order: its first 4 bytes, or all 16.
    uint8_t address[16];
};

/// The first address in the control data of a message that was received; 0 if there is none.
int csockets_read_packet_info(struct msghdr *message, struct csockets_packet_info *info);

/// Puts control data into the room for it at `msg_control`, and sets its length.
void csockets_write_packet_info(struct msghdr *message, const struct csockets_packet_info *info);

/// What a socket is registered for, once: readable, writable, urgent data, hung up; edge-triggered.
extern const uint32_t csockets_epoll_interest;
/// What an eventfd and a socket for datagrams are registered for: readable, edge-triggered. Each
/// write to an eventfd, and each datagram, is an edge.
extern const uint32_t csockets_epoll_input;
/// EPOLLIN; EPOLLOUT; and all that says the connection is ending or broken, or that a short read need
/// not have emptied the kernel's buffer: it stops before urgent data (tcp(7)).
extern const uint32_t csockets_epoll_readable;
extern const uint32_t csockets_epoll_writable;
extern const uint32_t csockets_epoll_ending;

/// What ioctl(2) tells of a socket's queues, by the request: see linux/sockios.h. Swift cannot call a
/// function of variable arguments.
extern const unsigned long csockets_unread;
extern const unsigned long csockets_queued;
extern const unsigned long csockets_unsent;
int csockets_queue(int descriptor, unsigned long request, int *bytes);

/// poll(2)'s POLLRDHUP, which hides behind _GNU_SOURCE: the peer has ended its half.
extern const short csockets_peer_has_ended;

/// Netlink's socket diagnosis (sock_diag(7)): the headers of the kernel are not part of Swift's C
/// library. The offsets and the attributes' numbers are told where they are read.
extern const int csockets_netlink;
extern const int csockets_netlink_diagnosis;

/// The name of the system call with this machine's number, as its manual page has it; NULL for those
/// that do not wait for a descriptor, a thread, a child, a signal or a time.
const char *csockets_call_name(long number);

/// process_vm_readv(2) of one piece.
ssize_t csockets_read_memory(pid_t process, uint64_t address, void *buffer, size_t size);

#endif
#endif
