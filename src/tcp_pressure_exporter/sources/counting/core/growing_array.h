/* Arrays that double where they are full. */
#pragma once
#include <stddef.h>
#include <stdint.h>

/* Return the array with room for one element more; NULL where there is no memory, and the old one
 * stays valid then. */
void *grown(void *array, size_t element_bytes, uint32_t count, uint32_t *room);
