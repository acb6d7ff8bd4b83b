#include "receiving.h"

#include <errno.h>
#include <linux/netlink.h>
#include <poll.h>
#include <sys/socket.h>
#include <time.h>

double seconds_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static long long coarse_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

static enum outcome fail_call(struct dump *dump)
{
    dump->failure.call_errno = errno;
    return FAILED;
}

static enum outcome wait_for_answer(struct dump *dump, int fd, double seconds)
{
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    int ready = poll(&wait, 1, (int)(seconds * 1000));

    if (ready < 0)
        return fail_call(dump);
    return ready ? MORE : fail(&dump->failure, dump->name, "timed out");
}

static enum outcome receive_datagram(struct dump *dump, int fd, uint8_t buffer[DATAGRAM_BYTES],
                                     double answer_seconds)
{
    long long next_filled_ms = coarse_ms();
    struct sockaddr_nl from = {0};
    socklen_t from_bytes = sizeof from;
    ssize_t size = recvfrom(fd, buffer, DATAGRAM_BYTES, MSG_TRUNC | MSG_DONTWAIT,
                            (struct sockaddr *)&from, &from_bytes);
    enum outcome outcome = MORE;

    if (size < 0)
        return errno == EAGAIN ? wait_for_answer(dump, fd, answer_seconds) : fail_call(dump);
    if (size > DATAGRAM_BYTES)
        return fail(&dump->failure, dump->name, "a datagram of %zd bytes was cut", size);
    if (from.nl_pid == 0) /* only the kernel answers from port 0 */
        outcome = walk_datagram(dump, buffer, (size_t)size);
    dump->filled_ms = next_filled_ms; /* netlink_recvmsg has filled the next one meanwhile */
    return outcome;
}

enum outcome receive_dump(struct dump *dump, int fd, uint8_t buffer[DATAGRAM_BYTES],
                          const struct timeouts *timeouts, double end_seconds)
{
    enum outcome outcome = MORE;

    while (outcome == MORE) {
        outcome = receive_datagram(dump, fd, buffer, timeouts->answer_seconds);
        if (outcome == MORE && seconds_now() > end_seconds)
            return fail(&dump->failure, dump->name, "not finished after %.0f s",
                        timeouts->dump_seconds);
    }
    return outcome;
}
