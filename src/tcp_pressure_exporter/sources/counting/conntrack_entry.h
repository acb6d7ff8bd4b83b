/* An entry of ctnetlink, counted into its NAT pool: readable_conntrack.py explains it.
 *
 * Source of the structures: linux/netfilter/nfnetlink.h (nfgenmsg), nfnetlink_conntrack.h,
 * linux/netlink.h (nlattr).
 */
#pragma once
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tcp.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <netinet/in.h>

#include "netlink_walk.h"

#define CT_NEW (NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_NEW)
#define LAST_WANTED 4 /* attributes beyond it are passed over */

struct value { const uint8_t *at; uint32_t length; };

static const char CONNTRACK[] = "ctnetlink message";

/* Find the attributes 1 to LAST_WANTED; of several of a kind the last. */
static enum outcome find_attributes(struct tally *t, struct value in, struct value found[LAST_WANTED + 1])
{
    memset(found, 0, (LAST_WANTED + 1) * sizeof *found);
    while (in.length >= sizeof(struct nlattr)) {
        struct nlattr a;
        memcpy(&a, in.at, sizeof a);
        if (a.nla_len < sizeof a || a.nla_len > in.length)
            return FAIL(t, CONNTRACK, "attribute length %u, %u bytes left", a.nla_len, in.length);
        unsigned kind = a.nla_type & NLA_TYPE_MASK;
        if (kind <= LAST_WANTED) found[kind] = (struct value){in.at + sizeof a, a.nla_len - (uint32_t)sizeof a};
        uint32_t step = NLA_ALIGN((uint32_t)a.nla_len);
        if (step >= in.length) break;
        in.at += step, in.length -= step;
    }
    return MORE;
}

/* Check that an attribute is there and, unless 0, its size. */
static enum outcome check(struct tally *t, const struct value *found, unsigned kind, uint32_t size)
{
    if (!found[kind].at) return FAIL(t, CONNTRACK, "an entry without attribute %u", kind);
    if (size && found[kind].length != size)
        return FAIL(t, CONNTRACK, "attribute %u has %u bytes, not %u", kind, found[kind].length, size);
    return MORE;
}

static enum outcome find_in(struct tally *t, const struct value *outer, unsigned kind, struct value found[LAST_WANTED + 1])
{
    return check(t, outer, kind, 0) == FAILED ? FAILED : find_attributes(t, outer[kind], found);
}

static enum outcome address_at(struct tally *t, const struct value *found, unsigned v4, unsigned v6, struct ip *ip)
{
    unsigned kind = found[v4].at ? v4 : v6;
    __be32 words[4] = {0};
    if (check(t, found, kind, kind == v4 ? 4 : 16) == FAILED) return FAILED;
    memcpy(words, found[kind].at, found[kind].length);
    *ip = normalised(kind == v4 ? AF_INET : AF_INET6, words);
    return MORE;
}

/* conntrack's state of the connection; that of one in a flow table is not told. */
static enum outcome state_of(struct tally *t, const struct value *entry, unsigned *state)
{
    struct value info[LAST_WANTED + 1], tcp[LAST_WANTED + 1];
    *state = TCP_CONNTRACK_NONE;
    if (!entry[CTA_PROTOINFO].at) return MORE;
    if (find_attributes(t, entry[CTA_PROTOINFO], info) == FAILED || find_in(t, info, CTA_PROTOINFO_TCP, tcp) == FAILED ||
        check(t, tcp, CTA_PROTOINFO_TCP_STATE, 1) == FAILED)
        return FAILED;
    *state = *tcp[CTA_PROTOINFO_TCP_STATE].at;
    return MORE;
}

static enum outcome add_conntrack(struct tally *t, const uint8_t *payload, uint32_t length)
{
    struct value entry[LAST_WANTED + 1], reply[LAST_WANTED + 1], protocol[LAST_WANTED + 1], addresses[LAST_WANTED + 1];
    uint32_t header = length < sizeof(struct nfgenmsg) ? length : (uint32_t)sizeof(struct nfgenmsg), status;
    if (find_attributes(t, (struct value){payload + header, length - header}, entry) == FAILED ||
        check(t, entry, CTA_STATUS, 4) == FAILED)
        return FAILED;
    memcpy(&status, entry[CTA_STATUS].at, sizeof status);
    if (!(ntohl(status) & IPS_SRC_NAT)) return MORE;
    if (find_in(t, entry, CTA_TUPLE_REPLY, reply) == FAILED || find_in(t, reply, CTA_TUPLE_PROTO, protocol) == FAILED ||
        check(t, protocol, CTA_PROTO_NUM, 1) == FAILED)
        return FAILED;
    if (*protocol[CTA_PROTO_NUM].at != IPPROTO_TCP) return MORE;
    struct key key = {0};
    unsigned state;
    if (find_in(t, reply, CTA_TUPLE_IP, addresses) == FAILED ||
        address_at(t, addresses, CTA_IP_V4_DST, CTA_IP_V6_DST, &key.local) == FAILED ||
        address_at(t, addresses, CTA_IP_V4_SRC, CTA_IP_V6_SRC, &key.remote) == FAILED ||
        check(t, protocol, CTA_PROTO_SRC_PORT, 2) == FAILED || state_of(t, entry, &state) == FAILED)
        return FAILED;
    memcpy(&key.port, protocol[CTA_PROTO_SRC_PORT].at, sizeof key.port);
    int failed = 0;
    struct pool *pool = pool_of(&t->outbound, &key, t->seed, &failed);
    if (failed) return no_memory(t);
    if (!pool) return MORE;
    pool->ports++;
    pool->time_wait += state == TCP_CONNTRACK_TIME_WAIT;
    pool->reclaimable += t->evicts && state >= TCP_CONNTRACK_TIME_WAIT;
    return MORE;
}
