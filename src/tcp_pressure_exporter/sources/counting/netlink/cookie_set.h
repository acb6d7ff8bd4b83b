/* A set of socket cookies, built once and asked often. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cookie_set {
    uint64_t *slots; /* open addressing, 0 for a free one; NULL before it was built */
    unsigned int shift;
    bool has_zero;
};

/* Fill an empty set with the cookies of an array that may lie at any address, 8 bytes each.
 * Return false where there is no memory. */
bool fill_cookie_set(struct cookie_set *set, const uint8_t *cookies, size_t count);

bool has_cookie(const struct cookie_set *set, uint64_t cookie);

void free_cookie_set(struct cookie_set *set);
