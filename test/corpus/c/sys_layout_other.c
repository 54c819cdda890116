// Layouts of the system's other structures.
#define _GNU_SOURCE
#include <dirent.h>
#include <elf.h>
#include <fcntl.h>
#include <ftw.h>
#include <getopt.h>
#include <glob.h>
#include <grp.h>
#include <inttypes.h>
#include <locale.h>
#include <mntent.h>
#include <mqueue.h>
#include <pthread.h>
#include <pwd.h>
#include <regex.h>
#include <sched.h>
#include <search.h>
#include <semaphore.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/quota.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/times.h>
#include <sys/timex.h>
#include <termios.h>
#include <time.h>
#include <utime.h>
#include <utmpx.h>

#define SIZE(t) printf("%s: %zu, aligned to %zu\n", #t, sizeof(t), _Alignof(t))
#define AT(t, m) printf("\t%s at %zu, %zu\n", #m, offsetof(t, m), sizeof(((t *)0)->m))

int main(void)
{
	SIZE(struct epoll_event);
	AT(struct epoll_event, events);
	AT(struct epoll_event, data);
	SIZE(struct tm);
	AT(struct tm, tm_sec);
	AT(struct tm, tm_min);
	AT(struct tm, tm_hour);
	AT(struct tm, tm_mday);
	AT(struct tm, tm_mon);
	AT(struct tm, tm_year);
	AT(struct tm, tm_wday);
	AT(struct tm, tm_yday);
	AT(struct tm, tm_isdst);
	SIZE(struct timespec);
	AT(struct timespec, tv_sec);
	AT(struct timespec, tv_nsec);
	SIZE(struct itimerspec);
	AT(struct itimerspec, it_interval);
	AT(struct itimerspec, it_value);
	SIZE(struct timeval);
	AT(struct timeval, tv_sec);
	AT(struct timeval, tv_usec);
	SIZE(struct itimerval);
	AT(struct itimerval, it_interval);
	AT(struct itimerval, it_value);
	SIZE(struct sigaction);
	AT(struct sigaction, sa_mask);
	AT(struct sigaction, sa_flags);
	SIZE(struct sigevent);
	AT(struct sigevent, sigev_value);
	AT(struct sigevent, sigev_signo);
	AT(struct sigevent, sigev_notify);
	SIZE(siginfo_t);
	AT(siginfo_t, si_signo);
	AT(siginfo_t, si_errno);
	AT(siginfo_t, si_code);
	AT(siginfo_t, si_pid);
	AT(siginfo_t, si_uid);
	AT(siginfo_t, si_status);
	AT(siginfo_t, si_value);
	AT(siginfo_t, si_addr);
	SIZE(stack_t);
	AT(stack_t, ss_sp);
	AT(stack_t, ss_flags);
	AT(stack_t, ss_size);
	SIZE(ucontext_t);
	AT(ucontext_t, uc_flags);
	AT(ucontext_t, uc_link);
	AT(ucontext_t, uc_stack);
	AT(ucontext_t, uc_mcontext);
	AT(ucontext_t, uc_sigmask);
	SIZE(struct rlimit);
	AT(struct rlimit, rlim_cur);
	AT(struct rlimit, rlim_max);
	SIZE(struct rusage);
	AT(struct rusage, ru_utime);
	AT(struct rusage, ru_stime);
	AT(struct rusage, ru_maxrss);
	AT(struct rusage, ru_minflt);
	AT(struct rusage, ru_majflt);
	AT(struct rusage, ru_inblock);
	AT(struct rusage, ru_oublock);
	AT(struct rusage, ru_nvcsw);
	AT(struct rusage, ru_nivcsw);
	SIZE(struct dirent);
	AT(struct dirent, d_ino);
	AT(struct dirent, d_off);
	AT(struct dirent, d_reclen);
	AT(struct dirent, d_type);
	AT(struct dirent, d_name);
	SIZE(struct termios);
	AT(struct termios, c_iflag);
	AT(struct termios, c_oflag);
	AT(struct termios, c_cflag);
	AT(struct termios, c_lflag);
	AT(struct termios, c_line);
	AT(struct termios, c_cc);
	AT(struct termios, c_ispeed);
	AT(struct termios, c_ospeed);
	SIZE(struct winsize);
	AT(struct winsize, ws_row);
	AT(struct winsize, ws_col);
	AT(struct winsize, ws_xpixel);
	AT(struct winsize, ws_ypixel);
	SIZE(struct passwd);
	AT(struct passwd, pw_name);
	AT(struct passwd, pw_passwd);
	AT(struct passwd, pw_uid);
	AT(struct passwd, pw_gid);
	AT(struct passwd, pw_gecos);
	AT(struct passwd, pw_dir);
	AT(struct passwd, pw_shell);
	SIZE(struct group);
	AT(struct group, gr_name);
	AT(struct group, gr_passwd);
	AT(struct group, gr_gid);
	AT(struct group, gr_mem);
	SIZE(struct flock);
	AT(struct flock, l_type);
	AT(struct flock, l_whence);
	AT(struct flock, l_start);
	AT(struct flock, l_len);
	AT(struct flock, l_pid);
	SIZE(struct tms);
	AT(struct tms, tms_utime);
	AT(struct tms, tms_stime);
	AT(struct tms, tms_cutime);
	AT(struct tms, tms_cstime);
	SIZE(struct utimbuf);
	AT(struct utimbuf, actime);
	AT(struct utimbuf, modtime);
	SIZE(struct lconv);
	AT(struct lconv, decimal_point);
	AT(struct lconv, thousands_sep);
	AT(struct lconv, grouping);
	AT(struct lconv, frac_digits);
	AT(struct lconv, n_sign_posn);
	SIZE(div_t);
	AT(div_t, quot);
	AT(div_t, rem);
	SIZE(ldiv_t);
	AT(ldiv_t, quot);
	AT(ldiv_t, rem);
	SIZE(lldiv_t);
	AT(lldiv_t, quot);
	AT(lldiv_t, rem);
	SIZE(imaxdiv_t);
	AT(imaxdiv_t, quot);
	AT(imaxdiv_t, rem);
	SIZE(regex_t);
	AT(regex_t, re_nsub);
	SIZE(regmatch_t);
	AT(regmatch_t, rm_so);
	AT(regmatch_t, rm_eo);
	SIZE(glob_t);
	AT(glob_t, gl_pathc);
	AT(glob_t, gl_pathv);
	AT(glob_t, gl_offs);
	SIZE(struct FTW);
	AT(struct FTW, base);
	AT(struct FTW, level);
	SIZE(struct option);
	AT(struct option, name);
	AT(struct option, has_arg);
	AT(struct option, flag);
	AT(struct option, val);
	SIZE(struct msqid_ds);
	AT(struct msqid_ds, msg_perm);
	AT(struct msqid_ds, msg_qnum);
	AT(struct msqid_ds, msg_qbytes);
	SIZE(struct ipc_perm);
	AT(struct ipc_perm, uid);
	AT(struct ipc_perm, gid);
	AT(struct ipc_perm, cuid);
	AT(struct ipc_perm, cgid);
	AT(struct ipc_perm, mode);
	SIZE(struct mq_attr);
	AT(struct mq_attr, mq_flags);
	AT(struct mq_attr, mq_maxmsg);
	AT(struct mq_attr, mq_msgsize);
	AT(struct mq_attr, mq_curmsgs);
	SIZE(struct sched_param);
	AT(struct sched_param, sched_priority);
	SIZE(ENTRY);
	AT(ENTRY, key);
	AT(ENTRY, data);
	SIZE(sem_t);
	SIZE(pthread_mutex_t);
	SIZE(pthread_cond_t);
	SIZE(pthread_rwlock_t);
	SIZE(pthread_attr_t);
	SIZE(pthread_barrier_t);
	SIZE(struct inotify_event);
	AT(struct inotify_event, wd);
	AT(struct inotify_event, mask);
	AT(struct inotify_event, cookie);
	AT(struct inotify_event, len);
	SIZE(struct timex);
	AT(struct timex, modes);
	AT(struct timex, offset);
	AT(struct timex, freq);
	AT(struct timex, status);
	AT(struct timex, time);
	AT(struct timex, tick);
	SIZE(Elf64_Ehdr);
	AT(Elf64_Ehdr, e_ident);
	AT(Elf64_Ehdr, e_type);
	AT(Elf64_Ehdr, e_entry);
	AT(Elf64_Ehdr, e_phoff);
	AT(Elf64_Ehdr, e_flags);
	AT(Elf64_Ehdr, e_shstrndx);
	SIZE(Elf64_Sym);
	AT(Elf64_Sym, st_name);
	AT(Elf64_Sym, st_info);
	AT(Elf64_Sym, st_value);
	AT(Elf64_Sym, st_size);
	SIZE(struct dqblk);
	AT(struct dqblk, dqb_bhardlimit);
	AT(struct dqblk, dqb_curspace);
	AT(struct dqblk, dqb_valid);
	SIZE(struct utmpx);
	AT(struct utmpx, ut_type);
	AT(struct utmpx, ut_pid);
	AT(struct utmpx, ut_line);
	AT(struct utmpx, ut_id);
	AT(struct utmpx, ut_user);
	AT(struct utmpx, ut_host);
	AT(struct utmpx, ut_tv);
	SIZE(struct mntent);
	AT(struct mntent, mnt_fsname);
	AT(struct mntent, mnt_dir);
	AT(struct mntent, mnt_freq);
	SIZE(cookie_io_functions_t);
	AT(cookie_io_functions_t, read);
	AT(cookie_io_functions_t, write);
	AT(cookie_io_functions_t, seek);
	AT(cookie_io_functions_t, close);
	return 0;
}
