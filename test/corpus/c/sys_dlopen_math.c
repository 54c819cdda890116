#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>

int main(void)
{
	static const char *const names[] = {"floor", "fabs", "sqrt", "no_such_function", "ceil"};
	void *lib = dlopen("libm.so.6", RTLD_NOW);
	if (lib == NULL) {
		printf("no libm: %s\n", dlerror());
		return 1;
	}
	for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
		union { void *object; double (*call)(double); } f;
		dlerror();
		f.object = dlsym(lib, names[i]);
		if (dlerror() != NULL)
			printf("%s is not there\n", names[i]);
		else
			printf("%s(2.25) = %g, %s(-0.0) = %g\n", names[i], f.call(2.25), names[i], f.call(-0.0));
	}
	union { void *object; int (*call)(const char *); } atoi_;
	atoi_.object = dlsym(RTLD_DEFAULT, "atoi");
	printf("atoi %d\n", atoi_.call("1234"));
	printf("closed %d\n", dlclose(lib));
	return 0;
}
