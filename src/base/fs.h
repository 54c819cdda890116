// Files. Functions return 0, or -1 with errno set; nothing is printed.
#ifndef SPORE_BASE_FS_H
#define SPORE_BASE_FS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "base/buf.h"

int spore__fs_mkdirs(const char *path, mode_t mode);            // with parents; 0 when it is there already
int spore__fs_mkdir_for(const char *file);                      // the folder that FILE lives in, 0700
int spore__fs_read(const char *path, struct spore__buf *out);   // the whole file; EFBIG above 1 GiB
int spore__fs_read_fd(int fd, struct spore__buf *out);          // until end of file
int spore__fs_write_all(int fd, const void *bytes, size_t len); // over short writes and EINTR
// Writes beside and renames, so that a reader sees the old or the new content, never a part. No fsync: what is kept
// so is checked by hash or can be made again.
int spore__fs_write_atomic(const char *path, const void *bytes, size_t len, mode_t mode);
int spore__fs_remove_tree(const char *path);       // a file or a folder with all in it; follows no link; 0 when absent
int spore__fs_empty(const char *dir, mode_t mode); // a folder: removes all in it, makes it when it is absent
int spore__fs_copy_file(const char *from, const char *to, mode_t mode); // content only; shares blocks where it can
bool spore__fs_is_dir(const char *path);
bool spore__fs_is_file(const char *path); // a regular file, links followed
bool spore__fs_is_executable(const char *path);
// NAME as a shell finds it on PATH (or the fixed build path when PATH is NULL); malloc'ed, or NULL.
char *spore__fs_find_program(const char *name, const char *path);
const char *spore__fs_base(const char *path);            // after the last slash; points into PATH
char *spore__fs_dir(const char *path);                   // malloc'ed; "." when there is no slash
char *spore__fs_join(const char *dir, const char *name); // malloc'ed
// Every entry of DIR but . and .., sorted by bytes.
int spore__fs_list(const char *dir, struct spore__strs *names);

// %XX for bytes that would break a line of words: space, %, control characters. The reverse is in place, false when malformed.
void spore__escape(struct spore__buf *out, const char *s);
bool spore__unescape(char *s);

#endif
