/* Starts the interpreter that is linked into this executable and runs its program.
 *
 * The program must behave the same wherever the file is put and whoever runs it, so nothing
 * of the surroundings gets in: no PYTHON* variable, no site, no search path, no locale. And it
 * becomes another program by execve, so nothing of Python may get out: signal dispositions
 * and the environment stay as the caller set them.
 */
#include <Python.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/auxv.h>
#endif
#ifdef __APPLE__
#include <mach-o/dyld.h>
#endif

/* Made by static_target.py: every module of the program, and what it imports. */
extern const struct _frozen aws_role_exec_modules[];

/* This file's own path, for the program to name itself to others; "" if it cannot be told.
 * The kernel is asked first; without /proc it still left the path that execve was given. */
static const char *own_path(void) {
    static char path[PATH_MAX];
#ifdef __linux__
    ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);
    if (length > 0) {
        path[length] = '\0';
        return path;
    }
    const char *given = (const char *)getauxval(AT_EXECFN);
    if (given != NULL && realpath(given, path) != NULL)
        return path;
#endif
#ifdef __APPLE__
    char given[PATH_MAX];
    uint32_t size = sizeof given;
    if (_NSGetExecutablePath(given, &size) == 0 && realpath(given, path) != NULL)
        return path;
#endif
    return "";
}

/* Hold descriptors 0 to 2 that the caller closed, so that no file of ours gets their number:
 * see handover/descriptors.py. */
static void hold_descriptors(void) {
    for (int number = 0; number <= 2; number++)
        if (fcntl(number, F_GETFD) == -1)
            open("/dev/null", (number == 0 ? O_WRONLY : O_RDONLY) | O_CLOEXEC);
}

static void check(PyStatus status) {
    if (PyStatus_Exception(status))
        Py_ExitStatusException(status);
}

static void set(PyConfig *config, wchar_t **item, const char *value) {
    check(PyConfig_SetBytesString(config, item, value));
}

static void start(int argc, char **argv) {
    PyPreConfig before;
    PyPreConfig_InitIsolatedConfig(&before);
    before.utf8_mode = 1; /* whatever the locale; bytes that are not UTF-8 survive both ways */
    check(Py_PreInitialize(&before));

    PyConfig config;
    PyConfig_InitIsolatedConfig(&config); /* deaf to PYTHON*; touches no locale, no signal */
    config.parse_argv = 0;                /* the arguments are the program's, all of them */
    config.install_signal_handlers = 0;   /* else SIGPIPE and SIGXFSZ stay ignored after execve */
    config.site_import = 0;
    config.write_bytecode = 0;
    config.pathconfig_warnings = 0;
    config.module_search_paths_set = 1; /* to nothing */
    set(&config, &config.program_name, "aws-role-exec");
    set(&config, &config.executable, own_path());
    /* Given, so that nobody goes looking for them. */
    set(&config, &config.base_executable, "");
    set(&config, &config.home, "/dev/null");
    set(&config, &config.prefix, "");
    set(&config, &config.exec_prefix, "");
    set(&config, &config.base_prefix, "");
    set(&config, &config.base_exec_prefix, "");
    set(&config, &config.stdlib_dir, "");
    check(PyConfig_SetBytesArgv(&config, argc, argv));

    PyImport_FrozenModules = aws_role_exec_modules;
    check(Py_InitializeFromConfig(&config));
    PyConfig_Clear(&config);
}

/* Leave only the importers of built-in and frozen modules: a file beside the executable or in
 * the working directory is never imported, even if something adds to sys.path. */
static int forget_paths(void) {
    PyObject *finders = PySys_GetObject("meta_path"); /* borrowed, as all of these */
    PyObject *hooks = PySys_GetObject("path_hooks");
    if (finders == NULL || hooks == NULL)
        return -1;
    if (PyList_SetSlice(finders, 2, PyList_Size(finders), NULL) < 0)
        return -1;
    return PyList_SetSlice(hooks, 0, PyList_Size(hooks), NULL);
}

/* Turn what ended the program into an exit status, as Python itself would. */
static int exit_status(void) {
    if (!PyErr_ExceptionMatches(PyExc_SystemExit)) {
        PyErr_Print();
        return 1;
    }
    PyObject *exit = PyErr_GetRaisedException();
    PyObject *code = PyObject_GetAttrString(exit, "code");
    if (code == NULL || code == Py_None)
        return 0;
    if (PyLong_Check(code))
        return (int)PyLong_AsLong(code) & 0xff;
    PyObject *errors = PySys_GetObject("stderr");
    if (errors != NULL && errors != Py_None && PyFile_WriteObject(code, errors, Py_PRINT_RAW) == 0)
        PyFile_WriteString("\n", errors);
    PyErr_Clear();
    return 1;
}

static int flush(const char *name) {
    PyObject *stream = PySys_GetObject(name);
    if (stream == NULL || stream == Py_None)
        return 0;
    PyObject *done = PyObject_CallMethod(stream, "flush", NULL);
    if (done == NULL) {
        PyErr_Clear();
        return -1;
    }
    return 0;
}

int main(int argc, char **argv) {
    hold_descriptors(); /* from the first instruction of ours on */
    start(argc, argv);
    PyGC_Disable(); /* a short life: collecting would take a tenth of it and free nothing */
    PySys_SetObject("frozen", Py_True);

    int status = 0;
    if (forget_paths() < 0 || PyImport_ImportFrozenModule("__main__") != 1)
        status = PyErr_Occurred() ? exit_status() : 1;
    /* No tidying up: the kernel does it in a fraction of the time. */
    int lost = flush("stdout");
    flush("stderr");
    _exit(status == 0 && lost ? 120 : status);
}
