// Inside of the folder builds: one table of functions per build system, and what they share. A strategy is data: a
// build system, a folder, a file and amendments; folder.c has the one loop that tries strategies.
#ifndef SPORE_SOURCE_BUILD_H
#define SPORE_SOURCE_BUILD_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "source/folder.h"
#include "source/recipe.h"
#include "source/sandbox.h"

struct spore__build;
struct spore__needs;

// How far an attempt came.
enum spore__phase {
	SPORE__PHASE_PREPARE,
	SPORE__PHASE_CONFIGURE,
	SPORE__PHASE_COMPILE,
	SPORE__PHASE_INSTALL,
	SPORE__PHASE_PROGRAMS,
	SPORE__PHASE_DONE,
};

// What can be changed about a build after its log was read. The table in amend.c says how each is done.
enum spore__amendment {
	SPORE__AMEND_COMMON,     // definitions without `extern` in headers
	SPORE__AMEND_NO_WERROR,  // warnings of a newer compiler
	SPORE__AMEND_GNU89,      // C of before 1999
	SPORE__AMEND_GNU_SOURCE, // interfaces that glibc hides
	SPORE__AMEND_CXX14,      // C++ of before 2017
	SPORE__AMEND_NO_PIE,     // objects that cannot be moved
	SPORE__AMEND_ERRNO,      // errno declared by hand
	SPORE__AMEND_OWNER,      // installing as another user
	SPORE__AMEND_PLAIN,      // a configure script that knows no options
	SPORE__AMEND_SERIAL,     // a Makefile that cannot work in parallel
	SPORE__AMEND_KEEP,       // errors beside the program, as in its documentation
	SPORE__AMEND_PATCHES,    // what debian/patches corrects
	SPORE__AMEND_RULES,      // what debian/rules gives the build system
	SPORE__AMEND_UNPATCHED,  // patches that need what else the packagers do
	SPORE__AMEND_REGENERATE, // a shipped configure that is older than what it was made from
	SPORE__AMEND_SHIPPED,    // a configure that cannot be made anew
	SPORE__AMEND_COUNT,
};

struct spore__amends {
	bool has[SPORE__AMEND_COUNT];
	struct spore__strs libs; // names for -l, put last on every link line
	char *target;            // what to ask `make` for; NULL: its default
};

struct spore__strategy {
	const struct spore__build_ops *ops;
	char *sub;  // the folder below src, "" for itself
	char *file; // what made ops recognise it, relative to `sub`: "configure", "Makefile.unix"
	struct spore__amends amends;
};

// One attempt.
struct spore__build {
	const struct spore__folder *f;
	const struct spore__recipe *recipe; // never NULL
	struct spore__strategy *strategy;
	struct spore__strs path_store; // of sandbox.write
	struct spore__sandbox sandbox; // the caller's, with more paths and variables
	char *root;                    // the sources that are built: f->src, or the copy for builds inside the tree
	char *dir;                     // root/sub
	char *tree;                    // where the build puts its files: == dir for builds inside the tree
	char *wrap;                    // folder of wrappers, first on PATH; exists when an amendment needs it
	bool fresh;                    // nothing of an earlier build is in `tree`
	bool keep_going;               // collect every error instead of stopping at the first
	struct spore__sandbox_end end; // of the last command
	char *why;                     // set by a phase that failed by itself and not by a command
	char *project;                 // the name that the build system's file gives, or NULL
};

// A build system. Phases return false on failure, with b->end holding the command's output or b->why the reason.
struct spore__build_ops {
	const char *name;
	bool in_tree;             // builds among its sources, hence on a copy of its own
	const char *const *tools; // NULL-terminated; each has to be there
	unsigned variants;        // amendments that make sense although no log asks for them: bits
	// DIR has such a build; *FILE (malloc'ed) names the file that says so.
	bool (*detect)(const char *dir, char **file);
	// Called when `fresh`, or always when `reconfigures` says so.
	bool (*configure)(struct spore__build *b);
	bool (*reconfigures)(const struct spore__build *b); // may be NULL: the build phase does it by itself
	bool (*compile)(struct spore__build *b);
	bool (*install)(struct spore__build *b); // may be NULL: the programs are taken from the tree
	// What the project's files ask for, to complete the list of what is missing. May be NULL.
	void (*dig)(const struct spore__build *b, struct spore__needs *needs);
};

extern const struct spore__build_ops spore__build_recipe, spore__build_meson, spore__build_cmake,
    spore__build_autotools, spore__build_configure, spore__build_kconfig, spore__build_make, spore__build_c;

// In the order in which they are tried, NULL-terminated; without the recipe.
extern const struct spore__build_ops *const spore__build_systems[];
const struct spore__build_ops *spore__build_system(const char *name); // NULL when unknown

// Runs ARGV confined; true when it succeeded. b->end is that of this command.
bool spore__build_run(struct spore__build *b, const char *cwd, const char *const argv[]);
bool spore__build_runs(struct spore__build *b, const char *cwd, const struct spore__strs *argv);
// The path of a tool as the build's PATH finds it, wrappers first; malloc'ed, or NULL.
char *spore__build_tool(const struct spore__build *b, const char *name);
const char *spore__build_tail(const struct spore__build *b); // what the last command printed at its end; never NULL
void spore__build_log(const struct spore__build *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
bool spore__build_fail(struct spore__build *b, const char *fmt, ...) __attribute__((format(printf, 2, 3))); // false

// Candidates for this folder, best first (detect.c). *STRATEGIES is the caller's.
size_t spore__detect(const struct spore__folder *f, const struct spore__recipe *recipe,
                     struct spore__strategy **strategies);
void spore__strategy_finish(struct spore__strategy *s);
void spore__strategy_copy(struct spore__strategy *to, const struct spore__strategy *from);
char *spore__strategy_describe(const struct spore__strategy *s); // "make in src/ with -fcommon"; malloc'ed

// Makes TO like FROM for every file that changed since the last time (recorded in the file LIST), keeping times, and
// leaves alone what a build added. 0, or -1 with errno (mirror.c).
int spore__mirror_sync(const char *from, const char *to, const char *list);
// Copies a file or a folder with all in it, links as links; 0, or -1 with errno.
int spore__mirror_copy(const char *from, const char *to);

// Wrappers of the compilers and of install(1) that carry out the amendments; true when b->wrap is needed (amend.c).
int spore__amend_wrap(struct spore__build *b);
// What to change after an attempt that ended in PHASE; false when there is nothing left to try. LACKS: it is known that something
// is not on this machine. LAST: there is no other strategy (amend_choice.c).
bool spore__amend_choose(const struct spore__build *b, enum spore__phase phase, bool lacks, bool last,
                         struct spore__amends *amends);
const char *spore__amend_text(enum spore__amendment a); // "-fcommon"
const char *spore__amend_key(enum spore__amendment a);  // for the notes between builds

// Fills in R what the failure of all STRATEGIES comes to (folder_explain.c).
void spore__folder_explain(const struct spore__folder *f, const struct spore__needs *needs, size_t strategies,
                           struct spore__folder_result *r);
void spore__folder_fail(struct spore__folder_result *r, char *error, char *remedy); // takes both; REMEDY may be NULL

// The programs below prefix, best first (programs.c). *KNOWN: the first is the one to run.
void spore__programs_find(const struct spore__build *b, struct spore__strs *programs, bool *known);
// Takes programs out of the build tree when nothing was installed; the number found.
size_t spore__programs_collect(struct spore__build *b);
size_t spore__programs_in_tree(const struct spore__build *b); // how many it would take
// Is the program itself there, and not only what the build made for its own use? SURE: it has the project's name.
bool spore__programs_main_in_tree(const struct spore__build *b, bool sure);
bool spore__programs_is_elf(const char *path); // an ELF executable (not a library, not an object)

// Adds to WORDS the options and assignments in SRC/debian/rules that OPS takes (rules.c).
void spore__rules_read(const char *src, const struct spore__build_ops *ops, struct spore__strs *words);
// The same when the strategy has that amendment, otherwise nothing.
void spore__rules_add(const struct spore__build *b, struct spore__strs *words);

// Applies debian/patches to the copy, those that fit (patches.c); takes back those that were applied.
void spore__patches_apply(struct spore__build *b);
int spore__patches_revert(const struct spore__build *b); // 0, or -1 with errno
bool spore__patches_waiting(const char *src);            // there are some, not applied
bool spore__patches_applied(const char *src);

// Is TEXT a configure script that autoconf made? (build_autotools.c)
bool spore__autotools_made(const char *text);
// Was what configure is made from changed by debian/patches, and are the tools there to make it anew?
bool spore__autotools_outdated(const char *src);

// `make` in b->dir with what the amendments and keep_going say. FILE (may be NULL) is for -f, TARGET may be NULL, VARIABLES
// (NAME=VALUE, may be NULL) stand on its command line (build_make.c).
bool spore__make(struct spore__build *b, const char *file, const char *target, const struct spore__strs *variables);
// `make install`; true also when there is no such target: the programs are then taken from the tree.
bool spore__make_install(struct spore__build *b, const char *file, const struct spore__strs *variables);
// The assignments that direct Makefile TEXT's installation below the prefix.
void spore__make_variables(const struct spore__build *b, const char *text, struct spore__strs *variables);
bool spore__make_has_target(const char *text, const char *target);

// Text helpers of the detectors (text.c).
char *spore__text_file(const char *dir, const char *name); // malloc'ed content, NULL when there is none
// The next call of FUNCTION( in TEXT at or behind *AT, comments skipped (#...): its arguments without the parentheses,
// malloc'ed; *AT moves on. NULL when there is no further.
char *spore__text_call(const char *text, const char *function, size_t *at);
// Is the place AT inside of an if ... endif, as Meson and CMake write them?
bool spore__text_conditional(const char *text, size_t at);
// The next word of the arguments at *AT: quotes, [] and commas removed; malloc'ed, NULL at the end.
char *spore__text_word(const char *args, size_t *at);
bool spore__text_has_word(const char *name, const char *const *words); // NAME split at - and _ has one of them
// Names of options that switch off documentation, tests and examples have one of these words.
extern const char *const spore__text_extras[];

#endif
