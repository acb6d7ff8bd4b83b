/* The compiled form of readable_tally.py for Python: tally_core.h without the GIL.
 *
 * No Python object is touched between the first datagram and the last.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "tally_core.h"

static enum outcome drain_without_gil(struct tally *t, int fd, const double *seconds)
{
    enum outcome outcome = FAILED;
    double end = seconds_now() + seconds[1];
    uint8_t *buffer = malloc(DATAGRAM_BYTES);
    if (!buffer) return no_memory(t);
    do {
        t->call_errno = 0;
        Py_BEGIN_ALLOW_THREADS
        outcome = drain(t, fd, buffer, seconds, end);
        Py_END_ALLOW_THREADS
    } while (t->call_errno == EINTR && PyErr_CheckSignals() == 0);
    free(buffer);
    return outcome;
}

static PyObject *ages_of(const struct tally *t, const struct pool *pool)
{
    uint32_t ages[AGES] = {0};
    add_ages(t, pool, ages);
    return PyBytes_FromStringAndSize((const char *)ages, sizeof ages);
}

/* (rows, (pools, most used, ports, time_wait, reclaimable, entered, ages) of the others, overflow) */
static PyObject *pools_result(const struct tally *t, const struct pools *pools, uint32_t max_rows)
{
    long long threshold = row_threshold(pools, max_rows);
    unsigned long long count = 0, most = 0, ports = 0, time_wait = 0, reclaimable = 0, entered = 0;
    uint32_t ages[AGES] = {0};
    PyObject *rows = PyList_New(0);
    for (uint32_t i = 0; rows && i < pools->count; i++) {
        const struct pool *pool = &pools->all[i];
        if (used_of(pool) <= threshold && !pool->watched) {
            add_ages(t, pool, ages);
            count++, ports += pool->ports, time_wait += pool->time_wait;
            reclaimable += pool->reclaimable, entered += pool->entered;
            if (used_of(pool) > most) most = used_of(pool);
            continue;
        }
        PyObject *row = Py_BuildValue("(y#IIIIN)", (const char *)&pool->key, (Py_ssize_t)sizeof pool->key,
                                      pool->ports, pool->time_wait, pool->reclaimable, pool->entered,
                                      ages_of(t, pool));
        if (!row || PyList_Append(rows, row) < 0) Py_CLEAR(rows);
        Py_XDECREF(row);
    }
    if (!rows) return NULL;
    return Py_BuildValue("(N(KKKKKKy#)K)", rows, count, most, ports, time_wait, reclaimable, entered,
                         (const char *)ages, (Py_ssize_t)sizeof ages, (unsigned long long)pools->overflow);
}

static PyObject *addresses_result(const struct tally *t)
{
    PyObject *list = PyList_New(t->address_count);
    for (uint32_t i = 0; list && i < t->address_count; i++) {
        const struct address *a = t->addresses[i];
        PyObject *item = Py_BuildValue("(y#y#y#)", a->bytes, (Py_ssize_t)16, a->held,
                                       (Py_ssize_t)BITMAP_BYTES, a->live, (Py_ssize_t)BITMAP_BYTES);
        if (!item || PyList_SetItem(list, i, item) < 0) Py_CLEAR(list);
    }
    return list;
}

static PyObject *result(const struct tally *t, uint32_t max_rows)
{
    if (t->recent) qsort(t->recent, t->recent_count, sizeof *t->recent, compare_cookies);
    PyObject *addresses = addresses_result(t);
    PyObject *outbound = addresses ? pools_result(t, &t->outbound, max_rows) : NULL;
    PyObject *inbound = outbound ? pools_result(t, &t->inbound, max_rows) : NULL;
    PyObject *all = NULL;
    if (inbound)
        all = Py_BuildValue("(y#Oy#KOOy#K(LLy#))", (const char *)t->states, (Py_ssize_t)sizeof t->states,
                            addresses, t->held, (Py_ssize_t)BITMAP_BYTES,
                            (unsigned long long)t->address_overflow, outbound, inbound,
                            t->kept ? (const char *)t->kept : "", (Py_ssize_t)t->kept_bytes,
                            (unsigned long long)t->kept_overflow, t->started_ms, t->now_ms,
                            t->recent ? (const char *)t->recent : "",
                            (Py_ssize_t)(t->recent_count * sizeof *t->recent));
    Py_XDECREF(addresses), Py_XDECREF(outbound), Py_XDECREF(inbound);
    return all;
}

static PyObject *failure(const struct tally *t)
{
    if (PyErr_Occurred()) return NULL; /* a signal handler raised */
    if (t->call_errno) {
        errno = t->call_errno;
        return PyErr_SetFromErrno(PyExc_OSError);
    }
    PyObject *reason = t->answered_errno ? PyLong_FromLong(t->kernel_errno)
                                         : PyUnicode_FromString(t->reason);
    PyObject *arguments = reason ? Py_BuildValue("(sN)", t->operation, reason) : NULL;
    if (arguments) PyErr_SetObject(PyExc_ValueError, arguments);
    Py_XDECREF(arguments);
    return NULL;
}

/* Parse (source, sequence, (answer s, dump s, started ms), rules, limits) of compiled_tally.py. */
static struct tally *prepare(PyObject *arguments, PyObject **source, double *seconds, uint32_t *max_rows)
{
    Py_ssize_t usable, blocked, served, known, outbound, inbound;
    unsigned long long seed;
    struct tally *t = calloc(1, sizeof *t);
    if (!t) return (struct tally *)PyErr_NoMemory();
    if (PyArg_ParseTuple(arguments, "OI(ddL)(y#y#y#ppLLLy#y#y#)(IIK)", source, &t->sequence, &seconds[0],
                         &seconds[1], &t->started_ms, &t->usable, &usable, &t->blocked, &blocked, &t->served, &served,
                         &t->everywhere, &t->on_loopback, &t->delay_ms, &t->since_ms, &t->since_end_ms, &t->known, &known,
                         &t->watched_outbound, &outbound, &t->watched_inbound, &inbound, max_rows,
                         &t->kept_states, &seed)) {
        t->seed = seed, t->now_ms = t->started_ms, t->known_bytes = (size_t)known;
        t->watched_bytes[0] = (size_t)outbound, t->watched_bytes[1] = (size_t)inbound;
        if (usable == BITMAP_BYTES && blocked == BITMAP_BYTES && served == BITMAP_BYTES) return t;
        PyErr_SetString(PyExc_TypeError, "a port set has 8192 bytes");
    }
    free(t);
    return NULL;
}

static PyObject *finish(struct tally *t, enum outcome outcome, uint32_t max_rows)
{
    watch(&t->outbound, t->watched_outbound, t->watched_bytes[0], t->seed);
    watch(&t->inbound, t->watched_inbound, t->watched_bytes[1], t->seed);
    PyObject *all = outcome == DONE ? result(t, max_rows) : failure(t);
    release(t);
    return all;
}

static PyObject *tally_socket(PyObject *module, PyObject *arguments)
{
    (void)module;
    PyObject *source;
    double seconds[2];
    uint32_t max_rows;
    struct tally *t = prepare(arguments, &source, seconds, &max_rows);
    if (!t) return NULL;
    int fd = (int)PyLong_AsLong(source);
    return finish(t, PyErr_Occurred() ? FAILED : drain_without_gil(t, fd, seconds), max_rows);
}

static PyObject *tally_datagrams(PyObject *module, PyObject *arguments)
{
    (void)module;
    PyObject *source;
    double seconds[2];
    uint32_t max_rows;
    struct tally *t = prepare(arguments, &source, seconds, &max_rows);
    if (!t) return NULL;
    enum outcome outcome = MORE;
    Py_ssize_t count = PySequence_Size(source);
    for (Py_ssize_t i = 0; outcome == MORE && i < count; i++) {
        const char *bytes;
        Py_ssize_t length;
        PyObject *datagram = PySequence_GetItem(source, i);
        if (!datagram || !PyArg_ParseTuple(datagram, "Ly#", &t->now_ms, &bytes, &length)) outcome = FAILED;
        else outcome = add_datagram(t, (const uint8_t *)bytes, (size_t)length);
        Py_XDECREF(datagram);
    }
    if (outcome == MORE) outcome = FAIL(t, "netlink dump", "the answer ended before NLMSG_DONE");
    return finish(t, outcome, max_rows);
}

static PyMethodDef METHODS[] = {
    {"tally_socket", tally_socket, METH_VARARGS, "Drain the dump that was asked for on a netlink socket."},
    {"tally_datagrams", tally_datagrams, METH_VARARGS, "Count recorded datagrams: (ms when filled, bytes)."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef MODULE = {
    PyModuleDef_HEAD_INIT, .m_name = "_tally", .m_doc = "The compiled form of readable_tally.",
    .m_size = 0, .m_methods = METHODS,
};

PyMODINIT_FUNC PyInit__tally(void) { return PyModuleDef_Init(&MODULE); }
