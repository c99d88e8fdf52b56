#define _GNU_SOURCE
#include "CSockets.h"

#include <netdb.h>

int csockets_accept4(int descriptor, struct sockaddr *address, socklen_t *length, int flags) {
    return accept4(descriptor, address, length, flags);
}

const int csockets_eai_addrfamily = EAI_ADDRFAMILY;
const int csockets_eai_nodata = EAI_NODATA;

const uint32_t csockets_epoll_interest = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
const uint32_t csockets_epoll_readable = EPOLLIN;
const uint32_t csockets_epoll_writable = EPOLLOUT;
const uint32_t csockets_epoll_ending = EPOLLRDHUP | EPOLLHUP | EPOLLERR;
