/* A BPF object as bpftool packs it: a loader program and its data. The loader runs in the kernel,
 * where it creates the maps and loads the programs; libbpf is not needed.
 */
#ifndef SKELETON_H
#define SKELETON_H

#include <stdint.h>

#define MOST_PARTS 12

/* maps, programs: their names, in the order in which the loader returns their descriptors. */
struct skeleton {
    const char *name;
    const char *maps[MOST_PARTS + 1];
    const char *programs[MOST_PARTS + 1];
    uint32_t data_size;
    uint32_t instructions_size;
    const char *data;
    const char *instructions;
};

/* Load a skeleton: the descriptors of its maps, then those of its programs, go into `descriptors`,
 * which has room for all. On failure, return false with errno set, and leave nothing open. */
int load_skeleton(const struct skeleton *skeleton, int *descriptors);

#endif
