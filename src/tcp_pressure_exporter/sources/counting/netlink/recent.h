/* Which TIME_WAIT entries are new to a dump: recent.py explains it. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MAX_RECENT 65536 /* facts/tally.py */
#define AGE_ERROR_MS 500 /* facts/tally.py */

struct recent {
    /* of the dump before */
    long long since_ms, since_end_ms;
    const uint8_t *known; /* its cookies, sorted, 8 bytes each */
    size_t known_bytes;
    /* of this one */
    long long started_ms;
    uint64_t *cookies;
    uint32_t count, room;
};

/* Note a TIME_WAIT entry that the next dump may doubt, and tell whether it is new to this one.
 * seen_ms: when it was of this age. Return false where there is no memory. */
bool add_recent(struct recent *recent, uint64_t cookie, long long seen_ms, uint32_t age_ms,
                bool *entered);

/* Sort the cookies, as the next dump wants them. */
void sort_cookies(struct recent *recent);

void free_cookies(struct recent *recent);
