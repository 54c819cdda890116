// Chooses what to change about a build after one failed: from its log, else what is known of its build system.
#include <stdlib.h>
#include <string.h>

#include "source/build.h"
#include "source/diagnose.h"
#include "source/missing.h"

// A shipped configure may be older than its inputs, and one that is made anew may ask for more than the shipped one.
static bool amend_configure(const struct spore__strategy *strategy, bool lacks, enum spore__phase phase,
                            struct spore__amends *amends)
{
	if ((strategy->ops->variants & 1u << SPORE__AMEND_REGENERATE) == 0 ||
	    strcmp(strategy->file, "configure") != 0 || amends->has[SPORE__AMEND_SHIPPED])
		return false;
	if (amends->has[SPORE__AMEND_REGENERATE]) {
		amends->has[SPORE__AMEND_REGENERATE] = phase != SPORE__PHASE_CONFIGURE;
		return amends->has[SPORE__AMEND_SHIPPED] = phase == SPORE__PHASE_CONFIGURE;
	}
	return amends->has[SPORE__AMEND_REGENERATE] = !lacks && spore__missing_has("tool", "autoreconf");
}

// What the packagers do besides; the last resort.
static bool amend_by_debian(const struct spore__build *b, enum spore__phase phase, bool last,
                            struct spore__amends *amends)
{
	struct spore__strs words = {0};
	const struct spore__build_ops *ops = b->strategy->ops;
	const char *src = b->f->src;
	if (ops == &spore__build_recipe)
		return false;
	if (!amends->has[SPORE__AMEND_RULES])
		spore__rules_read(src, ops, &words);
	bool rules = words.count > 0;
	spore__strs_finish(&words);
	if (rules)
		return amends->has[SPORE__AMEND_RULES] = true;
	if (last && phase == SPORE__PHASE_COMPILE && !amends->has[SPORE__AMEND_PATCHES] && spore__patches_waiting(src))
		return amends->has[SPORE__AMEND_PATCHES] = true;
	if (last && !amends->has[SPORE__AMEND_UNPATCHED] && spore__patches_applied(src)) {
		*amends = (struct spore__amends){.libs = amends->libs, .target = amends->target};
		free(amends->target); // found with the patches
		amends->target = NULL;
		return amends->has[SPORE__AMEND_UNPATCHED] = true;
	}
	return false;
}

bool spore__amend_choose(const struct spore__build *b, enum spore__phase phase, bool lacks, bool last,
                         struct spore__amends *amends)
{
	const struct spore__build_ops *ops = b->strategy->ops;
	const char *log = spore__build_tail(b);
	if (phase == SPORE__PHASE_PREPARE)
		return false;
	if (phase == SPORE__PHASE_PROGRAMS)
		return amend_by_debian(b, phase, last, amends);
	if (spore__diagnose_amend(log, amends))
		return true;
	if (phase == SPORE__PHASE_CONFIGURE && (ops->variants & 1u << SPORE__AMEND_PLAIN) != 0 &&
	    !amends->has[SPORE__AMEND_PLAIN])
		return amends->has[SPORE__AMEND_PLAIN] = true;
	bool races = strstr(log, "No such file or directory") != NULL ||
	             strstr(log, "No rule to make target") != NULL || strstr(log, "file not recognized") != NULL ||
	             strstr(log, "file truncated") != NULL;
	if (phase == SPORE__PHASE_COMPILE && ops->in_tree && races && !amends->has[SPORE__AMEND_SERIAL] &&
	    b->f->jobs > 1 && !lacks)
		return amends->has[SPORE__AMEND_SERIAL] = true;
	if (phase == SPORE__PHASE_COMPILE && ops->in_tree && ops != &spore__build_recipe &&
	    !amends->has[SPORE__AMEND_KEEP] && !spore__diagnose_compiler(&b->end) &&
	    spore__programs_main_in_tree(b, lacks))
		return amends->has[SPORE__AMEND_KEEP] = true;
	if (amend_configure(b->strategy, lacks, phase, amends))
		return true;
	return !lacks && amend_by_debian(b, phase, last, amends);
}
