#include "recent.h"

#include <stdlib.h>

#include "../core/growing_array.h"
#include "../core/time_wait.h"

static bool add_cookie(struct cookies *cookies, uint64_t cookie)
{
    if (cookies->count >= MAX_KNOWN)
        return true;
    void *all = grown(cookies->all, sizeof *cookies->all, cookies->count, &cookies->room);
    if (!all)
        return false;
    cookies->all = all;
    cookies->all[cookies->count++] = cookie;
    return true;
}

/* Tell whether the dump before did not see a cookie. Return false where there is no memory. */
static bool tell_unknown(struct recent *recent, uint64_t cookie, bool *unknown)
{
    if (!recent->known_set.slots &&
        !fill_cookie_set(&recent->known_set, recent->known, recent->known_bytes / sizeof cookie))
        return false;
    *unknown = !has_cookie(&recent->known_set, cookie);
    return true;
}

bool add_recent(struct recent *recent, uint64_t cookie, long long seen_ms, uint32_t age_ms,
                bool *entered)
{
    long long born_ms = seen_ms - age_ms;
    bool young = born_ms >= recent->started_ms - 2 * AGE_ERROR_MS;

    *entered = false;
    if (!add_cookie(young ? &recent->young : &recent->settled, cookie))
        return false;
    if (age_ms >= TCP_TIMEWAIT_LEN_MS) /* at least that old: it ends in a batch with others */
        return true;
    return born_ms < recent->since_ms - AGE_ERROR_MS || tell_unknown(recent, cookie, entered);
}

uint32_t settled_to_know(const struct recent *recent)
{
    uint32_t left = MAX_KNOWN - recent->young.count;

    return recent->settled.count < left ? recent->settled.count : left;
}

void free_recent(struct recent *recent)
{
    free(recent->young.all);
    free(recent->settled.all);
    free_cookie_set(&recent->known_set);
}
