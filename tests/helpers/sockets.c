/* Preloaded, it lets no process reach beyond this machine, and notes each attempt.
 *
 * SOCKETS_LOG is the file that gets a line for each: the call and the address. Loopback and sockets
 * of Unix pass. To listen on an interface of the network is an attempt. So is to ask for a name,
 * but for that of this machine.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void note(const char *call, const char *address) {
    const char *log = getenv("SOCKETS_LOG");
    char line[512];
    int length = snprintf(line, sizeof line, "%s %s\n", call, address);
    int file = log ? open(log, O_WRONLY | O_CREAT | O_APPEND, 0600) : -1;
    if (file < 0 || write(file, line, length) != length)
        abort();
    close(file);
}

static int is_here(const struct in6_addr *address) {
    if (IN6_IS_ADDR_V4MAPPED(address))
        return address->s6_addr[12] == 127;
    return IN6_IS_ADDR_LOOPBACK(address);
}

static int refused(const char *call, const struct sockaddr *to) {
    char text[INET6_ADDRSTRLEN] = "?";
    if (!to || (to->sa_family != AF_INET && to->sa_family != AF_INET6))
        return 0;
    if (to->sa_family == AF_INET) {
        const struct sockaddr_in *four = (const void *)to;
        if (ntohl(four->sin_addr.s_addr) >> 24 == 127)
            return 0;
        inet_ntop(AF_INET, &four->sin_addr, text, sizeof text);
    } else {
        const struct sockaddr_in6 *six = (const void *)to;
        if (is_here(&six->sin6_addr))
            return 0;
        inet_ntop(AF_INET6, &six->sin6_addr, text, sizeof text);
    }
    note(call, text);
    errno = ENETUNREACH;
    return 1;
}

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

int connect(int fd, const struct sockaddr *to, socklen_t size) {
    return refused("connect", to) ? -1 : NEXT(connect)(fd, to, size);
}

int bind(int fd, const struct sockaddr *to, socklen_t size) {
    return refused("bind", to) ? -1 : NEXT(bind)(fd, to, size);
}

ssize_t sendto(int fd, const void *data, size_t length, int flags, const struct sockaddr *to,
               socklen_t size) {
    return refused("sendto", to) ? -1 : NEXT(sendto)(fd, data, length, flags, to, size);
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags) {
    return refused("sendmsg", message->msg_name) ? -1 : NEXT(sendmsg)(fd, message, flags);
}

int sendmmsg(int fd, struct mmsghdr *messages, unsigned int count, int flags) {
    for (unsigned int i = 0; i < count; i++)
        if (refused("sendmmsg", messages[i].msg_hdr.msg_name))
            return -1;
    return NEXT(sendmmsg)(fd, messages, count, flags);
}

/* libldap asks for the name of its own machine when Tesseract is asked for its version. */
static int is_own(const char *name) {
    char own[256] = "";
    gethostname(own, sizeof own - 1);
    return !strcmp(name, own) || !strcmp(name, "localhost");
}

/* Names are asked for inside of the C library, which calls none of the above for it. */
int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints,
                struct addrinfo **found) {
    struct in6_addr address;
    if (name && *name && !is_own(name) && inet_pton(AF_INET, name, &address) != 1 &&
        inet_pton(AF_INET6, name, &address) != 1) {
        note("getaddrinfo", name);
        return EAI_AGAIN;
    }
    return NEXT(getaddrinfo)(name, service, hints, found);
}

struct hostent *gethostbyname(const char *name) {
    note("gethostbyname", name);
    h_errno = TRY_AGAIN;
    return NULL;
}
