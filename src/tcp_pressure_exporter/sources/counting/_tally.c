/* The compiled form of readable.py, translated.py and bound.py, for Python's stable ABI.
 *
 * A dump is received and counted without the GIL: no Python object is touched between the first
 * datagram and the last. compiled.py packs the arguments and unpacks the results.
 */
#include "python_results.h" /* first, for Python.h */

#include <errno.h>
#include <linux/inet_diag.h>
#include <stdlib.h>

#include "../bpf/walk/collecting.h"
#include "../bpf/walk/walking.h"
#include "bound_results.h"
#include "core/nat_tally.h"
#include "netlink/conntrack_entry.h"
#include "netlink/inet_diag_entry.h"
#include "netlink/listener_entry.h"
#include "netlink/receiving.h"

/* Count what a source holds: DONE, or FAILED with a failure noted or an exception raised. */
typedef enum outcome read_source(struct dump *dump, PyObject *source,
                                 const struct timeouts *timeouts);

/* The source is the descriptor of a socket. */
static enum outcome read_socket(struct dump *dump, PyObject *source,
                                const struct timeouts *timeouts)
{
    double end_seconds = seconds_now() + timeouts->dump_seconds;
    enum outcome outcome = FAILED;
    int fd = (int)PyLong_AsLong(source);

    if (PyErr_Occurred())
        return FAILED;
    uint8_t *buffer = malloc(DATAGRAM_BYTES);
    if (!buffer)
        return fail_out_of_memory(dump);
    do {
        dump->failure.call_errno = 0;
        Py_BEGIN_ALLOW_THREADS
        outcome = receive_dump(dump, fd, buffer, timeouts, end_seconds);
        Py_END_ALLOW_THREADS
    } while (dump->failure.call_errno == EINTR && PyErr_CheckSignals() == 0);
    free(buffer);
    return outcome;
}

static enum outcome read_datagram(struct dump *dump, PyObject *datagram)
{
    const char *bytes;
    Py_ssize_t length;

    if (!PyArg_ParseTuple(datagram, "Ly#", &dump->filled_ms, &bytes, &length))
        return FAILED;
    return walk_datagram(dump, (const uint8_t *)bytes, (size_t)length);
}

/* The source is a sequence of (ms when it was filled, datagram). */
static enum outcome read_datagrams(struct dump *dump, PyObject *source,
                                   const struct timeouts *timeouts)
{
    Py_ssize_t count = PySequence_Size(source);

    (void)timeouts;
    if (count < 0)
        return FAILED;
    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *datagram = PySequence_GetItem(source, i);
        enum outcome outcome = datagram ? read_datagram(dump, datagram) : FAILED;
        Py_XDECREF(datagram);
        if (outcome != MORE)
            return outcome;
    }
    return fail(&dump->failure, "netlink dump", "the answer ended before NLMSG_DONE");
}

/* Converters for PyArg_ParseTuple; the arguments own what they point to. */

static int to_row_rules(PyObject *object, void *into)
{
    struct row_rules *rules = into;
    Py_ssize_t watched, groups;

    if (!PyArg_ParseTuple(object, "IIIy#y#", &rules->min_used, &rules->max_rows,
                          &rules->whole_from, &rules->watched, &watched, &rules->groups, &groups))
        return 0;
    rules->watched_bytes = (size_t)watched;
    rules->groups_bytes = (size_t)groups;
    return 1;
}

static int to_port_set(PyObject *object, void *into)
{
    const uint8_t **set = into;
    Py_ssize_t bytes = PyBytes_Size(object);

    *set = bytes == BITMAP_BYTES ? (const uint8_t *)PyBytes_AsString(object) : NULL;
    if (!*set && !PyErr_Occurred())
        PyErr_SetString(PyExc_TypeError, "a port set has 8192 bytes");
    return *set != NULL;
}

static int to_networks(PyObject *object, void *into)
{
    struct network_list *networks = into;

    networks->packed = (const uint8_t *)PyBytes_AsString(object);
    networks->bytes = networks->packed ? (size_t)PyBytes_Size(object) : 0;
    return networks->packed != NULL;
}

/* Parse the arguments of tally_socket, and of everything that counts sockets: _tally.pyi. */
static bool parse_sockets(PyObject *arguments, PyObject **source, struct timeouts *timeouts,
                          struct dump *dump, struct inet_diag_tally *tally)
{
    struct socket_tally *sockets = &tally->sockets;
    struct reuse *reuse = &sockets->reuse;
    struct recent *recent = &tally->recent;
    Py_ssize_t known;
    unsigned long long seed;

    if (!PyArg_ParseTuple(
            arguments, "OI(ddL)((O&O&O&)(O&O&)(ppLpII)(Ly#)(O&O&O&O&))(IK)", source,
            &dump->sequence, &timeouts->answer_seconds, &timeouts->dump_seconds,
            &recent->started_ms, to_port_set, &sockets->usable, to_port_set, &sockets->blocked,
            to_port_set, &sockets->served, to_networks, &sockets->own, to_networks,
            &sockets->sources, &reuse->everywhere, &reuse->on_loopback, &reuse->delay_ms,
            &reuse->whole_seconds, &sockets->lengths.shorter_ms, &sockets->lengths.longer_ms,
            &recent->since_ms, &recent->known, &known, to_row_rules, &sockets->outbound.rows,
            to_row_rules, &sockets->inbound.rows, to_row_rules, &sockets->privileged.rows,
            to_row_rules, &sockets->explicit.rows, &tally->kept.states, &seed))
        return false;
    if (sockets->lengths.shorter_ms > sockets->lengths.longer_ms ||
        sockets->lengths.longer_ms > MAX_LENGTH_MS) {
        PyErr_SetString(PyExc_TypeError, "TIME_WAIT lasts up to 600000 ms");
        return false;
    }
    recent->known_bytes = (size_t)known;
    dump->filled_ms = recent->started_ms;
    prepare_socket_tally(sockets, seed);
    return true;
}

static PyObject *raise_out_of_memory(struct dump *dump)
{
    fail_out_of_memory(dump);
    return raise_failure(&dump->failure);
}

static PyObject *count_sockets(PyObject *arguments, struct dump *dump, read_source *read)
{
    struct inet_diag_tally *tally = dump->tally;
    struct timeouts timeouts;
    PyObject *source;

    if (!parse_sockets(arguments, &source, &timeouts, dump, tally))
        return NULL;
    if (read(dump, source, &timeouts) == FAILED)
        return raise_failure(&dump->failure);
    if (!finish_inet_diag_tally(tally))
        return raise_out_of_memory(dump);
    const struct cookie_set *cookies = &tally->recent.cookies;
    const struct known_entries seen = {
        .packed = cookies->blocks,
        .bytes = cookies->count * sizeof *cookies->blocks,
    };
    PyObject *edge = edge_result(&tally->recent, &seen, dump->filled_ms);
    free_recent(&tally->recent); /* as large as the edge */
    return sockets_result(tally, edge);
}

static PyObject *tally_sockets(PyObject *arguments, read_source *read)
{
    struct dump dump = {
        .name = "sock_diag dump",
        .message_type = TCPDIAG_GETSOCK,
        .count = count_inet_diag_entry,
        .tally = calloc(1, sizeof(struct inet_diag_tally)),
    };

    if (!dump.tally)
        return raise_out_of_memory(&dump);
    PyObject *result = count_sockets(arguments, &dump, read);
    free_inet_diag_tally(dump.tally);
    free(dump.tally);
    return result;
}

/* The source is (descriptor of the program, descriptor of its map, ticks per second). */
static enum outcome read_walk(struct dump *dump, PyObject *source, const struct timeouts *timeouts)
{
    struct walk_tally *tally = dump->tally;
    struct walker walker = {.take = count_found};
    enum outcome outcome;

    (void)timeouts;
    if (!PyArg_ParseTuple(source, "iiI", &walker.program, &walker.map, &tally->hz))
        return FAILED;
    Py_BEGIN_ALLOW_THREADS
    outcome = walk_table(dump, &walker);
    Py_END_ALLOW_THREADS
    return outcome;
}

/* Count what was found in some chains: (number of the block, ms, connections, those of them in
 * CLOSE_WAIT). */
static enum outcome read_found(struct dump *dump, PyObject *chains)
{
    const char *connections, *close_waits;
    Py_ssize_t connection_bytes, close_wait_bytes;
    struct found found;

    if (!PyArg_ParseTuple(chains, "ILy#y#", &found.block, &found.now_ms, &connections,
                          &connection_bytes, &close_waits, &close_wait_bytes))
        return FAILED;
    found.connections = (const void *)connections;
    found.close_waits = (const void *)close_waits;
    found.connection_count = (uint32_t)((size_t)connection_bytes / sizeof *found.connections);
    found.close_wait_count = (uint32_t)((size_t)close_wait_bytes / sizeof *found.close_waits);
    dump->filled_ms = found.now_ms;
    return count_found(dump, &found);
}

/* The source is (ticks per second, a sequence of what was found in chains). */
static enum outcome read_all_found(struct dump *dump, PyObject *source,
                                   const struct timeouts *timeouts)
{
    struct walk_tally *tally = dump->tally;
    enum outcome outcome = MORE;
    PyObject *all;

    (void)timeouts;
    if (!PyArg_ParseTuple(source, "IO", &tally->hz, &all))
        return FAILED;
    Py_ssize_t count = PySequence_Size(all);
    if (count < 0)
        return FAILED;
    for (Py_ssize_t i = 0; i < count && outcome == MORE; i++) {
        PyObject *chains = PySequence_GetItem(all, i);
        outcome = chains ? read_found(dump, chains) : FAILED;
        Py_XDECREF(chains);
    }
    return outcome;
}

/* Walk the table for all network namespaces. */
static enum outcome collect(struct dump *dump, struct walker *walker)
{
    enum outcome outcome;

    walker->everywhere = true;
    walker->take = collect_found;
    Py_BEGIN_ALLOW_THREADS
    outcome = walk_table(dump, walker);
    Py_END_ALLOW_THREADS
    return outcome;
}

static PyObject *collect_connections(PyObject *module, PyObject *arguments)
{
    struct collection collection = {0};
    struct dump dump = {.name = "BPF walk", .tally = &collection};
    struct walker walker;
    const char *inodes;
    Py_ssize_t bytes;
    unsigned hz;

    (void)module;
    if (!PyArg_ParseTuple(arguments, "(iiI)y#", &walker.program, &walker.map, &hz, &inodes,
                          &bytes))
        return NULL;
    PyObject *result = NULL;
    if (!prepare_collection(&collection, (const uint8_t *)inodes, (size_t)bytes))
        raise_out_of_memory(&dump);
    else if (collect(&dump, &walker) == FAILED)
        raise_failure(&dump.failure);
    else
        result = collection_result(&collection);
    free_collection(&collection);
    return result;
}

static PyObject *count_walk(PyObject *arguments, struct dump *dump, read_source *read)
{
    struct walk_tally *tally = dump->tally;
    struct identities *identities = &tally->identities;
    struct timeouts timeouts;
    PyObject *source;

    if (!parse_sockets(arguments, &source, &timeouts, dump, &tally->entries))
        return NULL;
    identities->known = tally->entries.recent.known;
    identities->known_bytes = tally->entries.recent.known_bytes;
    if (read(dump, source, &timeouts) == FAILED)
        return raise_failure(&dump->failure);
    if (!finish_inet_diag_tally(&tally->entries))
        return raise_out_of_memory(dump);
    const struct known_entries seen = {
        .packed = identities->packed,
        .bytes = identities->words * sizeof *identities->packed,
    };
    PyObject *edge = edge_result(&tally->entries.recent, &seen, dump->filled_ms);
    free_identities(identities); /* as large as the edge */
    return sockets_result(&tally->entries, edge);
}

static PyObject *tally_walk(PyObject *arguments, read_source *read)
{
    struct walk_tally *tally = calloc(1, sizeof *tally);
    struct dump dump = {.name = "BPF walk", .tally = tally};

    if (!tally)
        return raise_out_of_memory(&dump);
    PyObject *result = count_walk(arguments, &dump, read);
    free_inet_diag_tally(&tally->entries);
    free_identities(&tally->identities);
    free(tally);
    return result;
}

/* Parse the arguments of tally_nat_socket and tally_nat_datagrams: _tally.pyi. */
static bool parse_nat(PyObject *arguments, PyObject **source, struct timeouts *timeouts,
                      struct dump *dump, struct nat_tally *tally, unsigned long long *seed)
{
    const char *listed;
    Py_ssize_t listed_bytes;

    if (!PyArg_ParseTuple(arguments, "OI(dd)O&ppy#K", source, &dump->sequence,
                          &timeouts->answer_seconds, &timeouts->dump_seconds, to_row_rules,
                          &tally->pools.rows, &tally->evicts, &tally->translated, &listed,
                          &listed_bytes, seed))
        return false;
    tally->listed.rows.watched = (const uint8_t *)listed;
    tally->listed.rows.watched_bytes = (size_t)listed_bytes;
    return true;
}

static PyObject *count_nat(PyObject *arguments, struct dump *dump, read_source *read)
{
    struct nat_tally *tally = dump->tally;
    struct timeouts timeouts;
    unsigned long long seed;
    PyObject *source;

    if (!parse_nat(arguments, &source, &timeouts, dump, tally, &seed))
        return NULL;
    if (!prepare_nat_tally(tally, seed))
        return raise_out_of_memory(dump);
    if (read(dump, source, &timeouts) == FAILED)
        return raise_failure(&dump->failure);
    if (!finish_nat_tally(tally))
        return raise_out_of_memory(dump);
    return nat_result(tally);
}

static PyObject *tally_nat(PyObject *arguments, read_source *read)
{
    struct nat_tally tally = {0};
    struct dump dump = {
        .name = "ctnetlink dump",
        .message_type = CT_NEW,
        .count = count_conntrack_entry,
        .tally = &tally,
    };
    PyObject *result = count_nat(arguments, &dump, read);

    free_nat_tally(&tally);
    return result;
}

/* Parse the arguments of tally_bound_socket and tally_bound_datagrams: _tally.pyi. */
static bool parse_bound(PyObject *arguments, PyObject **source, struct timeouts *timeouts,
                        struct dump *dump, struct listener_tally *tally)
{
    const uint8_t *watched;
    Py_ssize_t usable, watched_bytes;
    unsigned long long seed;

    if (!PyArg_ParseTuple(arguments, "OI(dd)y#y#K", source, &dump->sequence,
                          &timeouts->answer_seconds, &timeouts->dump_seconds, &tally->usable,
                          &usable, &watched, &watched_bytes, &seed))
        return false;
    if (usable != BITMAP_BYTES) {
        PyErr_SetString(PyExc_TypeError, "a port set has 8192 bytes");
        return false;
    }
    prepare_listener_tally(tally, seed, watched, (size_t)watched_bytes);
    return true;
}

static PyObject *count_bound(PyObject *arguments, struct dump *dump, read_source *read)
{
    struct timeouts timeouts;
    PyObject *source;

    if (!parse_bound(arguments, &source, &timeouts, dump, dump->tally))
        return NULL;
    if (read(dump, source, &timeouts) == FAILED)
        return raise_failure(&dump->failure);
    return bound_result(dump->tally);
}

static PyObject *tally_bound(PyObject *arguments, read_source *read)
{
    struct dump dump = {
        .name = "sock_diag dump",
        .message_type = TCPDIAG_GETSOCK,
        .count = count_listener_entry,
        .tally = calloc(1, sizeof(struct listener_tally)),
    };

    if (!dump.tally)
        return raise_out_of_memory(&dump);
    PyObject *result = count_bound(arguments, &dump, read);
    free_listener_tally(dump.tally);
    free(dump.tally);
    return result;
}

static PyObject *tally_socket(PyObject *module, PyObject *arguments)
{
    (void)module;
    return tally_sockets(arguments, read_socket);
}

static PyObject *tally_datagrams(PyObject *module, PyObject *arguments)
{
    (void)module;
    return tally_sockets(arguments, read_datagrams);
}

static PyObject *tally_connections(PyObject *module, PyObject *arguments)
{
    (void)module;
    return tally_walk(arguments, read_walk);
}

static PyObject *tally_found(PyObject *module, PyObject *arguments)
{
    (void)module;
    return tally_walk(arguments, read_all_found);
}

static PyObject *tally_nat_socket(PyObject *module, PyObject *arguments)
{
    (void)module;
    return tally_nat(arguments, read_socket);
}

static PyObject *tally_nat_datagrams(PyObject *module, PyObject *arguments)
{
    (void)module;
    return tally_nat(arguments, read_datagrams);
}

static PyObject *tally_bound_socket(PyObject *module, PyObject *arguments)
{
    (void)module;
    return tally_bound(arguments, read_socket);
}

static PyObject *tally_bound_datagrams(PyObject *module, PyObject *arguments)
{
    (void)module;
    return tally_bound(arguments, read_datagrams);
}

static PyMethodDef METHODS[] = {
    {"tally_socket", tally_socket, METH_VARARGS,
     "Drain the dump that was asked for on a netlink socket."},
    {"tally_datagrams", tally_datagrams, METH_VARARGS,
     "Count recorded datagrams: (ms when filled, bytes)."},
    {"tally_connections", tally_connections, METH_VARARGS,
     "Walk the kernel's table of connections by a BPF program."},
    {"collect_connections", collect_connections, METH_VARARGS,
     "Return what a walk has found of some network namespaces."},
    {"tally_found", tally_found, METH_VARARGS, "Count what such a walk has found."},
    {"tally_nat_socket", tally_nat_socket, METH_VARARGS,
     "The same for connections of conntrack."},
    {"tally_nat_datagrams", tally_nat_datagrams, METH_VARARGS, "And for recorded datagrams of it."},
    {"tally_bound_socket", tally_bound_socket, METH_VARARGS,
     "The same for sockets that listen or are bound only."},
    {"tally_bound_datagrams", tally_bound_datagrams, METH_VARARGS,
     "And for recorded datagrams of it."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef MODULE = {
    PyModuleDef_HEAD_INIT,
    .m_name = "_tally",
    .m_doc = "The compiled form of readable, translated and bound.",
    .m_size = 0,
    .m_methods = METHODS,
};

PyMODINIT_FUNC PyInit__tally(void)
{
    return PyModuleDef_Init(&MODULE);
}
