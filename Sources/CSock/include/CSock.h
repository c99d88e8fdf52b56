// The arguments of the program as the kernel passed them.
//
// Swift's CommandLine reads them from /proc, which may be missing, and replaces bytes that are not
// UTF-8.

/// Returns the number of arguments, with the name of the program.
int csock_argument_count(void);

/// Returns an argument, which ends with a NUL and stays valid.
const char *csock_argument(int index);
