/* Makes one allocation of the extension fail: linked with it by the linker's --wrap, which sends
 * calls of NAME to __wrap_NAME, and those of __real_NAME to the function itself.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>

#define EXPORTED __attribute__((visibility("default")))

EXPORTED long calls_until_failure; /* 0: none fails */
EXPORTED long calls;               /* of what may fail, since the test set this to 0 */
EXPORTED long blocks;              /* allocated and not freed */

static bool fails(void)
{
    return ++calls == calls_until_failure;
}

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *block, size_t size);
void __real_free(void *block);

void *__wrap_malloc(size_t size)
{
    void *block = fails() ? NULL : __real_malloc(size);

    blocks += block != NULL;
    return block;
}

void *__wrap_calloc(size_t count, size_t size)
{
    void *block = fails() ? NULL : __real_calloc(count, size);

    blocks += block != NULL;
    return block;
}

void *__wrap_realloc(void *old, size_t size)
{
    bool was_none = old == NULL;
    void *block = fails() ? NULL : __real_realloc(old, size);

    blocks += was_none && block != NULL;
    return block;
}

void __wrap_free(void *block)
{
    blocks -= block != NULL;
    __real_free(block);
}

int __real_PyList_Append(PyObject *list, PyObject *item);
PyObject *__real_PyList_New(Py_ssize_t length);

PyObject *__wrap_PyList_New(Py_ssize_t length)
{
    return fails() ? PyErr_NoMemory() : __real_PyList_New(length);
}

int __wrap_PyList_Append(PyObject *list, PyObject *item)
{
    if (!fails())
        return __real_PyList_Append(list, item);
    PyErr_NoMemory();
    return -1;
}

PyObject *__real_PyDict_New(void);
PyObject *__real_PyLong_FromLong(long number);
PyObject *__real_PyBytes_FromStringAndSize(const char *bytes, Py_ssize_t size);

PyObject *__wrap_PyDict_New(void)
{
    return fails() ? PyErr_NoMemory() : __real_PyDict_New();
}

PyObject *__wrap_PyLong_FromLong(long number)
{
    return fails() ? PyErr_NoMemory() : __real_PyLong_FromLong(number);
}

PyObject *__wrap_PyBytes_FromStringAndSize(const char *bytes, Py_ssize_t size)
{
    return fails() ? PyErr_NoMemory() : __real_PyBytes_FromStringAndSize(bytes, size);
}

/* Py_BuildValue, as PY_SSIZE_T_CLEAN names it. */
PyObject *__wrap__Py_BuildValue_SizeT(const char *format, ...)
{
    va_list values;

    va_start(values, format);
    PyObject *built = Py_VaBuildValue(format, values); /* takes its arguments even on failure */
    va_end(values);
    if (!built || !fails())
        return built;
    Py_DECREF(built);
    return PyErr_NoMemory();
}
