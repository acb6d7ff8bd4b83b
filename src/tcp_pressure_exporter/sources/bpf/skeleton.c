#include "skeleton.h"

#include <errno.h>
#include <linux/bpf.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "syscalls.h"

/* What a loader program reads and writes: libbpf, gen_loader.c and skel_internal.h. */
struct loader_context {
    uint32_t size, flags, log_level, log_size;
    uint64_t log;
};

struct map_slot {
    int32_t descriptor;
    uint32_t max_entries;
    uint64_t initial_value;
};

struct context {
    struct loader_context loader;
    union {
        struct map_slot maps[MOST_PARTS];
        /* The programs' descriptors follow the last map, wherever that is. */
        int32_t words[MOST_PARTS * sizeof(struct map_slot) / sizeof(int32_t) + MOST_PARTS];
    };
};

static unsigned count_names(const char *const *names)
{
    unsigned count = 0;

    while (names[count])
        count++;
    return count;
}

/* Put the loader's data into its own map; return the map, or -1 with errno set. */
static int create_data_map(const struct skeleton *skeleton)
{
    union bpf_attr attributes = {
        .map_type = BPF_MAP_TYPE_ARRAY,
        .key_size = sizeof(uint32_t),
        .value_size = skeleton->data_size,
        .max_entries = 1,
    };
    uint32_t key = 0;
    int map = (int)call_bpf(BPF_MAP_CREATE, &attributes);

    if (map >= 0 && !update_map(map, &key, skeleton->data)) {
        close_keeping_errno(map);
        return -1;
    }
    return map;
}

static int load_loader(const struct skeleton *skeleton, int map)
{
    union bpf_attr attributes = {
        .prog_type = BPF_PROG_TYPE_SYSCALL,
        .insns = (uint64_t)(uintptr_t)skeleton->instructions,
        .insn_cnt = skeleton->instructions_size / sizeof(struct bpf_insn),
        .license = (uint64_t)(uintptr_t)"GPL",
        .fd_array = (uint64_t)(uintptr_t)&map,
        .prog_flags = BPF_F_SLEEPABLE,
    };

    return (int)call_bpf(BPF_PROG_LOAD, &attributes);
}

/* Run the loader. A negative result is the kernel's refusal; false with errno set. */
static bool run_loader(int program, struct context *context)
{
    union bpf_attr attributes = {
        .test.prog_fd = (uint32_t)program,
        .test.ctx_in = (uint64_t)(uintptr_t)context,
        .test.ctx_size_in = context->loader.size,
    };

    if (call_bpf(BPF_PROG_TEST_RUN, &attributes) < 0)
        return false;
    if ((int32_t)attributes.test.retval < 0) {
        errno = -(int32_t)attributes.test.retval;
        return false;
    }
    return true;
}

static bool load_into(const struct skeleton *skeleton, struct context *context)
{
    int map = create_data_map(skeleton);
    if (map < 0)
        return false;
    int program = load_loader(skeleton, map);
    bool loaded = program >= 0 && run_loader(program, context);

    if (program >= 0)
        close_keeping_errno(program);
    close_keeping_errno(map);
    return loaded;
}

int load_skeleton(const struct skeleton *skeleton, int *descriptors)
{
    unsigned maps = count_names(skeleton->maps), programs = count_names(skeleton->programs);
    size_t behind_maps = maps * sizeof(struct map_slot);
    struct context context = {0};

    context.loader.size =
        (uint32_t)(sizeof context.loader + behind_maps + programs * sizeof(int32_t));
    if (!load_into(skeleton, &context))
        return false;
    for (unsigned i = 0; i < maps; i++)
        descriptors[i] = context.maps[i].descriptor;
    memcpy(descriptors + maps, (const char *)context.words + behind_maps,
           programs * sizeof(int32_t));
    return true;
}
