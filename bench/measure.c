/* Runs a command and writes to a descriptor, its first argument, what it took: wall, user and
 * system time in microseconds, peak memory in KiB, 512-byte blocks read from disk, page faults that
 * waited for one, exit status.
 *
 * A program of its own since the peak memory of a child starts at that of whoever forked it: with
 * the harness in Python it would be the harness's. It survives the child's execve, so that what a
 * program needed before it became another is in it. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static long long microseconds(long long seconds, long long rest) {
    return seconds * 1000000 + rest;
}

int main(int argc, char **argv) {
    struct timespec before, after;
    struct rusage used;
    int status;
    if (argc < 3)
        return 64;
    int report = atoi(argv[1]);
    clock_gettime(CLOCK_MONOTONIC, &before);
    pid_t child = fork();
    if (child == 0) {
        close(report);
        execv(argv[2], argv + 2);
        _exit(127);
    }
    if (child < 0 || wait4(child, &status, 0, &used) < 0)
        return 1;
    clock_gettime(CLOCK_MONOTONIC, &after);
    dprintf(report, "%lld %lld %lld %ld %ld %ld %d\n",
            microseconds(after.tv_sec - before.tv_sec, (after.tv_nsec - before.tv_nsec) / 1000),
            microseconds(used.ru_utime.tv_sec, used.ru_utime.tv_usec),
            microseconds(used.ru_stime.tv_sec, used.ru_stime.tv_usec), used.ru_maxrss,
            used.ru_inblock, used.ru_majflt,
            WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
    return 0;
}
