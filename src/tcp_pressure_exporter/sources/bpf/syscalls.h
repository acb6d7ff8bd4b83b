/* The exporter's calls to bpf(2). Each sets errno if it fails. */
#ifndef SYSCALLS_H
#define SYSCALLS_H

#include <errno.h>
#include <linux/bpf.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

static inline long call_bpf(enum bpf_cmd command, union bpf_attr *attributes)
{
    return syscall(SYS_bpf, command, attributes, sizeof *attributes);
}

static inline bool update_map(int map, const void *key, const void *value)
{
    union bpf_attr attributes = {
        .map_fd = (uint32_t)map,
        .key = (uint64_t)(uintptr_t)key,
        .value = (uint64_t)(uintptr_t)value,
    };

    return call_bpf(BPF_MAP_UPDATE_ELEM, &attributes) == 0;
}

static inline bool look_up_in_map(int map, const void *key, void *value)
{
    union bpf_attr attributes = {
        .map_fd = (uint32_t)map,
        .key = (uint64_t)(uintptr_t)key,
        .value = (uint64_t)(uintptr_t)value,
    };

    return call_bpf(BPF_MAP_LOOKUP_ELEM, &attributes) == 0;
}

static inline void close_keeping_errno(int descriptor)
{
    int kept = errno;

    close(descriptor);
    errno = kept;
}

#endif
