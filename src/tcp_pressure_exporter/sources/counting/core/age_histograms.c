#include "age_histograms.h"

#include <stdlib.h>
#include <string.h>

#include "growing_array.h"

/* A histogram is its place, from 1, times two; odd if it is wide. */
#define WIDE 1u

static uint32_t place_of(age_histogram histogram)
{
    return (histogram >> 1) - 1;
}

static uint8_t *narrow_of(const struct age_histograms *all, age_histogram histogram)
{
    return all->narrow + (size_t)place_of(histogram) * all->seconds;
}

static uint32_t *wide_of(const struct age_histograms *all, age_histogram histogram)
{
    return all->wide + (size_t)place_of(histogram) * all->seconds;
}

bool add_histogram(struct age_histograms *all, age_histogram *histogram)
{
    void *narrow = grown(all->narrow, all->seconds, all->narrow_count, &all->narrow_room);

    if (!narrow)
        return false;
    all->narrow = narrow;
    *histogram = ++all->narrow_count << 1;
    memset(narrow_of(all, *histogram), 0, all->seconds);
    return true;
}

static bool widen(struct age_histograms *all, age_histogram *histogram)
{
    size_t bytes = all->seconds * sizeof *all->wide;
    void *wide = grown(all->wide, bytes, all->wide_count, &all->wide_room);
    const uint8_t *from = narrow_of(all, *histogram);

    if (!wide)
        return false;
    all->wide = wide;
    *histogram = ++all->wide_count << 1 | WIDE;
    uint32_t *to = wide_of(all, *histogram);
    for (uint32_t age = 0; age < all->seconds; age++)
        to[age] = from[age];
    return true;
}

bool count_age(struct age_histograms *all, age_histogram *histogram, uint32_t age)
{
    if (!(*histogram & WIDE)) {
        uint8_t *count = &narrow_of(all, *histogram)[age];
        if (*count < UINT8_MAX) {
            (*count)++;
            return true;
        }
        if (!widen(all, histogram))
            return false;
    }
    wide_of(all, *histogram)[age]++;
    return true;
}

void add_ages(const struct age_histograms *all, age_histogram histogram, uint32_t *sum)
{
    for (uint32_t age = 0; age < all->seconds; age++)
        sum[age] += histogram & WIDE ? wide_of(all, histogram)[age]
                                     : narrow_of(all, histogram)[age];
}

void free_histograms(struct age_histograms *all)
{
    free(all->narrow);
    free(all->wide);
}
