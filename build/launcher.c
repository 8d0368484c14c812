/* Starts the interpreter that is linked into this executable and runs its program.
 *
 * The program must behave the same wherever the file is put and whoever runs it, so nothing
 * of the surroundings gets in: no PYTHON* variable, no site, no search path, no locale. And it
 * becomes another program by execve, so nothing of Python may get out: signal dispositions
 * and the environment stay as the caller set them.
 */
#define _GNU_SOURCE /* clone */
#include <Python.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#ifdef __linux__
#include <sched.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#endif
#include <sys/mman.h>
#include <sys/resource.h>
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

/* The status of a run that failed before there was a command: EXIT_FAILURE of errors.py. */
#define FAILURE 125

static char **arguments;

static void say(int descriptor, const char *text) {
    ssize_t written = write(descriptor, text, strlen(text));
    (void)written; /* there is nobody else to tell */
}

/* End a run for which the interpreter cannot speak, in the one line of every other error. A shell that evaluates stdout
 * must not go on either; what stands before a command is for no shell. */
static void end_run(const char *line) {
    say(2, line);
    int has_command = 0;
    for (char **argument = arguments; *argument != NULL; argument++)
        has_command |= strcmp(*argument, "--") == 0;
    if (!has_command)
        say(1, "false\n");
    _exit(FAILURE);
}

static void give_up(const char *why) {
    char line[256];
    snprintf(line, sizeof line, "aws-role-exec: starting: %s\n", why);
    end_run(line);
}

/* What an interpreter takes to start; without it, it ends by a signal or in the middle of things. */
#define MEMORY_BYTES (6 << 20)
#define SMALLEST_STACK_BYTES (128 << 10)

static void refuse_small_limits(void) {
    struct rlimit stack;
    if (getrlimit(RLIMIT_STACK, &stack) == 0 && stack.rlim_cur < SMALLEST_STACK_BYTES)
        give_up("the stack is too small (see ulimit -s)");
    void *memory = mmap(NULL, MEMORY_BYTES, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED)
        give_up("not enough memory (see ulimit -v and -d)");
    munmap(memory, MEMORY_BYTES);
}

/* Keys are in our memory from the first instruction on, in the environment: no core dump is to have
 * them, and no other process of the user is to look into ours. execve(2) undoes it for the command,
 * whose limits stay as they were. */
static void close_memory(void) {
#ifdef __linux__
    prctl(PR_SET_DUMPABLE, 0);
#endif
}

/* While the interpreter starts, what it says goes nowhere: it is for who writes interpreters. */
static int hold_stderr(void) {
    int flags = fcntl(2, F_GETFD);
    if (flags == -1 || flags & FD_CLOEXEC) /* held: see above */
        return -1;
    int nowhere = open("/dev/null", O_RDONLY | O_CLOEXEC); /* what is written there fails */
    int kept = nowhere == -1 ? -1 : fcntl(2, F_DUPFD_CLOEXEC, 3);
    if (kept != -1)
        dup2(nowhere, 2);
    close(nowhere);
    return kept;
}

static void release_stderr(int kept) {
    if (kept != -1) {
        while (dup2(kept, 2) == -1 && (errno == EINTR || errno == EBUSY))
            continue;
        close(kept);
    }
}

/* Where the arguments lie that `ps` shows. */
static char *title;
static size_t title_size;

static void find_title(int argc, char **argv) {
    char *end = argv[0];
    for (int number = 0; number < argc; number++)
        if (argv[number] == end) /* one after the other, as execve puts them */
            end += strlen(end) + 1;
    title = argv[0];
    title_size = end - title;
}

/* Show another text in place of the arguments, which were the command's too. */
static PyObject *set_title(PyObject *module, PyObject *text) {
    (void)module;
    const char *bytes = PyUnicode_AsUTF8(text);
    if (bytes == NULL)
        return NULL;
    if (title_size > 0) {
        memset(title, 0, title_size);
        strncpy(title, bytes, title_size - 1);
    }
    Py_RETURN_NONE;
}

#ifdef __linux__
/* The executable's read-only part, from the first byte to the end of the code (ld's names). */
extern char __executable_start[], etext[];

/* Let go of the pages of the file that were read so far: what is idle for hours needs few of them,
 * and gets those back from the page cache. */
static PyObject *let_go_of_pages(PyObject *module, PyObject *unused) {
    (void)module;
    (void)unused;
    size_t page = sysconf(_SC_PAGESIZE);
    uintptr_t start = ((uintptr_t)__executable_start + page - 1) / page * page;
    uintptr_t end = (uintptr_t)etext / page * page;
    madvise((void *)start, end - start, MADV_DONTNEED);
    Py_RETURN_NONE;
}

static char last_words[512];

static void on_alarm(int number) {
    (void)number;
    end_run(last_words);
}

/* Let the next SIGALRM end the process with this line, without the interpreter: for a call into the
 * C library that no signal interrupts. Python's signal.signal takes it back. */
static PyObject *end_at_alarm(PyObject *module, PyObject *line) {
    (void)module;
    const char *bytes = PyUnicode_AsUTF8(line);
    if (bytes == NULL)
        return NULL;
    snprintf(last_words, sizeof last_words, "%s\n", bytes);
    signal(SIGALRM, on_alarm);
    Py_RETURN_NONE;
}

#define STACK_BYTES (8 << 20) /* as a process has; what is not used takes no memory */

/* The new process: does its work, and ends. Nothing returns from here to the caller's frames. */
static int work(void *callable) {
    PyOS_AfterFork_Child();
    PyObject *done = PyObject_CallNoArgs(callable);
    _exit(done == NULL);
}

/* Run a callable in a new process that has no exit signal: the program which becomes of us never
 * hears of it, by no wait(2) without __WCLONE. The C library's clone, on a stack of its own, leaves
 * the library in order in the new process, as fork does and the system call alone does not. */
static PyObject *clone_process(PyObject *module, PyObject *callable) {
    (void)module;
    char *stack = mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
    if (stack == MAP_FAILED)
        return PyErr_SetFromErrno(PyExc_OSError);
    PyOS_BeforeFork();
    int process = clone(work, stack + STACK_BYTES, 0, callable);
    int error = errno;
    PyOS_AfterFork_Parent();
    munmap(stack, STACK_BYTES);
    errno = error;
    return process < 0 ? PyErr_SetFromErrno(PyExc_OSError) : PyLong_FromLong(process);
}
#endif

static PyMethodDef launcher_functions[] = {
    {"set_title", set_title, METH_O, NULL},
#ifdef __linux__
    {"clone", clone_process, METH_O, NULL},
    {"end_at_alarm", end_at_alarm, METH_O, NULL},
    {"let_go_of_pages", let_go_of_pages, METH_NOARGS, NULL},
#endif
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef launcher_module = {
    PyModuleDef_HEAD_INIT, .m_name = "_launcher", .m_size = -1, .m_methods = launcher_functions};

/* `import _launcher`: what the program needs of the system and Python does not have. */
static PyObject *init_launcher(void) {
    return PyModule_Create(&launcher_module);
}

static int kept_stderr;

/* The interpreter aborts where it finds no memory for its first objects. */
static void on_abort(int number) {
    (void)number;
    release_stderr(kept_stderr);
    give_up("not enough memory");
}

static void check(PyStatus status) {
    if (PyStatus_Exception(status)) {
        release_stderr(kept_stderr);
        give_up(status.err_msg != NULL ? status.err_msg : "the interpreter does not start");
    }
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
    config._init_main = 0;              /* later, see below */
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
    PyImport_AppendInittab("_launcher", init_launcher);
    check(Py_InitializeFromConfig(&config));
    PyConfig_Clear(&config);
    PyGC_Disable(); /* a short life: collecting would take a tenth of it and free nothing */
    check(_Py_InitializeMain());
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

/* Turn what ended the program into an exit status, as Python itself would. An error that comes as
 * far as here came before the program could tell it: a part of it could not be unpacked. */
static int exit_status(void) {
    if (!PyErr_ExceptionMatches(PyExc_SystemExit)) {
        if (getenv("AWS_ROLE_EXEC_DEBUG") != NULL)
            PyErr_Print();
        give_up("not enough memory");
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
    close_memory();
    hold_descriptors(); /* from the first instruction of ours on */
    arguments = argv + (argc > 0);
    refuse_small_limits();
    find_title(argc, argv);
    kept_stderr = hold_stderr();
    void (*callers)(int) = signal(SIGABRT, on_abort);
    start(argc, argv);
    signal(SIGABRT, callers);
    release_stderr(kept_stderr);
    PySys_SetObject("frozen", Py_True);

    int status = 0;
    if (forget_paths() < 0 || PyImport_ImportFrozenModule("__main__") != 1)
        status = exit_status();
    /* No tidying up: the kernel does it in a fraction of the time. */
    int lost = flush("stdout");
    flush("stderr");
    _exit(status == 0 && lost ? 120 : status);
}
