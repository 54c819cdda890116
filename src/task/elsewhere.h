// Folders for sockets in the temporary folder, where the path of a hold's own folder is too long for their addresses. A link to each, WHAT.at, is
// in the hold's folder, and is there first: so whoever buries a hold that was killed finds them. Needs libc only.
#ifndef SPORE_TASK_ELSEWHERE_H
#define SPORE_TASK_ELSEWHERE_H

enum { SPORE__ELSEWHERE_MAX = 32 };

#define SPORE__ELSEWHERE_PORTS "ports"
#define SPORE__ELSEWHERE_NOTIFY "notify"

// Makes one for WHAT of the hold whose folder is DIR (a descriptor), with the mode 0700; its path is in OUT. 0, or -1 with errno and nothing made.
int spore__elsewhere_make(int dir, const char *what, char out[SPORE__ELSEWHERE_MAX]);
// Removes that folder with the files in it, and the link to it. It is no error when there is none; what is not ours stays.
void spore__elsewhere_remove(int dir, const char *what);
// All of them.
void spore__elsewhere_clear(int dir);

#endif
