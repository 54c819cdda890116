// Landlock: https://docs.kernel.org/userspace-api/landlock.html. The system calls are made by number, since the C
// library has no wrappers; access rights newer than the installed headers are spelled out.
#define _GNU_SOURCE
#include "os/linux/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
	RIGHT_REFER = 1 << 13,    // ABI 2
	RIGHT_TRUNCATE = 1 << 14, // ABI 3
	SCOPE_ABSTRACT = 1 << 0,  // ABI 6: no abstract sockets of processes outside
	SCOPE_SIGNAL = 1 << 1,    // ABI 6: no signals to processes outside
};

enum {
	RIGHTS_ABI_1 = (1 << 13) - 1,
	RIGHTS_FILE =
	    LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_READ_FILE | RIGHT_TRUNCATE,
	RIGHTS_READ = LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR,
};

struct ruleset_attr {
	__u64 handled_access_fs;
	__u64 handled_access_net; // ABI 4
	__u64 scoped;             // ABI 6
};

static int landlock_abi(void)
{
	return (int)syscall(__NR_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
}

bool spore__os_can_confine(void)
{
	return landlock_abi() >= 1;
}

bool spore__os_confines_signals(void)
{
	return landlock_abi() >= 6;
}

static int allow(int ruleset, const char *path, __u64 rights)
{
	int fd = open(path, O_PATH | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR || errno == EACCES ? 0 : -1;
	struct stat st;
	int r = fstat(fd, &st);
	if (r == 0) {
		struct landlock_path_beneath_attr rule = {
		    .allowed_access = S_ISDIR(st.st_mode) ? rights : rights & RIGHTS_FILE,
		    .parent_fd = fd,
		};
		r = (int)syscall(__NR_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
	}
	int saved = errno;
	close(fd);
	errno = saved;
	return r;
}

int spore__os_confine_prepare(const struct spore__confine *c)
{
	int abi = landlock_abi();
	if (abi < 1) {
		errno = ENOTSUP;
		return -1;
	}
	struct ruleset_attr attr = {.handled_access_fs = RIGHTS_ABI_1};
	if (abi >= 2)
		attr.handled_access_fs |= RIGHT_REFER;
	if (abi >= 3)
		attr.handled_access_fs |= RIGHT_TRUNCATE;
	if (abi >= 6)
		attr.scoped = SCOPE_SIGNAL | SCOPE_ABSTRACT;
	size_t size = abi >= 6 ? sizeof attr : sizeof attr.handled_access_fs;
	int ruleset = (int)syscall(__NR_landlock_create_ruleset, &attr, size, 0);
	if (ruleset < 0)
		return -1;
	int r = 0;
	for (const char *const *p = c->read; r == 0 && p != NULL && *p != NULL; p++)
		r = allow(ruleset, *p, RIGHTS_READ);
	for (const char *const *p = c->write; r == 0 && p != NULL && *p != NULL; p++)
		r = allow(ruleset, *p, attr.handled_access_fs);
	if (r == 0)
		r = allow(ruleset, "/dev/null", RIGHTS_READ | LANDLOCK_ACCESS_FS_WRITE_FILE);
	if (r != 0) {
		int saved = errno;
		close(ruleset);
		errno = saved;
		return -1;
	}
	return ruleset;
}

#if defined(__x86_64__)
#define NATIVE_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define NATIVE_ARCH AUDIT_ARCH_AARCH64
#elif defined(__riscv) && __riscv_xlen == 64
#define NATIVE_ARCH AUDIT_ARCH_RISCV64
#else
#error "name the audit architecture of this machine for the seccomp filter"
#endif

static int install(struct sock_filter *code, size_t steps)
{
	const struct sock_fprog program = {.len = (unsigned short)steps, .filter = code};
	return (int)syscall(__NR_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program);
}

// No sockets, or with NETWORK none but those of IP: the node and others of this machine listen on local ones, whose names Landlock does
// not guard. And none made behind the filter's back through io_uring, another ABI or ptrace.
static int forbid_sockets(bool network)
{
	enum { X32_BIT = 0x40000000, FAMILY_IP = 2, FAMILY_IP6 = 10 };
	struct sock_filter code[] = {
	    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, NATIVE_ARCH, 1, 0),
	    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
	    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
	    BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, X32_BIT, 8, 0),
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_io_uring_setup, 7, 0),
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_ptrace, 6, 0),
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_process_vm_writev, 5, 0),
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_socket, 1, 0),
	    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	    // The lower half of the family, which the kernel takes as an int.
	    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args)),
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, network ? FAMILY_IP : UINT32_MAX, 2, 0),
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, network ? FAMILY_IP6 : UINT32_MAX, 1, 0),
	    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
	    BPF_STMT(BPF_RET | BPF_K, network ? SECCOMP_RET_ALLOW : SECCOMP_RET_ERRNO | EPERM),
	};
	return install(code, sizeof code / sizeof *code);
}

// Pairs are joined for good, and so reach nobody; but either of two that take datagrams sends to any address that it is told.
static int forbid_pairs_of_datagrams(void)
{
	enum { FAMILY_UNIX = 1, TYPE_MASK = 15, TYPE_STREAM = 1, TYPE_SEQPACKET = 5 };
	struct sock_filter code[] = {
	    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_socketpair, 0, 7),
	    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args)),
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, FAMILY_UNIX, 0, 4),
	    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[1])),
	    BPF_STMT(BPF_ALU | BPF_AND | BPF_K, TYPE_MASK),
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, TYPE_STREAM, 2, 0),
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, TYPE_SEQPACKET, 1, 0),
	    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
	    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	return install(code, sizeof code / sizeof *code);
}

// Limits are set of this process alone: one of processor time ends another as a signal would. To ask for those of others is no harm.
static int forbid_limits_of_others(void)
{
	struct sock_filter code[] = {
	    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_prlimit64, 0, 7),
	    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args)),
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 5, 0),
	    // Both halves of where the new ones are.
	    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[2])),
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 2),
	    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[2]) + 4),
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0),
	    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
	    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	return install(code, sizeof code / sizeof *code);
}

// Neither a process nor another program, nor a signal to one. The C library does without clone3 where that is not there.
static int forbid_company(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_execve, 8, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_execveat, 7, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_clone, 6, 0),
#if defined(__NR_fork)
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_fork, 5, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_vfork, 4, 0),
#else
		BPF_STMT(BPF_MISC | BPF_TAX, 0),
		BPF_STMT(BPF_MISC | BPF_TXA, 0),
#endif
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_kill, 3, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_pidfd_send_signal, 2, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_clone3, 2, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
	};
	return install(code, sizeof code / sizeof *code);
}

int spore__os_confine_apply(int ruleset, const struct spore__confine *c)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return -1;
	if (c->self && allow(ruleset, "/proc/self", RIGHTS_READ) != 0)
		return -1;
	if (syscall(__NR_landlock_restrict_self, ruleset, 0) != 0)
		return -1;
	if ((c->alone && forbid_company() != 0) || forbid_pairs_of_datagrams() != 0 || forbid_limits_of_others() != 0)
		return -1;
	return forbid_sockets(c->network);
}

int spore__os_confine_self(const struct spore__confine *c)
{
	int ruleset = spore__os_confine_prepare(c);
	if (ruleset < 0)
		return -1;
	int r = spore__os_confine_apply(ruleset, c);
	int saved = errno;
	close(ruleset);
	errno = saved;
	return r;
}
