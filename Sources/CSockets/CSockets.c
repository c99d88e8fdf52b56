#define _GNU_SOURCE
#include "CSockets.h"

// The file is empty on another platform, so that the header's #error is the only error.
#ifdef __linux__

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>

// This header must follow netinet/in.h, whose types it would otherwise define again.
#include <linux/in6.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <netdb.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

int csockets_accept4(int descriptor, struct sockaddr *address, socklen_t *length, int flags) {
    return accept4(descriptor, address, length, flags);
}

int csockets_time_limits = 0;

void csockets_count_time_limits(int change) {
    __atomic_fetch_add(&csockets_time_limits, change, __ATOMIC_RELAXED);
}

_Static_assert(sizeof(struct csockets_datagram) == sizeof(struct mmsghdr), "recvmmsg(2)");

int csockets_recvmmsg(
    int descriptor, struct csockets_datagram *datagrams, unsigned int count, int flags) {
    return recvmmsg(descriptor, (struct mmsghdr *)datagrams, count, flags, NULL);
}

const int csockets_eai_addrfamily = EAI_ADDRFAMILY;
const int csockets_eai_nodata = EAI_NODATA;

int csockets_pipe(int ends[2]) { return pipe2(ends, O_NONBLOCK | O_CLOEXEC); }

const int csockets_set_pipe_size = F_SETPIPE_SZ;

ssize_t csockets_splice(int from, int to, size_t size) {
    return splice(from, NULL, to, NULL, size, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
}

int csockets_is_reopenable_terminal(int descriptor) {
    unsigned int number;
    // Only a master has the number of a pseudoterminal.
    return isatty(descriptor) && ioctl(descriptor, TIOCGPTN, &number) == -1;
}

const uint32_t csockets_epoll_interest = EPOLLIN | EPOLLPRI | EPOLLOUT | EPOLLRDHUP | EPOLLET;
const uint32_t csockets_epoll_input = EPOLLIN | EPOLLET;
const uint32_t csockets_epoll_readable = EPOLLIN;
const uint32_t csockets_epoll_writable = EPOLLOUT;
const uint32_t csockets_epoll_ending = EPOLLRDHUP | EPOLLHUP | EPOLLERR | EPOLLPRI;

/// Returns whether the entry contains `size` bytes of data. This check is needed, because the
/// kernel truncates data that does not fit into the buffer, and CMSG_NXTHDR checks only headers.
static int holds(const struct msghdr *message, const struct cmsghdr *entry, size_t size) {
    const char *end = (const char *)message->msg_control + message->msg_controllen;
    size_t left = (size_t)(end - (const char *)entry);
    return entry->cmsg_len >= CMSG_LEN(size) && left >= CMSG_LEN(size);
}

int csockets_read_packet_info(struct msghdr *message, struct csockets_packet_info *info) {
    int found = 0;
    struct cmsghdr *entry;
    for (entry = CMSG_FIRSTHDR(message); entry != NULL; entry = CMSG_NXTHDR(message, entry)) {
        if (entry->cmsg_level == IPPROTO_IP && entry->cmsg_type == IP_PKTINFO) {
            struct in_pktinfo data;
            if (!holds(message, entry, sizeof data)) continue;
            memcpy(&data, CMSG_DATA(entry), sizeof data);
            // A datagram that came before the option was set has no local address (ipi_spec_dst).
            // Its destination (ipi_addr) is the local address unless it is a group or a broadcast.
            if (data.ipi_spec_dst.s_addr == INADDR_ANY) data.ipi_spec_dst = data.ipi_addr;
            info->family = AF_INET;
            info->interface = (unsigned int)data.ipi_ifindex;
            memcpy(info->address, &data.ipi_spec_dst, sizeof data.ipi_spec_dst);
            // Return the IPv4 entry at once, because the IPV6_PKTINFO entry of a dual-stack socket
            // is less exact.
            return 1;
        }
        if (entry->cmsg_level == IPPROTO_IPV6 && entry->cmsg_type == IPV6_PKTINFO) {
            struct in6_pktinfo data;
            if (!holds(message, entry, sizeof data)) continue;
            memcpy(&data, CMSG_DATA(entry), sizeof data);
            info->family = AF_INET6;
            info->interface = data.ipi6_ifindex;
            memcpy(info->address, &data.ipi6_addr, sizeof data.ipi6_addr);
            found = 1;
        }
    }
    return found;
}

const unsigned long csockets_unread = SIOCINQ;
const unsigned long csockets_queued = SIOCOUTQ;
const unsigned long csockets_unsent = SIOCOUTQNSD;

int csockets_queue(int descriptor, unsigned long request, int *bytes) {
    return ioctl(descriptor, request, bytes);
}

static int set_interface(struct ifreq *request, const char *name) {
    size_t length = strlen(name);
    if (length >= sizeof request->ifr_name) {
        errno = ENODEV;
        return -1;
    }
    memcpy(request->ifr_name, name, length);
    return 0;
}

int csockets_interface_index(int descriptor, const char *name, unsigned int *index) {
    struct ifreq request = {0};
    if (set_interface(&request, name) != 0) return -1;
    if (ioctl(descriptor, SIOCGIFINDEX, &request) != 0) return -1;
    *index = (unsigned int)request.ifr_ifindex;
    return 0;
}

int csockets_interface_mtu(int descriptor, const char *name, int *mtu) {
    struct ifreq request = {0};
    if (set_interface(&request, name) != 0) return -1;
    if (ioctl(descriptor, SIOCGIFMTU, &request) != 0) return -1;
    *mtu = request.ifr_mtu;
    return 0;
}

int csockets_lease_flow_label(int descriptor, uint32_t label, const void *destination) {
    struct in6_flowlabel_req request = {
        .flr_label = htonl(label),
        .flr_action = IPV6_FL_A_GET,
        .flr_share = IPV6_FL_S_ANY,
        .flr_flags = IPV6_FL_F_CREATE,
    };
    memcpy(&request.flr_dst, destination, sizeof request.flr_dst);
    return setsockopt(
        descriptor, IPPROTO_IPV6, IPV6_FLOWLABEL_MGR, &request, sizeof request);
}

int csockets_flow_label(int descriptor, uint32_t *label) {
    struct in6_flowlabel_req request = {.flr_action = IPV6_FL_A_GET};
    socklen_t size = sizeof request;
    if (getsockopt(descriptor, IPPROTO_IPV6, IPV6_FLOWLABEL_MGR, &request, &size) != 0) return -1;
    *label = ntohl(request.flr_label);
    return 0;
}

const short csockets_peer_has_ended = POLLRDHUP;

static void write_entry(struct msghdr *message, int level, int type, const void *data, size_t size) {
    message->msg_controllen = CMSG_SPACE(size);
    struct cmsghdr *entry = CMSG_FIRSTHDR(message);
    entry->cmsg_level = level;
    entry->cmsg_type = type;
    entry->cmsg_len = CMSG_LEN(size);
    memcpy(CMSG_DATA(entry), data, size);
}

void csockets_write_packet_info(struct msghdr *message, const struct csockets_packet_info *info) {
    if (info->family == AF_INET) {
        struct in_pktinfo data = {.ipi_ifindex = (int)info->interface};
        memcpy(&data.ipi_spec_dst, info->address, sizeof data.ipi_spec_dst);
        write_entry(message, IPPROTO_IP, IP_PKTINFO, &data, sizeof data);
    } else {
        struct in6_pktinfo data = {.ipi6_ifindex = info->interface};
        memcpy(&data.ipi6_addr, info->address, sizeof data.ipi6_addr);
        write_entry(message, IPPROTO_IPV6, IPV6_PKTINFO, &data, sizeof data);
    }
}

ssize_t csockets_send_descriptors(
    int descriptor, const void *bytes, size_t size, const int *descriptors, size_t count,
    const struct sockaddr *destination, socklen_t length, int flags) {
    union {
        struct cmsghdr entry;
        char bytes[CMSG_SPACE(CSOCKETS_DESCRIPTOR_LIMIT * sizeof(int))];
    } control = {0};
    // The kernel only reads the bytes and the address.
    struct iovec vector = {.iov_base = (void *)bytes, .iov_len = size};
    struct msghdr message = {
        .msg_name = (void *)destination,
        .msg_namelen = length,
        .msg_iov = &vector,
        .msg_iovlen = 1,
        .msg_control = control.bytes,
        .msg_controllen = sizeof control.bytes,
    };
    write_entry(&message, SOL_SOCKET, SCM_RIGHTS, descriptors, count * sizeof *descriptors);
    return sendmsg(descriptor, &message, flags);
}

/// Moves the descriptors of an SCM_RIGHTS entry to the caller's array, and closes those that do
/// not fit. Returns the number of closed descriptors.
static size_t take_descriptors(
    const struct cmsghdr *entry, int *descriptors, size_t *count, size_t room) {
    size_t excess = 0;
    size_t size = entry->cmsg_len - CMSG_LEN(0);
    for (size_t offset = 0; offset + sizeof(int) <= size; offset += sizeof(int)) {
        int number;
        memcpy(&number, CMSG_DATA(entry) + offset, sizeof number);
        if (*count < room) {
            descriptors[(*count)++] = number;
        } else {
            close(number);
            excess++;
        }
    }
    return excess;
}

// The type of a control message with a descriptor of the sender's process, since Linux 6.5.
#ifndef SCM_PIDFD
#define SCM_PIDFD 4
#endif

// The room for the control data that SO_TIMESTAMP, SO_PASSCRED and SO_PASSPIDFD add to a message.
#define OTHER_ENTRIES \
    (CMSG_SPACE(sizeof(struct timeval)) + CMSG_SPACE(sizeof(struct ucred)) + CMSG_SPACE(sizeof(int)))

ssize_t csockets_receive_descriptors(
    int descriptor, void *bytes, size_t size, int *descriptors, size_t *count, int *is_truncated,
    int *has_timestamp, struct sockaddr *sender, socklen_t *length, int flags) {
    union {
        struct cmsghdr entry;
        char bytes[OTHER_ENTRIES + CMSG_SPACE(CSOCKETS_DESCRIPTOR_LIMIT * sizeof(int))];
    } control;
    size_t room = *count;
    struct iovec vector = {.iov_base = bytes, .iov_len = size};
    struct msghdr message = {
        .msg_name = sender,
        .msg_namelen = sender != NULL ? *length : 0,
        .msg_iov = &vector,
        .msg_iovlen = 1,
        .msg_control = control.bytes,
        .msg_controllen = OTHER_ENTRIES + CMSG_LEN(room * sizeof(int)),
    };
    *count = 0;
    *is_truncated = 0;
    *has_timestamp = 0;
    ssize_t result = recvmsg(descriptor, &message, flags | MSG_CMSG_CLOEXEC);
    if (result < 0) return result;
    if (sender != NULL) *length = message.msg_namelen;
    if (message.msg_flags & MSG_CTRUNC) *is_truncated = 1;
    struct cmsghdr *entry;
    for (entry = CMSG_FIRSTHDR(&message); entry != NULL; entry = CMSG_NXTHDR(&message, entry)) {
        if (entry->cmsg_level != SOL_SOCKET) continue;
        if (entry->cmsg_type == SCM_RIGHTS) {
            if (take_descriptors(entry, descriptors, count, room) > 0) *is_truncated = 1;
        } else if (entry->cmsg_type == SCM_TIMESTAMP || entry->cmsg_type == SCM_TIMESTAMPNS) {
            *has_timestamp = 1;
        } else if (entry->cmsg_type == SCM_PIDFD) {
            // Pass no room for it, so that it is closed.
            take_descriptors(entry, descriptors, count, *count);
        }
    }
    return result;
}

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77
#endif

const int csockets_peer_groups = SO_PEERGROUPS;
const int csockets_peer_pidfd = SO_PEERPIDFD;

_Static_assert(sizeof(struct csockets_credentials) == sizeof(struct ucred), "SO_PEERCRED");

const int csockets_netlink = AF_NETLINK;
const int csockets_netlink_diagnosis = NETLINK_SOCK_DIAG;

#define CALL(name) {SYS_##name, #name}

static const struct {
    long number;
    const char *name;
} calls[] = {
    CALL(read), CALL(readv), CALL(recvfrom), CALL(recvmsg), CALL(recvmmsg),
    CALL(write), CALL(writev), CALL(sendto), CALL(sendmsg), CALL(sendmmsg),
    CALL(sendfile), CALL(splice),
    CALL(accept), CALL(accept4), CALL(connect),
    CALL(ppoll), CALL(pselect6), CALL(epoll_pwait),
    CALL(futex), CALL(wait4), CALL(waitid),
    CALL(nanosleep), CALL(clock_nanosleep),
    CALL(rt_sigtimedwait), CALL(rt_sigsuspend),
#ifdef SYS_epoll_pwait2
    CALL(epoll_pwait2),
#endif
    // Newer architectures lack these calls and have only variants with more arguments, such as
    // ppoll.
#ifdef SYS_poll
    CALL(poll),
#endif
#ifdef SYS_select
    CALL(select),
#endif
#ifdef SYS_epoll_wait
    CALL(epoll_wait),
#endif
#ifdef SYS_pause
    CALL(pause),
#endif
};

const char *csockets_call_name(long number) {
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
        if (calls[i].number == number) return calls[i].name;
    }
    return NULL;
}

ssize_t csockets_read_memory(pid_t process, uint64_t address, void *buffer, size_t size) {
    struct iovec local = {.iov_base = buffer, .iov_len = size};
    struct iovec remote = {.iov_base = (void *)(uintptr_t)address, .iov_len = size};
    return process_vm_readv(process, &local, 1, &remote, 1, 0);
}

#endif
