// How many descriptors this process has, the one for the look included.
#ifndef SPORE_TEST_DESCRIPTORS_H
#define SPORE_TEST_DESCRIPTORS_H

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static inline unsigned count_fds(void)
{
	unsigned n = 0;
	DIR *d = opendir("/dev/fd");
	assert_non_null(d);
	while (readdir(d) != NULL)
		n++;
	closedir(d);
	return n;
}

#endif
