/* The counts, and what went wrong, as the Python objects that compiled.py unpacks.
 *
 * Each returns a new reference, or NULL with an exception.
 */
#pragma once
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "../bpf/walk/collecting.h"
#include "core/nat_tally.h"
#include "netlink/inet_diag_entry.h"
#include "netlink/outcome.h"

/* Return a bitmap without the zeros at its end: most sets have few ports or none. */
PyObject *bitmap_result(const uint8_t bitmap[BITMAP_BYTES]);

/* Return (rows, others, overflow): a row is (key, ports, time_wait, reclaimable, entered, ages),
 * others (pools, most used, ports, time_wait, reclaimable, entered, ages). */
PyObject *pools_result(const struct pool_table *table);

/* Return (pools, clients): the latter rows of (key, ports, ...), with the client as local address
 * and the place of its pool as scope. */
PyObject *nat_result(const struct nat_tally *tally);

/* The entries seen in TIME_WAIT, in the form that the next dump needs. */
struct known_entries {
    const void *packed;
    size_t bytes;
};

/* Return the edge of a dump (class Edge); ended_ms: when the last datagram was filled. */
PyObject *edge_result(const struct recent *recent, const struct known_entries *seen,
                      long long ended_ms);

/* Return what a finished tally has counted, with its edge, which it owns from now on; NULL if that
 * is NULL. */
PyObject *sockets_result(const struct inet_diag_tally *tally, PyObject *edge);

/* Return a list of (inode of a namespace, list of what was found in chains: tally_found). */
PyObject *collection_result(const struct collection *collection);

/* Raise OSError, or ValueError(operation, reason): an int is an errno in the kernel's answer.
 * Leaves an earlier exception as it is. Returns NULL. */
PyObject *raise_failure(const struct failure *failure);
