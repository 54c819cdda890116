// Layouts of the kernel's own structures.
#define _GNU_SOURCE
#include <linux/fs.h>
#include <linux/if_ether.h>
#include <linux/input.h>
#include <stddef.h>
#include <stdio.h>

#define SIZE(t) printf("%s: %zu, aligned to %zu\n", #t, sizeof(t), _Alignof(t))
#define AT(t, m) printf("\t%s at %zu, %zu\n", #m, offsetof(t, m), sizeof(((t *)0)->m))

int main(void)
{
	SIZE(struct input_event);
	AT(struct input_event, time);
	AT(struct input_event, type);
	AT(struct input_event, code);
	AT(struct input_event, value);
	SIZE(struct ethhdr);
	AT(struct ethhdr, h_dest);
	AT(struct ethhdr, h_source);
	AT(struct ethhdr, h_proto);
	SIZE(struct fstrim_range);
	AT(struct fstrim_range, start);
	AT(struct fstrim_range, len);
	AT(struct fstrim_range, minlen);
	return 0;
}
