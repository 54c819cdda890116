// A plug-in that uses libspore.so may be unloaded; the thread and the signal handlers that were begun go on in the library.
#include <dlfcn.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static const char *library;

// In a process of its own, which may die of it.
static int use_and_unload(void)
{
	int (*stop_fd)(void);
	void *handle = dlopen(library, RTLD_NOW);
	void *symbol = handle != NULL ? dlsym(handle, "spore_stop_fd") : NULL;
	if (symbol == NULL)
		return 1;
	memcpy(&stop_fd, &symbol, sizeof stop_fd);
	if (stop_fd() < 0)
		return 2;
	if (dlclose(handle) != 0)
		return 3;
	return raise(SIGTERM) == 0 ? 0 : 4; // the handler is the library's
}

static void test_unload(void **state)
{
	int status;
	(void)state;
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		(void)signal(SIGSEGV, SIG_DFL); // cmocka's
		_exit(use_and_unload());
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_unload)};
	library = argc > 1 ? argv[1] : "libspore.so.0";
	return cmocka_run_group_tests_name("unload", tests, NULL, NULL);
}
