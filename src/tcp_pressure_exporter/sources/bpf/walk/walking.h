/* A walk over the kernel's connection table. Knows nothing about Python. */
#pragma once
#include "walked_entry.h"

/* Take what was found in some chains into the dump: MORE or FAILED. */
typedef enum outcome take_found(struct dump *dump, const struct found *found);

/* program, map: descriptors of the program and of the map that it fills. everywhere: take the
 * connections of all network namespaces that share the table. */
struct walker {
    int program, map;
    bool everywhere;
    take_found *take;
};

/* Walk the whole table of the calling thread's network namespace and take its contents: DONE or
 * FAILED. */
enum outcome walk_table(struct dump *dump, const struct walker *walker);
