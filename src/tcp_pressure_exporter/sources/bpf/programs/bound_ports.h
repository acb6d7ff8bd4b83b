/* The maps of the two programs that walk the hash table of bound ports. */
#ifndef BOUND_PORTS_H
#define BOUND_PORTS_H

#define PORTS 65536
#define MOST_ELSEWHERE 64 /* other network namespaces */

/* Bit p & 7 of byte p >> 3 for port p. The caller clears it. The first bitmap is for the calling
 * thread's namespace. */
struct port_bitmap {
    __u8 bytes[PORTS / 8];
};

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1 + MOST_ELSEWHERE);
    __type(key, __u32);
    __type(value, struct port_bitmap);
} skipped_ports SEC(".maps");

/* The index of each other namespace's bitmap, by the namespace's inode. */
struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, MOST_ELSEWHERE);
    __type(key, __u32);
    __type(value, __u32);
} elsewhere SEC(".maps");

/* Note that a port is skipped: in the first bitmap, or in that of an inode, if it has one. Not
 * inlined, so that the verifier follows its branches only once. */
__noinline int add_port(__u32 is_first, __u32 inode, __u32 port)
{
    __u32 first = 0, *place = is_first ? &first : bpf_map_lookup_elem(&elsewhere, &inode);
    struct port_bitmap *found = place ? bpf_map_lookup_elem(&skipped_ports, place) : NULL;

    if (found && port < PORTS)
        found->bytes[port >> 3] |= 1 << (port & 7);
    return 0;
}

#endif
