/* BPF programs for Python: loaded, attached, run, and their maps read.
 *
 * Nothing is pinned: a program, a map or an attachment ends with the last descriptor of it, at the
 * latest with the process. Every function raises OSError with what the kernel answered.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "skeleton.h"
#include "syscalls.h"

#include "programs/bind_hash.skeleton.h"
#include "programs/connections.skeleton.h"
#include "programs/port_failures.skeleton.h"

static const struct skeleton *const SKELETONS[] = {
    &SKELETON_bind_hash,
    &SKELETON_connections,
    &SKELETON_port_failures,
    NULL,
};

static PyObject *raise_errno(void)
{
    return PyErr_SetFromErrno(PyExc_OSError);
}

static const struct skeleton *find_skeleton(const char *name)
{
    for (const struct skeleton *const *one = SKELETONS; *one; one++)
        if (strcmp((*one)->name, name) == 0)
            return *one;
    PyErr_Format(PyExc_LookupError, "no BPF object %s", name);
    return NULL;
}

/* Add {name: descriptor} for each name; returns how many there are, -1 with an exception. */
static int add_descriptors(PyObject *found, const char *const *names, const int *descriptors)
{
    int count = 0;

    for (; names[count]; count++) {
        PyObject *number = PyLong_FromLong(descriptors[count]);

        if (!number || PyDict_SetItemString(found, names[count], number) < 0) {
            Py_XDECREF(number);
            return -1;
        }
        Py_DECREF(number);
    }
    return count;
}

static PyObject *name_descriptors(const struct skeleton *skeleton, const int *descriptors)
{
    PyObject *found = PyDict_New();
    int maps = found ? add_descriptors(found, skeleton->maps, descriptors) : -1;

    if (maps >= 0 && add_descriptors(found, skeleton->programs, descriptors + maps) >= 0)
        return found;
    Py_XDECREF(found);
    return NULL;
}

static PyObject *load(PyObject *module, PyObject *arguments)
{
    int descriptors[2 * MOST_PARTS];
    const char *name;
    int loaded;

    (void)module;
    memset(descriptors, -1, sizeof descriptors);
    if (!PyArg_ParseTuple(arguments, "s", &name))
        return NULL;
    const struct skeleton *skeleton = find_skeleton(name);
    if (!skeleton)
        return NULL;
    Py_BEGIN_ALLOW_THREADS
    loaded = load_skeleton(skeleton, descriptors);
    Py_END_ALLOW_THREADS
    if (!loaded)
        return raise_errno();
    PyObject *found = name_descriptors(skeleton, descriptors);
    if (!found)
        for (int i = 0; i < 2 * MOST_PARTS; i++)
            if (descriptors[i] >= 0)
                close(descriptors[i]);
    return found;
}

static PyObject *attach(PyObject *module, PyObject *arguments)
{
    int program;

    (void)module;
    if (!PyArg_ParseTuple(arguments, "i", &program))
        return NULL;
    union bpf_attr attributes = {.raw_tracepoint.prog_fd = (uint32_t)program};
    long link = call_bpf(BPF_RAW_TRACEPOINT_OPEN, &attributes);
    return link < 0 ? raise_errno() : PyLong_FromLong(link);
}

static PyObject *run(PyObject *module, PyObject *arguments)
{
    const char *given = NULL;
    Py_ssize_t bytes = 0;
    long called;
    int program;

    (void)module;
    if (!PyArg_ParseTuple(arguments, "i|y#", &program, &given, &bytes))
        return NULL;
    union bpf_attr attributes = {
        .test.prog_fd = (uint32_t)program,
        .test.ctx_in = bytes ? (uint64_t)(uintptr_t)given : 0,
        .test.ctx_size_in = (uint32_t)bytes,
    };
    Py_BEGIN_ALLOW_THREADS
    called = call_bpf(BPF_PROG_TEST_RUN, &attributes);
    Py_END_ALLOW_THREADS
    return called < 0 ? raise_errno() : PyLong_FromLong((int32_t)attributes.test.retval);
}

static PyObject *look_up(PyObject *module, PyObject *arguments)
{
    const char *key;
    Py_ssize_t key_size, size;
    int map;

    (void)module;
    if (!PyArg_ParseTuple(arguments, "iy#n", &map, &key, &key_size, &size))
        return NULL;
    PyObject *value = PyBytes_FromStringAndSize(NULL, size);
    if (value && !look_up_in_map(map, key, PyBytes_AsString(value))) {
        Py_DECREF(value);
        return raise_errno();
    }
    return value;
}

static PyObject *update(PyObject *module, PyObject *arguments)
{
    const char *key, *value;
    Py_ssize_t key_size, size;
    int map;

    (void)module;
    if (!PyArg_ParseTuple(arguments, "iy#y#", &map, &key, &key_size, &value, &size))
        return NULL;
    if (!update_map(map, key, value))
        return raise_errno();
    Py_RETURN_NONE;
}

/* Return all entries of a hash, key and value one after the other; `most` is what it holds at most.
 * Rows that come meanwhile may be missing, and none comes twice while none is deleted. */
static PyObject *entries(PyObject *module, PyObject *arguments)
{
    unsigned key_size, value_size, most;
    long called;
    int map;

    (void)module;
    if (!PyArg_ParseTuple(arguments, "iIII", &map, &key_size, &value_size, &most))
        return NULL;
    /* The kernel writes where it would go on: a number, or a key. */
    size_t position_size = key_size > sizeof(uint32_t) ? key_size : sizeof(uint32_t);
    char *keys = malloc((size_t)most * key_size), *values = malloc((size_t)most * value_size);
    char *position = malloc(position_size);
    PyObject *found = NULL;

    if (!keys || !values || !position) {
        PyErr_NoMemory();
        goto done;
    }
    union bpf_attr attributes = {
        .batch.map_fd = (uint32_t)map,
        .batch.out_batch = (uint64_t)(uintptr_t)position,
        .batch.keys = (uint64_t)(uintptr_t)keys,
        .batch.values = (uint64_t)(uintptr_t)values,
        .batch.count = most,
    };
    Py_BEGIN_ALLOW_THREADS
    called = call_bpf(BPF_MAP_LOOKUP_BATCH, &attributes);
    Py_END_ALLOW_THREADS
    /* ENOENT: that was the end of the table. */
    if (called < 0 && errno != ENOENT) {
        raise_errno();
        goto done;
    }
    found = PyList_New((Py_ssize_t)attributes.batch.count);
    for (uint32_t i = 0; found && i < attributes.batch.count; i++) {
        PyObject *entry = Py_BuildValue("(y#y#)", keys + (size_t)i * key_size,
                                        (Py_ssize_t)key_size, values + (size_t)i * value_size,
                                        (Py_ssize_t)value_size);

        if (!entry || PyList_SetItem(found, (Py_ssize_t)i, entry) < 0)
            Py_CLEAR(found);
    }
done:
    free(keys);
    free(values);
    free(position);
    return found;
}

static PyMethodDef METHODS[] = {
    {"load", load, METH_VARARGS, "Load a BPF object; return its descriptors by name."},
    {"attach", attach, METH_VARARGS, "Attach a program; return the descriptor that holds it."},
    {"run", run, METH_VARARGS, "Run a program once, in this thread, with arguments; return its result."},
    {"look_up", look_up, METH_VARARGS, "Return the value of a map's key, of a size in bytes."},
    {"entries", entries, METH_VARARGS, "Return (key, value) of each entry of a hash."},
    {"update", update, METH_VARARGS, "Set the value of a map's key."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef MODULE = {
    PyModuleDef_HEAD_INIT,
    .m_name = "_bpf",
    .m_doc = "BPF programs: loaded, attached, run, and their maps read.",
    .m_size = 0,
    .m_methods = METHODS,
};

PyMODINIT_FUNC PyInit__bpf(void)
{
    return PyModuleDef_Init(&MODULE);
}
