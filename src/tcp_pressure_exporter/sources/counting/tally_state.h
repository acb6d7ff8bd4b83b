/* What a dump is counted by, what has been counted so far, and what went wrong. */
#pragma once
#include <errno.h>
#include <stdio.h>
#include <linux/inet_diag.h>

#include "close_wait.h"
#include "pool_table.h"

#define LOOPBACK_IFINDEX 1 /* include/net/net_namespace.h */
#define TIME_WAIT 6        /* TCP_TIME_WAIT */
#define CLOSE_WAIT 8       /* TCP_CLOSE_WAIT */
#define LAST_STATE 11      /* TCP_CLOSING: the last that an entry may have here */
#define TIME_WAIT_MS 60000 /* TCP_TIMEWAIT_LEN */
#define BITMAP_BYTES 8192
#define AGES 61 /* whole seconds in TIME_WAIT, 0..60 */
#define MAX_ADDRESSES 1024
#define MAX_KEPT 4096
#define MAX_RECENT 65536
#define AGE_ERROR_MS 500

struct address { struct ip ip; uint8_t held[BITMAP_BYTES], live[BITMAP_BYTES]; };

enum outcome { MORE, DONE, FAILED };

struct tally {
    /* the rules */
    const uint8_t *usable, *blocked, *served;
    uint8_t chosen[BITMAP_BYTES]; /* the ports that connect() chose: usable, not blocked, not served */
    struct row_rules outbound_rows, inbound_rows;
    int everywhere, on_loopback; /* where a TIME_WAIT entry gives way to a new connection */
    int evicts; /* whether a closed entry of conntrack does */
    long long delay_ms, since_ms, since_end_ms; /* since: started_ms and ended_ms of the dump before */
    const uint8_t *known; /* its cookies, sorted, 8 bytes each */
    size_t known_bytes;
    long long started_ms;
    const char *name;      /* of the dump, in errors */
    unsigned message_type; /* of its entries */
    int ageless;           /* its entries do not tell when they entered TIME_WAIT */
    enum outcome (*add)(struct tally *t, const uint8_t *entry, uint32_t length);
    unsigned sequence, kept_states;
    uint64_t seed;
    long long now_ms; /* CLOCK_MONOTONIC_COARSE when the kernel filled the datagram */
    /* the result */
    uint64_t states[2][LAST_STATE + 1]; /* [IPv4 on the wire][state] */
    uint64_t close_wait[CAUSES]; /* by cause */
    struct pools outbound, inbound;
    uint8_t held[BITMAP_BYTES];
    struct address *addresses[MAX_ADDRESSES];
    uint16_t address_index[2 * MAX_ADDRESSES]; /* number + 1; 0 is free */
    uint32_t address_count;
    uint64_t address_overflow;
    uint32_t (*ages)[AGES], ages_count, ages_room;
    uint8_t *kept;
    size_t kept_bytes, kept_room;
    uint32_t kept_count;
    uint64_t kept_overflow;
    uint64_t *recent; /* the cookies of this dump's edge */
    uint32_t recent_count, recent_room;
    /* what went wrong: a reason, or an errno of the kernel's answer, or of a system call */
    const char *operation;
    char reason[96];
    int answered_errno, kernel_errno, call_errno;
};

#define FAIL(t, what, ...) \
    ((t)->operation = (what), snprintf((t)->reason, sizeof (t)->reason, __VA_ARGS__), FAILED)
