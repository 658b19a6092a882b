// What a round trip of datagrams costs when nobody does anything with them: the floor under every request.
//
//   udp_ping serve HOST:PORT [--spin 1]                          answers each datagram with one; until SIGTERM
//   udp_ping HOST:PORT --records 20000 --bytes 200 [--spin 1]    one at a time; prints one JSON object
//
// Without --spin both ends sleep in epoll until a datagram is there, as the broker and the SDK do in their place.
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { datagram_bytes_max = 2048, records_max = 1 << 22 };

static volatile sig_atomic_t stopped;

static void on_signal(int signal_number) {
    (void)signal_number;
    stopped = 1;
}

static void die(const char* what) {
    fprintf(stderr, "udp_ping: %s: %s\n", what, strerror(errno));
    exit(2);
}

static int64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static struct sockaddr_in address_of(const char* text) {
    struct sockaddr_in address = {.sin_family = AF_INET};
    char host[64] = "";
    int port = 0;
    if (sscanf(text, "%63[^:]:%d", host, &port) != 2 || inet_pton(AF_INET, host, &address.sin_addr) != 1)
        die("HOST:PORT is needed");
    address.sin_port = htons((uint16_t)port);
    return address;
}

/// The next datagram's size; -1 when stopped.
static ssize_t next_datagram(int fd, int poller, int spin, char* into, struct sockaddr_in* from) {
    while (!stopped) {
        socklen_t size = sizeof *from;
        const ssize_t received = recvfrom(fd, into, datagram_bytes_max, MSG_DONTWAIT, (struct sockaddr*)from, &size);
        if (received >= 0) return received;
        if (errno != EAGAIN && errno != EINTR) die("recvfrom");
        struct epoll_event event;
        if (!spin) epoll_wait(poller, &event, 1, 1000);
    }
    return -1;
}

static int by_value(const void* a, const void* b) {
    const uint32_t x = *(const uint32_t*)a, y = *(const uint32_t*)b;
    return (x > y) - (x < y);
}

int main(int argc, char** argv) {
    const int serves = argc > 2 && strcmp(argv[1], "serve") == 0;
    const int first = serves ? 3 : 2;
    uint64_t records = 20000, bytes = 200, spin = 0;
    if (argc < first) {
        fprintf(stderr, "usage: udp_ping [serve] HOST:PORT [--records N] [--bytes N] [--spin 1]\n");
        return 2;
    }
    for (int i = first; i + 1 < argc; i += 2) {
        const uint64_t value = strtoull(argv[i + 1], NULL, 10);
        if (strcmp(argv[i], "--records") == 0) records = value;
        else if (strcmp(argv[i], "--bytes") == 0) bytes = value;
        else if (strcmp(argv[i], "--spin") == 0) spin = value;
    }
    if (records == 0 || records > records_max || bytes == 0 || bytes > datagram_bytes_max) {
        fprintf(stderr, "udp_ping: --records or --bytes is out of bounds\n");
        return 2;
    }
    const struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);

    struct sockaddr_in address = address_of(argv[first - 1]), from;
    const int fd = socket(AF_INET, SOCK_DGRAM, 0), poller = epoll_create1(0);
    struct epoll_event interest = {.events = EPOLLIN};
    if (fd < 0 || poller < 0 || epoll_ctl(poller, EPOLL_CTL_ADD, fd, &interest) != 0) die("socket");
    char data[datagram_bytes_max] = "";
    if (serves) {
        if (bind(fd, (struct sockaddr*)&address, sizeof address) != 0) die("bind");
        printf("serving\n");
        fflush(stdout);
        for (ssize_t size; (size = next_datagram(fd, poller, (int)spin, data, &from)) >= 0;)
            if (sendto(fd, data, (size_t)size, 0, (struct sockaddr*)&from, sizeof from) < 0) die("sendto");
        return 0;
    }
    uint32_t* latency_ns = malloc(records * sizeof *latency_ns);
    if (latency_ns == NULL) die("malloc");
    const uint64_t warmup = records / 10 + 10;
    for (uint64_t number = 0; number < warmup + records; ++number) {
        const int64_t before = now_ns();
        if (sendto(fd, data, bytes, 0, (struct sockaddr*)&address, sizeof address) < 0) die("sendto");
        if (next_datagram(fd, poller, (int)spin, data, &from) < 0) return 1;
        if (number >= warmup) latency_ns[number - warmup] = (uint32_t)(now_ns() - before);
    }
    qsort(latency_ns, records, sizeof *latency_ns, by_value);
    printf("{\"p50_us\": %.2f, \"p99_us\": %.2f, \"p999_us\": %.2f, \"max_us\": %.2f}\n", latency_ns[records / 2] / 1e3,
           latency_ns[records * 99 / 100] / 1e3, latency_ns[records * 999 / 1000] / 1e3, latency_ns[records - 1] / 1e3);
    free(latency_ns);
    return 0;
}
