// The parts of the kernel's interface that Swift cannot import: calls and constants that need
// _GNU_SOURCE, and function-like macros. Only the .c file defines _GNU_SOURCE, so the header has
// the same meaning in every file that includes it.
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

/// Accepts a connection: accept4(2). SOCK_CLOEXEC takes effect before another thread can fork.
int csockets_accept4(int descriptor, struct sockaddr *address, socklen_t *length, int flags);

/// EAI_ADDRFAMILY and EAI_NODATA: errors of getaddrinfo(3) that only the GNU C library defines.
extern const int csockets_eai_addrfamily;
extern const int csockets_eai_nodata;

/// Linux's struct mmsghdr: a message and the number of received bytes.
struct csockets_datagram {
    struct msghdr message;
    unsigned int length;
};

/// Counts the calls of withTimeLimit that run now; `change` is 1 or -1. The counter is a C
/// variable, because each access to a global Swift atomic might first run an initializer.
void csockets_count_time_limits(int change);

/// The counter of csockets_count_time_limits. Call csockets_has_time_limits instead of reading it.
extern int csockets_time_limits;

/// Returns whether any call of withTimeLimit runs in the process.
static inline int csockets_has_time_limits(void) {
    return __atomic_load_n(&csockets_time_limits, __ATOMIC_RELAXED) != 0;
}

/// Receives several datagrams: recvmmsg(2) without a timeout.
int csockets_recvmmsg(
    int descriptor, struct csockets_datagram *datagrams, unsigned int count, int flags);

/// The contents of IP_PKTINFO or IPV6_PKTINFO for one datagram (ip(7), RFC 3542).
struct csockets_packet_info {
    /// AF_INET or AF_INET6.
    int family;
    /// The index of the interface; 0 for any.
    unsigned int interface;
    /// The local address in network order: 4 bytes for IPv4, 16 bytes for IPv6.
    uint8_t address[16];
};

/// Reads the local address from the control data of a received message; an IPv4 address has
/// priority. Returns 0 if there is no address.
int csockets_read_packet_info(struct msghdr *message, struct csockets_packet_info *info);

/// Writes packet information to the buffer at `msg_control` and sets `msg_controllen`.
void csockets_write_packet_info(struct msghdr *message, const struct csockets_packet_info *info);

/// The largest number of descriptors in one message: the kernel's SCM_MAX_FD (unix(7)).
#define CSOCKETS_DESCRIPTOR_LIMIT 253

/// Sends bytes with descriptors over a Unix socket: sendmsg(2) with SCM_RIGHTS. The number of
/// descriptors must be 1 to CSOCKETS_DESCRIPTOR_LIMIT. `destination` is NULL, with the length 0, on
/// a connected socket.
ssize_t csockets_send_descriptors(
    int descriptor, const void *bytes, size_t size, const int *descriptors, size_t count,
    const struct sockaddr *destination, socklen_t length, int flags);

/// Receives bytes with descriptors: recvmsg(2) with MSG_CMSG_CLOEXEC. On entry, `count` is the room
/// at `descriptors`, at most CSOCKETS_DESCRIPTOR_LIMIT; on return, it is the number of received
/// descriptors. `is_truncated` is set to 1 if the message had more descriptors, which are then
/// closed, and to 0 otherwise. `has_timestamp` is set to 1 if the kernel reported the arrival time
/// of the message (SO_TIMESTAMP or SO_TIMESTAMPNS), and to 0 otherwise. If `sender` is not NULL,
/// the address of the sender is written there. On entry, `length` is the room for it; on return, it
/// is the length of the address.
ssize_t csockets_receive_descriptors(
    int descriptor, void *bytes, size_t size, int *descriptors, size_t *count, int *is_truncated,
    int *has_timestamp, struct sockaddr *sender, socklen_t *length, int flags);

/// The numbers of the socket options SO_PEERGROUPS and SO_PEERPIDFD, which older headers lack.
extern const int csockets_peer_groups;
extern const int csockets_peer_pidfd;

/// The credentials of a Unix peer, as in struct ucred, which requires _GNU_SOURCE.
struct csockets_credentials {
    int32_t process;
    uint32_t user;
    uint32_t group;
};

/// Creates a pipe: pipe2(2) with O_NONBLOCK and O_CLOEXEC. On return, ends[0] is the descriptor to
/// read from, and ends[1] is the descriptor to write to.
int csockets_pipe(int ends[2]);

/// F_SETPIPE_SZ of fcntl(2), which sets the capacity of a pipe in bytes.
extern const int csockets_set_pipe_size;

/// Moves bytes between a pipe and a socket: splice(2) with SPLICE_F_MOVE and SPLICE_F_NONBLOCK.
/// SPLICE_F_NONBLOCK applies only to the pipe, so the socket must be nonblocking.
ssize_t csockets_splice(int from, int to, size_t size);

/// The events for which a stream socket is registered, once and edge-triggered: readable, writable,
/// urgent data and hang-up.
extern const uint32_t csockets_epoll_interest;
/// The event for which an eventfd or a datagram socket is registered: readable, edge-triggered.
/// Each write to the eventfd and each datagram triggers a new edge.
extern const uint32_t csockets_epoll_input;
/// EPOLLIN and EPOLLOUT.
extern const uint32_t csockets_epoll_readable;
extern const uint32_t csockets_epoll_writable;
/// The events after which a short read may leave bytes in the kernel's buffer: the end or the
/// failure of the connection, and urgent data, because a read stops before it (tcp(7)).
extern const uint32_t csockets_epoll_ending;

/// Requests of linux/sockios.h for the length of a socket's queue. csockets_queue makes them with
/// ioctl(2), because Swift cannot call variadic functions.
extern const unsigned long csockets_unread;
extern const unsigned long csockets_queued;
extern const unsigned long csockets_unsent;
int csockets_queue(int descriptor, unsigned long request, int *bytes);

/// Finds the index of an interface by its name with ioctl(2). On failure, returns -1 and sets
/// errno, which is ENODEV if no interface has the name.
int csockets_interface_index(int descriptor, const char *name, unsigned int *index);

/// Reads the MTU of an interface by its name with ioctl(2). On failure, returns -1 and sets errno,
/// which is ENODEV if no interface has the name.
int csockets_interface_mtu(int descriptor, const char *name, int *mtu);

/// Leases an IPv6 flow label for packets to `destination`, an address of 16 bytes: setsockopt(2)
/// with IPV6_FLOWLABEL_MGR. Several sockets may lease the same label.
int csockets_lease_flow_label(int descriptor, uint32_t label, const void *destination);

/// Reads the leased flow label of a connected socket: getsockopt(2) with IPV6_FLOWLABEL_MGR. On
/// failure, returns -1 and sets errno, which is ENOENT if the connection has no leased label.
int csockets_flow_label(int descriptor, uint32_t *label);

/// POLLRDHUP of poll(2), which requires _GNU_SOURCE: the peer has half-closed.
extern const short csockets_peer_has_ended;

/// Returns 1 if the descriptor is a terminal whose file can be opened again, and otherwise 0. The
/// file of a pseudoterminal's master creates another pseudoterminal when it is opened (ptmx(4)).
int csockets_is_reopenable_terminal(int descriptor);

/// The family and the protocol of Netlink's socket diagnosis (sock_diag(7)). Swift does not import
/// the kernel's headers, so the Swift code that reads the messages defines their offsets and
/// attribute numbers.
extern const int csockets_netlink;
extern const int csockets_netlink_diagnosis;

/// Returns the name, as in the manual page, of the system call with this number on this
/// architecture. Returns NULL for calls that do not wait for a descriptor, a thread, a child, a
/// signal or a time.
const char *csockets_call_name(long number);

/// Reads one block of another process's memory: process_vm_readv(2).
ssize_t csockets_read_memory(pid_t process, uint64_t address, void *buffer, size_t size);

#endif
#endif
