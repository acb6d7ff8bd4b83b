#include "recent.h"

/* Tell whether a cookie was missing from the previous dump. Return false if out of memory. */
static bool tell_unknown(struct recent *recent, uint64_t cookie, bool *unknown)
{
    size_t blocks = recent->known_bytes / sizeof(struct cookie_block);

    if (!recent->has_known_set && !add_cookie_blocks(&recent->known_set, recent->known, blocks))
        return false;
    recent->has_known_set = true;
    *unknown = !has_cookie(&recent->known_set, cookie);
    return true;
}

bool add_recent(struct recent *recent, uint64_t cookie, long long seen_ms, uint32_t age_ms,
                bool over, bool *entered)
{
    long long born_ms = seen_ms - age_ms;
    bool young = born_ms >= recent->started_ms - 2 * AGE_ERROR_MS;

    *entered = false;
    if (!add_cookie(&recent->cookies, cookie, young ? MAX_COOKIE_BLOCKS : MAX_COOKIE_BLOCKS / 2))
        return false;
    if (over || born_ms < recent->since_ms - AGE_ERROR_MS)
        return true;
    return tell_unknown(recent, cookie, entered);
}

void free_recent(struct recent *recent)
{
    free_cookie_set(&recent->known_set);
    free_cookie_set(&recent->cookies);
}
