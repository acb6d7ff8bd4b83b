/* The compiled form of readable_tally.py for Python: netlink_walk.h without the GIL.
 *
 * No Python object is touched between the first datagram and the last.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <poll.h>
#include <sys/socket.h>
#include <time.h>

#include "netlink_walk.h"

#define DATAGRAM_BYTES 32768 /* the kernel makes them no larger */

static double seconds_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static long long coarse_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
    return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

/* Receive datagrams until the dump ends; seconds to wait for one, and for all until `end`. EINTR
 * goes to the caller, who may have a signal to look after. */
static enum outcome drain(struct tally *t, int fd, uint8_t *buffer, const double *seconds, double end)
{
    enum outcome outcome = MORE;
    while (outcome == MORE) {
        long long next_filled_ms = coarse_ms();
        struct sockaddr_nl from = {0};
        socklen_t from_length = sizeof from;
        ssize_t size = recvfrom(fd, buffer, DATAGRAM_BYTES, MSG_TRUNC | MSG_DONTWAIT,
                                (struct sockaddr *)&from, &from_length);
        if (size > DATAGRAM_BYTES)
            return FAIL(t, "sock_diag dump", "a datagram of %zd bytes was cut", size);
        if (size >= 0) {
            if (from.nl_pid == 0) outcome = add_datagram(t, buffer, (size_t)size);
            t->now_ms = next_filled_ms; /* netlink_recvmsg has filled the next one meanwhile */
        } else if (errno == EAGAIN) {
            struct pollfd wait = {.fd = fd, .events = POLLIN};
            int ready = poll(&wait, 1, (int)(seconds[0] * 1000));
            if (ready == 0) return FAIL(t, "sock_diag dump", "timed out");
            if (ready < 0) return t->call_errno = errno, FAILED;
        } else
            return t->call_errno = errno, FAILED;
        if (outcome == MORE && seconds_now() > end)
            return FAIL(t, "sock_diag dump", "not finished after %.0f s", seconds[1]);
    }
    return outcome;
}

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
static PyObject *pools_result(const struct tally *t, const struct pools *pools, const struct row_rules *rules)
{
    long long least = least_used(pools, rules);
    unsigned long long count = 0, most = 0, ports = 0, time_wait = 0, reclaimable = 0, entered = 0;
    uint32_t ages[AGES] = {0};
    PyObject *rows = PyList_New(0);
    for (uint32_t i = 0; rows && i < pools->count; i++) {
        const struct pool *pool = &pools->all[i];
        if (used_of(pool) < least && !(pool->address & WATCHED)) {
            add_ages(t, pool, ages);
            count++, ports += pool->ports, time_wait += pool->time_wait;
            reclaimable += pool->reclaimable, entered += pool->entered;
            if (used_of(pool) > most) most = used_of(pool);
            continue;
        }
        PyObject *row = Py_BuildValue("(y#IIIIN)", (const char *)pool, (Py_ssize_t)KEY_BYTES,
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
        PyObject *item = Py_BuildValue("(y#y#y#)", (const char *)&a->ip, (Py_ssize_t)sizeof a->ip, a->held,
                                       (Py_ssize_t)BITMAP_BYTES, a->live, (Py_ssize_t)BITMAP_BYTES);
        if (!item || PyList_SetItem(list, i, item) < 0) Py_CLEAR(list);
    }
    return list;
}

static PyObject *result(const struct tally *t)
{
    if (t->recent) qsort(t->recent, t->recent_count, sizeof *t->recent, compare_cookies);
    PyObject *addresses = addresses_result(t);
    PyObject *outbound = addresses ? pools_result(t, &t->outbound, &t->outbound_rows) : NULL;
    PyObject *inbound = outbound ? pools_result(t, &t->inbound, &t->inbound_rows) : NULL;
    PyObject *all = NULL;
    if (inbound)
        all = Py_BuildValue("(y#Oy#KOOy#y#K(LLy#))", (const char *)t->states, (Py_ssize_t)sizeof t->states,
                            addresses, t->held, (Py_ssize_t)BITMAP_BYTES,
                            (unsigned long long)t->address_overflow, outbound, inbound,
                            (const char *)t->close_wait, (Py_ssize_t)sizeof t->close_wait,
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
static struct tally *prepare(PyObject *arguments, PyObject **source, double *seconds)
{
    Py_ssize_t usable, blocked, served, known, outbound, inbound;
    unsigned long long seed;
    struct tally *t = calloc(1, sizeof *t);
    if (!t) return (struct tally *)PyErr_NoMemory();
    if (PyArg_ParseTuple(arguments, "OI(ddL)(y#y#y#ppLLLy#(IIy#)(IIy#))(IK)", source, &t->sequence, &seconds[0],
                         &seconds[1], &t->started_ms, &t->usable, &usable, &t->blocked, &blocked, &t->served, &served,
                         &t->everywhere, &t->on_loopback, &t->delay_ms, &t->since_ms, &t->since_end_ms, &t->known, &known,
                         &t->outbound_rows.min_used, &t->outbound_rows.max_rows, &t->outbound_rows.watched, &outbound,
                         &t->inbound_rows.min_used, &t->inbound_rows.max_rows, &t->inbound_rows.watched, &inbound,
                         &t->kept_states, &seed)) {
        t->seed = seed, t->now_ms = t->started_ms, t->known_bytes = (size_t)known;
        t->outbound_rows.watched_bytes = (size_t)outbound, t->inbound_rows.watched_bytes = (size_t)inbound;
        if (usable == BITMAP_BYTES && blocked == BITMAP_BYTES && served == BITMAP_BYTES)
            return prepare_ports(t), t;
        PyErr_SetString(PyExc_TypeError, "a port set has 8192 bytes");
    }
    free(t);
    return NULL;
}

static PyObject *finish(struct tally *t, enum outcome outcome)
{
    watch(&t->outbound, t->outbound_rows.watched, t->outbound_rows.watched_bytes, t->seed);
    watch(&t->inbound, t->inbound_rows.watched, t->inbound_rows.watched_bytes, t->seed);
    PyObject *all = outcome == DONE ? result(t) : failure(t);
    release(t);
    return all;
}

static PyObject *tally_socket(PyObject *module, PyObject *arguments)
{
    (void)module;
    PyObject *source;
    double seconds[2];
    struct tally *t = prepare(arguments, &source, seconds);
    if (!t) return NULL;
    int fd = (int)PyLong_AsLong(source);
    return finish(t, PyErr_Occurred() ? FAILED : drain_without_gil(t, fd, seconds));
}

static PyObject *tally_datagrams(PyObject *module, PyObject *arguments)
{
    (void)module;
    PyObject *source;
    double seconds[2];
    struct tally *t = prepare(arguments, &source, seconds);
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
    return finish(t, outcome);
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
