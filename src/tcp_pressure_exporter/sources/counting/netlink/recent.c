#include "recent.h"

#include <stdlib.h>
#include <string.h>

#include "../core/growing_array.h"
#include "../core/time_wait.h"

static uint64_t cookie_at(const void *bytes)
{
    uint64_t cookie;

    memcpy(&cookie, bytes, sizeof cookie);
    return cookie;
}

static bool is_known(const struct recent *recent, uint64_t cookie)
{
    size_t low = 0, high = recent->known_bytes / sizeof cookie;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        uint64_t other = cookie_at(recent->known + middle * sizeof other);
        if (other == cookie)
            return true;
        if (other < cookie)
            low = middle + 1;
        else
            high = middle;
    }
    return false;
}

static bool add_cookie(struct recent *recent, uint64_t cookie)
{
    if (recent->count >= MAX_RECENT)
        return true;
    void *cookies = grown(recent->cookies, sizeof *recent->cookies, recent->count, &recent->room);
    if (!cookies)
        return false;
    recent->cookies = cookies;
    recent->cookies[recent->count++] = cookie;
    return true;
}

bool add_recent(struct recent *recent, uint64_t cookie, long long seen_ms, uint32_t age_ms,
                bool *entered)
{
    long long born_ms = seen_ms - age_ms;

    *entered = false;
    if (age_ms >= TCP_TIMEWAIT_LEN_MS) /* at least that old: it ends in a batch with others */
        return true;
    if (born_ms >= recent->since_ms - AGE_ERROR_MS)
        *entered = born_ms > recent->since_end_ms + AGE_ERROR_MS || !is_known(recent, cookie);
    return born_ms < recent->started_ms - 2 * AGE_ERROR_MS || add_cookie(recent, cookie);
}

static int compare_cookies(const void *left, const void *right)
{
    uint64_t a = cookie_at(left), b = cookie_at(right);

    return (a > b) - (a < b);
}

void sort_cookies(struct recent *recent)
{
    if (recent->count)
        qsort(recent->cookies, recent->count, sizeof *recent->cookies, compare_cookies);
}

void free_cookies(struct recent *recent)
{
    free(recent->cookies);
}
