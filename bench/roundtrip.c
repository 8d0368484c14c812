/* Makes a way to 10.9.0.2 that takes time: roundtrip MICROSECONDS, to be run in a network namespace
 * of its own, where this machine is 10.9.0.1.
 *
 * Every IP packet that is sent there comes back after that time with source and destination
 * exchanged, so that a connection to 10.9.0.2 meets a server on 10.9.0.1, each packet delayed one
 * way. Both ends are the kernel's own TCP: a segment is acknowledged when it has arrived, and not,
 * as by a relay, by a program half way. Exchanging two addresses leaves all checksums right.
 *
 * Writes a line when the way is open. */
#define _GNU_SOURCE /* ppoll */
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

enum { SLOTS = 8192, LARGEST = 2048, SOURCE = 12, DESTINATION = 16, HEADER = 20 };

static struct packet {
    long long due;
    ssize_t length;
    unsigned char bytes[LARGEST];
} queue[SLOTS]; /* in order of arrival, which is the order in which they are due */

static long long nanoseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static void exchange_addresses(unsigned char *bytes) {
    unsigned char source[4];
    memcpy(source, bytes + SOURCE, 4);
    memcpy(bytes + SOURCE, bytes + DESTINATION, 4);
    memcpy(bytes + DESTINATION, source, 4);
}

int main(int argc, char **argv) {
    struct ifreq request = {.ifr_flags = IFF_TUN | IFF_NO_PI};
    size_t first = 0, held = 0;
    if (argc != 2)
        return 64;
    long long delay = atoll(argv[1]) * 1000;
    int device = open("/dev/net/tun", O_RDWR | O_NONBLOCK);
    strcpy(request.ifr_name, "tun0");
    if (device < 0 || ioctl(device, TUNSETIFF, &request) < 0) {
        perror("roundtrip: /dev/net/tun");
        return 1;
    }
    if (system("ip address add 10.9.0.1/24 dev tun0 && ip link set tun0 up"))
        return 1;
    puts("open");
    fflush(stdout);
    for (;;) {
        struct pollfd ready = {.fd = device, .events = held < SLOTS ? POLLIN : 0};
        long long wait = held ? queue[first].due - nanoseconds() : -1;
        struct timespec patience = {.tv_sec = wait / 1000000000, .tv_nsec = wait % 1000000000};
        if (held && wait <= 0) {
            ssize_t written = write(device, queue[first].bytes, queue[first].length);
            (void)written; /* a packet that is lost is sent again */
            first = (first + 1) % SLOTS;
            held--;
        } else if (ppoll(&ready, 1, held ? &patience : NULL, NULL) > 0) {
            struct packet *last = &queue[(first + held) % SLOTS];
            last->length = read(device, last->bytes, LARGEST);
            if (last->length >= HEADER && last->bytes[0] >> 4 == 4) {
                exchange_addresses(last->bytes);
                last->due = nanoseconds() + delay;
                held++;
            }
        }
    }
}
