/* macOS's header of this name is the one that CPython wants and zig does not have. The functions
 * are in libSystem; openpty(3) and login_tty(3) of macOS say how they are called. */
#include <sys/ioctl.h>
#include <termios.h>

int openpty(int *, int *, char *, struct termios *, struct winsize *);
int login_tty(int);
pid_t forkpty(int *, char *, struct termios *, struct winsize *);
