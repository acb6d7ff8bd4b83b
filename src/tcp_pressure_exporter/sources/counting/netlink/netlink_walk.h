/* From datagrams to entries: the messages of one netlink dump, as netlink/messages.py walks them.
 *
 * Source of the structures: include/uapi/linux/netlink.h (nlmsghdr, nlmsgerr).
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "outcome.h"

struct dump;

/* Decode one entry and count it: MORE or FAILED. */
typedef enum outcome count_entry(struct dump *dump, const uint8_t *payload, uint32_t length);

struct dump {
    const char *name; /* in errors */
    uint32_t sequence;
    uint16_t message_type; /* of its entries */
    count_entry *count;
    void *tally;         /* what `count` counts into */
    long long filled_ms; /* CLOCK_MONOTONIC_COARSE when the kernel filled the datagram */
    struct failure failure;
};

/* Count the entries of one datagram; DONE: it ends the dump. It must be aligned as by malloc: its
 * parts, aligned to 4 bytes by NLMSG_ALIGN and NLA_ALIGN, are read in place. */
enum outcome walk_datagram(struct dump *dump, const uint8_t *at, size_t left);

/* Note that there is no memory to continue; return FAILED. */
enum outcome fail_out_of_memory(struct dump *dump) __attribute__((cold));
