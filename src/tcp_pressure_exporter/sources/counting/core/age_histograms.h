/* How many entries of a pool have each age, for many pools.
 *
 * Strategy: most pools have few entries of one age, so a histogram begins with a byte for each age.
 * The first age with more than fit moves it to 32 bits; its bytes are then lost until the end.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct age_histograms {
    uint32_t seconds; /* of each histogram: ages from 0; 0 if they are not known */
    uint8_t *narrow;  /* one after another */
    uint32_t narrow_count, narrow_room;
    uint32_t *wide; /* the same for those with more entries */
    uint32_t wide_count, wide_room;
};

/* One of them; 0: none. */
typedef uint32_t age_histogram;

/* Add one with no entries. Return false if out of memory. */
bool add_histogram(struct age_histograms *all, age_histogram *histogram);

/* Count an entry of this age. Return false if out of memory. */
bool count_age(struct age_histograms *all, age_histogram *histogram, uint32_t age);

/* Add what a histogram has counted to a sum. */
void add_ages(const struct age_histograms *all, age_histogram histogram, uint32_t *sum);

void free_histograms(struct age_histograms *all);
