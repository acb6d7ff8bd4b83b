/* Which TIME_WAIT entries are new to a dump: recent.py explains it. */
#pragma once
#include "cookie_set.h"

#define MAX_COOKIE_BLOCKS 65536 /* facts/tally.py */
#define AGE_ERROR_MS 500        /* facts/tally.py */

struct recent {
    /* of the previous dump */
    long long since_ms;
    const uint8_t *known; /* its cookies, as blocks */
    size_t known_bytes;
    struct cookie_set known_set; /* the same, once one is asked for */
    bool has_known_set;
    /* of this one */
    long long started_ms;
    struct cookie_set cookies;
};

/* Note a TIME_WAIT entry for the next dump, and tell whether it is new to this one.
 * seen_ms: when it had this age. over: its time is over, and it is waiting for the end of its
 * batch. Return false if out of memory. */
bool add_recent(struct recent *recent, uint64_t cookie, long long seen_ms, uint32_t age_ms,
                bool over, bool *entered);

void free_recent(struct recent *recent);
