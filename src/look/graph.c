// spore graph: the tasks of a system, what each comes after, and its wires, as they run or as the manifest has them.
#include "look/graph.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "look/flow.h"
#include "look/look.h"
#include "system/command.h"
#include "task/wanted.h"

enum { INTERVAL_MS = 200, PAUSE_MS = 800 };

static bool is_there(const char *path)
{
	struct stat st;
	return stat(path, &st) == 0;
}

// The manifest that OPERAND (may be NULL) names, or none is meant: then *SYSTEM is what the node is asked about. 0, or the exit status after a report.
static int choose(const char *operand, struct spore__manifest *m, const char **system)
{
	char *why, *remedy;
	*m = (struct spore__manifest){0};
	*system = NULL;
	if (operand != NULL && !is_there(operand)) {
		if (spore__name_is_valid(operand)) {
			*system = operand;
			return 0;
		}
	} else if (operand == NULL) {
		char *path = spore__manifest_find(NULL, &why, &remedy);
		if (path == NULL) {
			free(why);
			free(remedy);
			*system = "";
			return 0;
		}
		free(path);
	}
	return spore__system_load(operand, m);
}

static int unknown(const char *system, bool node)
{
	const char *remedy = node ? "'spore ps -a' lists what the node has; a manifest is named by its file or folder"
	                          : "'spore node start' starts it; a manifest is named by its file or folder";
	if (system[0] == '\0')
		spore__report(remedy, "graph: there is no spore.yaml here, and no node runs");
	else
		spore__report(remedy, "graph: %s is no file%s", system,
		              node ? ", and no system that the node has" : ", and no node runs that could know it");
	return SPORE__EXIT_NO_SOURCE;
}

static int fill(struct spore__graph *g, struct spore__tasks *t, const struct spore__manifest *m, const char *system,
                bool measures)
{
	*g = (struct spore__graph){0};
	if (system == NULL) {
		spore__graph_of_manifest(g, m);
	} else {
		spore__strs_add(&g->texts, system);
		g->system = g->texts.items[0];
	}
	int status = t != NULL ? spore__graph_of_node(g, t, measures) : 0;
	if (status == 0 && system != NULL && system[0] != '\0' && !g->running)
		status = unknown(system, true);
	return status;
}

static bool paint(const struct spore__look *look, const struct spore__graph *g)
{
	struct spore__buf out = {0};
	bool repaints = look->live && !look->json && isatty(STDOUT_FILENO);
	if (look->dot)
		spore__graph_dot(g, &out);
	else if (look->mermaid)
		spore__graph_mermaid(g, &out);
	else if (look->json)
		spore__graph_json(g, &out);
	else
		spore__graph_text(g, &out);
	bool written = repaints ? spore__flow_repaint(&out)
	                        : fwrite(out.data, 1, out.len, stdout) == out.len && fflush(stdout) == 0;
	spore__buf_finish(&out);
	if (!written && errno != EPIPE)
		spore__die(SPORE__EXIT_SPORE, NULL, "graph: standard output cannot be written: %s", strerror(errno));
	return written;
}

int spore__look_graph(const struct spore__look *look)
{
	struct spore__manifest m;
	struct spore__graph g;
	struct spore__tasks t;
	const char *system;
	bool measures = look->stats || look->live, again = true;
	if (look->dot + look->mermaid + look->json > 1)
		spore__die(SPORE__EXIT_USAGE, "give one of them",
		           "graph: --dot, --mermaid and --json exclude each other");
	if (look->live && look->dot + look->mermaid > 0)
		spore__die(SPORE__EXIT_USAGE, "leave out one of them", "graph: --live is of text and --json");
	int status = choose(look->operands[0], &m, &system);
	if (status != 0) {
		spore__manifest_finish(&m);
		return status;
	}
	int met = spore__tasks_open(&t, "graph", false);
	status = met > 0 ? met : met < 0 && system != NULL ? unknown(system, false) : 0;
	while (status == 0 && again) {
		status = fill(&g, met == 0 ? &t : NULL, &m, system, measures);
		if (status == 0 && measures && g.running) {
			spore__flow_pause(INTERVAL_MS);
			spore__graph_measure(&g);
		}
		again = status == 0 && paint(look, &g) && look->live;
		spore__graph_finish(&g);
		if (again)
			spore__flow_pause(PAUSE_MS);
	}
	if (met == 0)
		spore__tasks_close(&t);
	spore__manifest_finish(&m);
	return status;
}
