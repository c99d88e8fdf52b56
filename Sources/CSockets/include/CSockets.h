// The parts of the kernel's interface that Swift cannot import: calls and constants that need
// _GNU_SOURCE, and function-like macros. Only the .c file defines _GNU_SOURCE, so the header means
// the same for every file that includes it.
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

/// accept4(2), whose SOCK_CLOEXEC takes effect before another thread can fork.
int csockets_accept4(int descriptor, struct sockaddr *address, socklen_t *length, int flags);

/// EAI_ADDRFAMILY and EAI_NODATA: errors of getaddrinfo(3) that only the GNU library names.
extern const int csockets_eai_addrfamily;
extern const int csockets_eai_nodata;

/// Linux's struct mmsghdr: a message and the number of received bytes.
struct csockets_datagram {
    struct msghdr message;
    unsigned int length;
};

/// recvmmsg(2) without a timeout.
int csockets_recvmmsg(
    int descriptor, struct csockets_datagram *datagrams, unsigned int count, int flags);

/// The contents of IP_PKTINFO or IPV6_PKTINFO for one datagram (ip(7), RFC 3542).
struct csockets_packet_info {
    /// AF_INET or AF_INET6.
    int family;
    /// The index of the interface; 0 for any.
    unsigned int interface;
    /// The local address in network order: its first 4 bytes, or all 16.
    uint8_t address[16];
};

/// Reads the first address in the control data of a received message. Returns 0 if there is none.
int csockets_read_packet_info(struct msghdr *message, struct csockets_packet_info *info);

/// Writes control data to the buffer at `msg_control` and sets its length.
void csockets_write_packet_info(struct msghdr *message, const struct csockets_packet_info *info);

/// The events of a socket, which is registered once: readable, writable, urgent data, hang-up;
/// edge-triggered.
extern const uint32_t csockets_epoll_interest;
/// The events of an eventfd and of a datagram socket: readable; edge-triggered. Each write to an
/// eventfd, and each datagram, triggers an edge.
extern const uint32_t csockets_epoll_input;
/// EPOLLIN; EPOLLOUT; and the events after which a short read may leave bytes in the kernel's
/// buffer. These are the end and the failure of the connection, and urgent data, before which a
/// read stops (tcp(7)).
extern const uint32_t csockets_epoll_readable;
extern const uint32_t csockets_epoll_writable;
extern const uint32_t csockets_epoll_ending;

/// ioctl(2) for the queues of a socket, with one of the requests of linux/sockios.h. Swift cannot
/// call variadic functions.
extern const unsigned long csockets_unread;
extern const unsigned long csockets_queued;
extern const unsigned long csockets_unsent;
int csockets_queue(int descriptor, unsigned long request, int *bytes);

/// POLLRDHUP of poll(2), which needs _GNU_SOURCE: the peer has half-closed.
extern const short csockets_peer_has_ended;

/// The family and the protocol of Netlink's socket diagnosis (sock_diag(7)). Swift's C library does
/// not contain the kernel's headers, so the code that reads the messages states the offsets and the
/// attributes' numbers.
extern const int csockets_netlink;
extern const int csockets_netlink_diagnosis;

/// Returns the name of the system call with this number on this architecture, as in its manual
/// page. Returns NULL for calls that do not wait for a descriptor, a thread, a child, a signal or a
/// time.
const char *csockets_call_name(long number);

/// process_vm_readv(2) of one block.
ssize_t csockets_read_memory(pid_t process, uint64_t address, void *buffer, size_t size);

#endif
#endif
