// Layouts of the system's structures, those around sockets and files.
#define _GNU_SOURCE
#include <net/ethernet.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysinfo.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/utsname.h>

#define SIZE(t) printf("%s: %zu, aligned to %zu\n", #t, sizeof(t), _Alignof(t))
#define AT(t, m) printf("\t%s at %zu, %zu\n", #m, offsetof(t, m), sizeof(((t *)0)->m))

int main(void)
{
	SIZE(struct stat);
	AT(struct stat, st_dev);
	AT(struct stat, st_ino);
	AT(struct stat, st_mode);
	AT(struct stat, st_nlink);
	AT(struct stat, st_uid);
	AT(struct stat, st_gid);
	AT(struct stat, st_rdev);
	AT(struct stat, st_size);
	AT(struct stat, st_blksize);
	AT(struct stat, st_blocks);
	AT(struct stat, st_atim);
	AT(struct stat, st_mtim);
	AT(struct stat, st_ctim);
	SIZE(struct sockaddr);
	AT(struct sockaddr, sa_family);
	AT(struct sockaddr, sa_data);
	SIZE(struct sockaddr_storage);
	AT(struct sockaddr_storage, ss_family);
	SIZE(struct msghdr);
	AT(struct msghdr, msg_name);
	AT(struct msghdr, msg_namelen);
	AT(struct msghdr, msg_iov);
	AT(struct msghdr, msg_iovlen);
	AT(struct msghdr, msg_control);
	AT(struct msghdr, msg_controllen);
	AT(struct msghdr, msg_flags);
	SIZE(struct cmsghdr);
	AT(struct cmsghdr, cmsg_len);
	AT(struct cmsghdr, cmsg_level);
	AT(struct cmsghdr, cmsg_type);
	SIZE(struct linger);
	AT(struct linger, l_onoff);
	AT(struct linger, l_linger);
	SIZE(struct sockaddr_in);
	AT(struct sockaddr_in, sin_family);
	AT(struct sockaddr_in, sin_port);
	AT(struct sockaddr_in, sin_addr);
	AT(struct sockaddr_in, sin_zero);
	SIZE(struct sockaddr_in6);
	AT(struct sockaddr_in6, sin6_family);
	AT(struct sockaddr_in6, sin6_port);
	AT(struct sockaddr_in6, sin6_flowinfo);
	AT(struct sockaddr_in6, sin6_addr);
	AT(struct sockaddr_in6, sin6_scope_id);
	SIZE(struct ip_mreq);
	AT(struct ip_mreq, imr_multiaddr);
	AT(struct ip_mreq, imr_interface);
	SIZE(struct ipv6_mreq);
	AT(struct ipv6_mreq, ipv6mr_multiaddr);
	AT(struct ipv6_mreq, ipv6mr_interface);
	SIZE(struct sockaddr_un);
	AT(struct sockaddr_un, sun_family);
	AT(struct sockaddr_un, sun_path);
	SIZE(struct iovec);
	AT(struct iovec, iov_base);
	AT(struct iovec, iov_len);
	SIZE(struct addrinfo);
	AT(struct addrinfo, ai_flags);
	AT(struct addrinfo, ai_family);
	AT(struct addrinfo, ai_socktype);
	AT(struct addrinfo, ai_protocol);
	AT(struct addrinfo, ai_addrlen);
	AT(struct addrinfo, ai_addr);
	AT(struct addrinfo, ai_canonname);
	AT(struct addrinfo, ai_next);
	SIZE(struct hostent);
	AT(struct hostent, h_name);
	AT(struct hostent, h_aliases);
	AT(struct hostent, h_addrtype);
	AT(struct hostent, h_length);
	AT(struct hostent, h_addr_list);
	SIZE(struct servent);
	AT(struct servent, s_name);
	AT(struct servent, s_aliases);
	AT(struct servent, s_port);
	AT(struct servent, s_proto);
	SIZE(struct protoent);
	AT(struct protoent, p_name);
	AT(struct protoent, p_aliases);
	AT(struct protoent, p_proto);
	SIZE(struct pollfd);
	AT(struct pollfd, fd);
	AT(struct pollfd, events);
	AT(struct pollfd, revents);
	SIZE(struct statvfs);
	AT(struct statvfs, f_bsize);
	AT(struct statvfs, f_frsize);
	AT(struct statvfs, f_blocks);
	AT(struct statvfs, f_bfree);
	AT(struct statvfs, f_bavail);
	AT(struct statvfs, f_files);
	AT(struct statvfs, f_namemax);
	SIZE(struct utsname);
	AT(struct utsname, sysname);
	AT(struct utsname, nodename);
	AT(struct utsname, release);
	AT(struct utsname, version);
	AT(struct utsname, machine);
	SIZE(struct sembuf);
	AT(struct sembuf, sem_num);
	AT(struct sembuf, sem_op);
	AT(struct sembuf, sem_flg);
	SIZE(struct shmid_ds);
	AT(struct shmid_ds, shm_perm);
	AT(struct shmid_ds, shm_segsz);
	AT(struct shmid_ds, shm_atime);
	AT(struct shmid_ds, shm_nattch);
	SIZE(struct iphdr);
	AT(struct iphdr, tot_len);
	AT(struct iphdr, id);
	AT(struct iphdr, frag_off);
	AT(struct iphdr, ttl);
	AT(struct iphdr, protocol);
	AT(struct iphdr, check);
	AT(struct iphdr, saddr);
	AT(struct iphdr, daddr);
	SIZE(struct tcphdr);
	AT(struct tcphdr, source);
	AT(struct tcphdr, dest);
	AT(struct tcphdr, seq);
	AT(struct tcphdr, ack_seq);
	AT(struct tcphdr, window);
	AT(struct tcphdr, check);
	AT(struct tcphdr, urg_ptr);
	SIZE(struct udphdr);
	AT(struct udphdr, source);
	AT(struct udphdr, dest);
	AT(struct udphdr, len);
	AT(struct udphdr, check);
	SIZE(struct icmphdr);
	AT(struct icmphdr, type);
	AT(struct icmphdr, code);
	AT(struct icmphdr, checksum);
	SIZE(struct ether_header);
	AT(struct ether_header, ether_dhost);
	AT(struct ether_header, ether_shost);
	AT(struct ether_header, ether_type);
	SIZE(struct ifreq);
	AT(struct ifreq, ifr_name);
	AT(struct ifreq, ifr_flags);
	SIZE(struct arphdr);
	AT(struct arphdr, ar_hrd);
	AT(struct arphdr, ar_pro);
	AT(struct arphdr, ar_hln);
	AT(struct arphdr, ar_pln);
	AT(struct arphdr, ar_op);
	SIZE(struct signalfd_siginfo);
	AT(struct signalfd_siginfo, ssi_signo);
	AT(struct signalfd_siginfo, ssi_errno);
	AT(struct signalfd_siginfo, ssi_pid);
	AT(struct signalfd_siginfo, ssi_status);
	AT(struct signalfd_siginfo, ssi_addr);
	SIZE(struct sysinfo);
	AT(struct sysinfo, uptime);
	AT(struct sysinfo, loads);
	AT(struct sysinfo, totalram);
	AT(struct sysinfo, freeram);
	AT(struct sysinfo, procs);
	AT(struct sysinfo, mem_unit);
	return 0;
}
