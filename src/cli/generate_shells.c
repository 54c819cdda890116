// Shell completions. Each script has a small function that finds which command the words before the cursor name, and tables
// made from ours.
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "cli/generate.h"

// For single quotes in bash and zsh; fish wants \' instead.
static void quoted(struct spore__buf *out, const char *text, const char *quote)
{
	for (const char *p = text; *p != '\0'; p++)
		if (*p == '\'')
			spore__buf_str(out, quote);
		else
			spore__buf_char(out, *p);
}

static const char *what(enum spore__completes completes)
{
	switch (completes) {
	case SPORE__COMPLETES_NOTHING:
		return "nothing";
	case SPORE__COMPLETES_SOURCE:
	case SPORE__COMPLETES_FILE:
		return "files";
	case SPORE__COMPLETES_WORDS:
		return "words";
	case SPORE__COMPLETES_COMMAND:
		return "commands";
	case SPORE__COMPLETES_TASK:
		return "tasks";
	case SPORE__COMPLETES_PORT:
		return "ports";
	case SPORE__COMPLETES_END:
		return "ends";
	case SPORE__COMPLETES_CALL:
		return "calls";
	}
	return "nothing";
}

// What a shell runs for names that only the node has; NULL for others.
static const char *names_of(enum spore__completes completes)
{
	switch (completes) {
	case SPORE__COMPLETES_TASK:
		return "spore ps --names 2>/dev/null";
	case SPORE__COMPLETES_PORT:
		return "spore wires --names 2>/dev/null";
	case SPORE__COMPLETES_END:
		return "spore wires --names 2>/dev/null; spore ps --names 2>/dev/null";
	default:
		return NULL;
	}
}

static void command_names(struct spore__buf *out, const struct spore__command *const *commands)
{
	for (size_t i = 0; commands[i] != NULL; i++)
		spore__buf_printf(out, "%s%s", i > 0 ? " " : "", commands[i]->name);
}

static void bash_command(struct spore__buf *out, const char *path, const struct spore__command *c)
{
	spore__buf_printf(out, "\t'%s')\n\t\toptions='--help", path);
	for (const struct spore__option *o = c->options; o != NULL && o->name != NULL; o++)
		spore__buf_printf(out, " --%s", o->name);
	spore__buf_str(out, "' valued='");
	for (const struct spore__option *o = c->options; o != NULL && o->name != NULL; o++) {
		if (o->value == NULL)
			continue;
		spore__buf_printf(out, " --%s", o->name);
		if (o->letter != '\0')
			spore__buf_printf(out, " -%c", o->letter);
	}
	spore__buf_str(out, " ' commands='");
	if (c->commands != NULL)
		command_names(out, c->commands);
	bool one = c->completes == SPORE__COMPLETES_TASK && c->max_operands == 1;
	spore__buf_printf(out, "' operand=%s second=%s ends=%s ;;\n", one ? "task" : what(c->completes),
	                  what(c->second), c->operands_end_options ? "yes" : "no");
}

// What the value of an option is: "PATH OPTION" to the words or the kind.
static void bash_values(struct spore__buf *out, const char *path, const struct spore__command *c)
{
	for (const struct spore__option *o = c->options; o != NULL && o->name != NULL; o++) {
		if (o->value == NULL || o->completes == SPORE__COMPLETES_NOTHING)
			continue;
		spore__buf_printf(out, "\t'%s --%s'", path, o->name);
		if (o->letter != '\0')
			spore__buf_printf(out, " | '%s -%c'", path, o->letter);
		spore__buf_printf(out, ") kind=%s words='", what(o->completes));
		if (o->words != NULL)
			quoted(out, o->words, "'\\''");
		spore__buf_str(out, "' ;;\n");
	}
}

void spore__generate_bash(struct spore__buf *out)
{
	spore__buf_str(
	    out,
	    "# bash completion for spore; made from its table of commands\n\n"
	    "# Sets what can follow the command in $1.\n"
	    "_spore_command()\n{\n\toptions= valued= commands= operand=nothing second=nothing ends=no\n\tcase $1 in\n"
	    "\t'') options='--help --version' commands='");
	command_names(out, spore__commands);
	spore__buf_str(out, "' ;;\n");
	spore__generate_each(bash_command, out);
	spore__buf_str(out, "\tesac\n}\n\n# Sets what the value of an option is; $1 is the command and the option.\n"
	                    "_spore_value()\n{\n\tkind=nothing words=\n\tcase $1 in\n");
	spore__generate_each(bash_values, out);
	spore__buf_str(out, "\t*) ;;\n\tesac\n}\n\n"
	                    "_spore()\n{\n"
	                    "\tlocal cur=${COMP_WORDS[COMP_CWORD]} path= operands=0 option= word i first=\n"
	                    "\tlocal options valued commands operand second ends kind words all\n"
	                    "\tCOMPREPLY=()\n"
	                    "\t_spore_command ''\n\tall=$commands\n"
	                    "\tfor ((i = 1; i < COMP_CWORD; i++)); do\n"
	                    "\t\tword=${COMP_WORDS[i]}\n"
	                    "\t\tif [[ $word == '=' ]]; then\n\t\t\tcontinue\n"
	                    "\t\telif [[ $word == @ ]]; then\n"
	                    "\t\t\toperands=$((operands - 1)) # of what readline takes for two words\n"
	                    "\t\telif [[ -n $option ]]; then\n\t\t\toption=\n"
	                    "\t\telif [[ $options && $word == -- ]]; then\n\t\t\toptions=\n"
	                    "\t\telif [[ $options && $word == -?* ]]; then\n"
	                    "\t\t\t[[ $valued == *\" $word \"* ]] && option=$word\n"
	                    "\t\telif [[ \" $commands \" == *\" $word \"* ]]; then\n"
	                    "\t\t\tpath=${path:+$path }$word\n\t\t\t_spore_command \"$path\"\n"
	                    "\t\telse\n"
	                    "\t\t\toperands=$((operands + 1)) first=${first:-$word}\n"
	                    "\t\t\t[[ $ends == yes ]] && options=\n"
	                    "\t\tfi\n\tdone\n"
	                    "\t[[ $cur == '=' ]] && cur=\n"
	                    "\t[[ $cur == @ ]] && operands=$((operands - 1))\n"
	                    "\tif [[ -n $option ]]; then\n\t\t_spore_value \"$path $option\"\n"
	                    "\telif [[ $options && $cur == -* ]]; then\n\t\tkind=words words=$options\n"
	                    "\telif [[ -n $commands ]]; then\n\t\tkind=words words=$commands\n"
	                    "\telif [[ $operand == calls ]] && ((operands < 2)); then\n"
	                    "\t\tkind=words words=$(spore call $first --names 2>/dev/null)\n"
	                    "\telif ((operands == 1)) && [[ $second != nothing ]]; then\n\t\tkind=$second\n"
	                    "\telif ((operands > 0)) && [[ $operand != tasks ]]; then\n"
	                    "\t\tkind=nothing\n\t\t[[ $ends == yes ]] && kind=files\n"
	                    "\telse\n\t\tkind=$operand\n\tfi\n"
	                    "\tcase $kind in\n"
	                    "\tfiles)\n"
	                    "\t\tcompopt -o filenames 2>/dev/null\n"
	                    "\t\twhile IFS= read -r word; do COMPREPLY+=(\"$word\"); done < <(compgen -f -- \"$cur\")\n"
	                    "\t\t;;\n"
	                    "\tcommands | words)\n"
	                    "\t\t[[ $kind == commands ]] && words=$all\n"
	                    "\t\twhile IFS= read -r word; do COMPREPLY+=(\"$word\"); done < "
	                    "<(compgen -W \"$words\" -- \"$cur\")\n"
	                    "\t\t;;\n"
	                    "\ttask | tasks | ports | ends)\n"
	                    "\t\t# readline begins a new word at @, COMP_WORDS behind it\n"
	                    "\t\tall=${COMP_LINE-$cur} option=\n"
	                    "\t\tcase $kind in\n");
	spore__buf_printf(out, "\t\tports) words=$(%s) ;;\n\t\tends) words=$(%s) ;;\n\t\t*) words=$(%s) ;;\n\t\tesac\n",
	                  names_of(SPORE__COMPLETES_PORT), names_of(SPORE__COMPLETES_END),
	                  names_of(SPORE__COMPLETES_TASK));
	spore__buf_str(out, "\t\tall=${all:0:${COMP_POINT-${#all}}} all=${all##*[[:space:]]}\n"
	                    "\t\t[[ $all == *@* ]] && option=${all%@*}\n"
	                    "\t\twhile IFS= read -r word; do COMPREPLY+=(\"${word#\"$option\"}\"); done < "
	                    "<(compgen -W \"$words\" -- \"$all\")\n"
	                    "\t\t;;\n"
	                    "\tesac\n}\n\ncomplete -F _spore spore\n");
}

// In _arguments, a description ends at ] and an action at :, so these are taken for marks.
static void zsh_text(struct spore__buf *out, const char *text)
{
	for (const char *p = text; *p != '\0'; p++) {
		if (strchr("[]:\\", *p) != NULL)
			spore__buf_char(out, '\\');
		if (*p == '\'')
			spore__buf_str(out, "'\\''");
		else
			spore__buf_char(out, *p);
	}
}

static void zsh_action(struct spore__buf *out, enum spore__completes completes, const char *words)
{
	if (completes == SPORE__COMPLETES_SOURCE || completes == SPORE__COMPLETES_FILE) {
		spore__buf_str(out, "_files");
	} else if (completes == SPORE__COMPLETES_WORDS || completes == SPORE__COMPLETES_COMMAND) {
		spore__buf_char(out, '(');
		if (completes == SPORE__COMPLETES_WORDS)
			quoted(out, words, "'\\''");
		else
			command_names(out, spore__commands);
		spore__buf_char(out, ')');
	} else if (names_of(completes) != NULL) {
		spore__buf_printf(out, "{compadd -- ${(f)\"$(%s)\"}}", names_of(completes));
	} else if (completes == SPORE__COMPLETES_CALL) {
		spore__buf_str(out, "{compadd -- ${(f)\"$(spore call --names 2>/dev/null)\"}}' \\\n\t\t'2:method:"
		                    "{compadd -- ${(f)\"$(spore call $words[2] --names 2>/dev/null)\"}}");
	} else {
		spore__buf_char(out, ' ');
	}
}

static char *function_name(const char *path)
{
	char *name = spore__xasprintf("_spore%s%s", path[0] != '\0' ? "_" : "", path);
	for (char *p = name; *p != '\0'; p++)
		if (*p == ' ' || *p == '-')
			*p = '_';
	return name;
}

static void zsh_commands(struct spore__buf *out, const char *path, const struct spore__command *const *commands)
{
	spore__buf_str(out, "\tlocal -a commands\n\tcommands=(\n");
	for (size_t i = 0; commands[i] != NULL; i++) {
		spore__buf_printf(out, "\t\t'%s:", commands[i]->name);
		zsh_text(out, commands[i]->summary);
		spore__buf_str(out, "'\n");
	}
	char *name = function_name(path);
	spore__buf_printf(out,
	                  "\t)\n\tif ((CURRENT == 2)); then\n\t\t_describe command commands\n"
	                  "\t\t[[ $PREFIX == -* ]] && compadd -- --help%s\n\telse\n"
	                  "\t\tshift words\n\t\t((CURRENT--))\n"
	                  "\t\t(($+functions[%s_${words[1]//-/_}])) && %s_${words[1]//-/_}\n\tfi\n}\n\n",
	                  path[0] == '\0' ? " --version" : "", name, name);
	free(name);
}

static void zsh_command(struct spore__buf *out, const char *path, const struct spore__command *c)
{
	char *name = function_name(path);
	spore__buf_printf(out, "%s()\n{\n", name);
	free(name);
	if (c->commands != NULL) {
		zsh_commands(out, path, c->commands);
		return;
	}
	spore__buf_printf(out, "\t_arguments -s%s '--help[explain it]'", c->operands_end_options ? " -A '-*'" : "");
	for (const struct spore__option *o = c->options; o != NULL && o->name != NULL; o++) {
		spore__buf_str(out, " \\\n\t\t");
		if (o->letter != '\0')
			spore__buf_printf(out, "'(-%c --%s)'{-%c,--%s}'", o->letter, o->name, o->letter, o->name);
		else
			spore__buf_printf(out, "'--%s", o->name);
		spore__buf_str(out, o->value != NULL && o->letter == '\0' ? "=[" : "[");
		zsh_text(out, o->help);
		spore__buf_char(out, ']');
		if (o->value != NULL) {
			spore__buf_printf(out, ":%s:", o->value);
			zsh_action(out, o->completes, o->words);
		}
		spore__buf_char(out, '\'');
	}
	if (c->operands[0] != '\0') {
		spore__buf_str(out, c->completes == SPORE__COMPLETES_TASK && c->max_operands > 1
		                        ? " \\\n\t\t'*:operand:"
		                        : " \\\n\t\t'1:operand:");
		zsh_action(out, c->completes, "");
		spore__buf_char(out, '\'');
	}
	if (c->second != SPORE__COMPLETES_NOTHING) {
		spore__buf_str(out, " \\\n\t\t'2:operand:");
		zsh_action(out, c->second, "");
		spore__buf_char(out, '\'');
	}
	spore__buf_printf(out, "%s\n}\n\n", c->operands_end_options ? " \\\n\t\t'*::argument:_files'" : "");
}

void spore__generate_zsh(struct spore__buf *out)
{
	spore__buf_str(out, "#compdef spore\n# made from spore's table of commands\n\n");
	spore__generate_each(zsh_command, out);
	spore__buf_str(out, "_spore()\n{\n");
	zsh_commands(out, "", spore__commands);
	spore__buf_str(out, "_spore \"$@\"\n");
}

static void fish_line(struct spore__buf *out, const char *path, const char *rest, const char *text)
{
	spore__buf_printf(out, "complete -c spore -n '__spore_at \"%s\" %s -d '", path, rest);
	quoted(out, text, "\\'");
	spore__buf_str(out, "'\n");
}

static void fish_option(struct spore__buf *out, const char *path, const struct spore__option *o)
{
	struct spore__buf rest = {0};
	spore__buf_printf(&rest, "options' -l %s", o->name);
	if (o->letter != '\0')
		spore__buf_printf(&rest, " -s %c", o->letter);
	if (o->value != NULL)
		spore__buf_str(&rest, what(o->completes)[0] == 'f' ? " -rF" : " -x");
	if (o->value != NULL && o->completes == SPORE__COMPLETES_WORDS) {
		spore__buf_str(&rest, " -a '");
		quoted(&rest, o->words, "\\'");
		spore__buf_char(&rest, '\'');
	} else if (o->value != NULL && names_of(o->completes) != NULL) {
		spore__buf_printf(&rest, " -a '(%s)'", names_of(o->completes));
	}
	fish_line(out, path, rest.data, o->help);
	spore__buf_finish(&rest);
}

static void fish_command(struct spore__buf *out, const char *path, const struct spore__command *c)
{
	for (const struct spore__option *o = c->options; o != NULL && o->name != NULL; o++)
		fish_option(out, path, o);
	fish_line(out, path, "options' -l help", "explain it");
	for (size_t i = 0; c->commands != NULL && c->commands[i] != NULL; i++) {
		char *rest = spore__xasprintf("none' -a %s", c->commands[i]->name);
		fish_line(out, path, rest, c->commands[i]->summary);
		free(rest);
	}
	if (c->completes == SPORE__COMPLETES_COMMAND) {
		spore__buf_printf(out, "complete -c spore -n '__spore_at \"%s\" none' -a '", path);
		command_names(out, spore__commands);
		spore__buf_str(out, "'\n");
	} else if (names_of(c->completes) != NULL) {
		bool each = c->completes == SPORE__COMPLETES_TASK && c->max_operands > 1;
		spore__buf_printf(out, "complete -c spore -n '__spore_at \"%s\" %s' -a '(%s)'\n", path,
		                  each ? "any" : "none", names_of(c->completes));
	} else if (c->completes == SPORE__COMPLETES_CALL) {
		spore__buf_printf(
		    out,
		    "complete -c spore -n '__spore_at \"%s\" none' -a '(spore call --names 2>/dev/null)'\n"
		    "complete -c spore -n '__spore_at \"%s\" any' -a '(set -l w (commandline -opc); test "
		    "(count $w) -eq 3; and spore call $w[3] --names 2>/dev/null)'\n",
		    path, path);
	} else if (c->operands_end_options) {
		spore__buf_printf(out, "complete -c spore -n '__spore_at \"%s\" any' -F\n", path);
	} else if (c->completes != SPORE__COMPLETES_NOTHING) {
		spore__buf_printf(out, "complete -c spore -n '__spore_at \"%s\" none' -F\n", path);
	}
	if (names_of(c->second) != NULL)
		spore__buf_printf(out, "complete -c spore -n '__spore_at \"%s\" one' -a '(%s)'\n", path,
		                  names_of(c->second));
}

// The branches of a switch, one per command: its subcommands, the options that take a value, whether an operand ends options.
static void fish_case(struct spore__buf *out, const char *path, const struct spore__command *c)
{
	spore__buf_printf(out, "        case '%s'\n            echo '", path);
	if (c->commands != NULL)
		command_names(out, c->commands);
	spore__buf_str(out, "'\n            echo '");
	for (const struct spore__option *o = c->options; o != NULL && o->name != NULL; o++) {
		if (o->value == NULL)
			continue;
		spore__buf_printf(out, "--%s ", o->name);
		if (o->letter != '\0')
			spore__buf_printf(out, "-%c ", o->letter);
	}
	spore__buf_printf(out, "'\n            echo %s\n", c->operands_end_options ? "yes" : "no");
}

void spore__generate_fish(struct spore__buf *out)
{
	spore__buf_str(out, "# fish completion for spore; made from its table of commands\n\n"
	                    "# Three lines: subcommands, options with a value, whether an operand ends the options.\n"
	                    "function __spore_command\n    switch \"$argv\"\n        case ''\n            echo '");
	command_names(out, spore__commands);
	spore__buf_str(out, "'\n            echo ''\n            echo no\n");
	spore__generate_each(fish_case, out);
	spore__buf_str(
	    out,
	    "    end\nend\n\n"
	    "# The words before the cursor name the command $argv[1]; $argv[2] is what has to hold: none (no operand "
	    "yet), one (operand),\n# options (they are still taken), any.\n"
	    "function __spore_at\n"
	    "    set -l path\n    set -l operands 0\n    set -l options yes\n    set -l skip no\n"
	    "    set -l table (__spore_command)\n"
	    "    for word in (commandline -opc)[2..-1]\n"
	    "        if test $skip = yes\n            set skip no\n"
	    "        else if test $options = yes; and test \"$word\" = --\n            set options no\n"
	    "        else if test $options = yes; and string match -q -- '-?*' \"$word\"\n"
	    "            contains -- \"$word\" (string split -n ' ' -- $table[2]); and set skip yes\n"
	    "        else if contains -- \"$word\" (string split -n ' ' -- $table[1])\n"
	    "            set -a path $word\n            set table (__spore_command $path)\n"
	    "        else\n"
	    "            set operands (math $operands + 1)\n"
	    "            test \"$table[3]\" = yes; and set options no\n"
	    "        end\n    end\n"
	    "    test \"$path\" = \"$argv[1]\"; or return 1\n"
	    "    switch $argv[2]\n"
	    "        case none\n            test $operands -eq 0\n"
	    "        case one\n            test $operands -eq 1\n"
	    "        case options\n            test $options = yes\n"
	    "        case any\n            true\n    end\nend\n\n"
	    "complete -c spore -f\n"
	    "complete -c spore -n '__spore_at \"\" none' -l help -d 'list the commands'\n"
	    "complete -c spore -n '__spore_at \"\" none' -l version -d 'print the version'\n");
	for (size_t i = 0; spore__commands[i] != NULL; i++) {
		char *rest = spore__xasprintf("none' -a %s", spore__commands[i]->name);
		fish_line(out, "", rest, spore__commands[i]->summary);
		free(rest);
	}
	spore__generate_each(fish_command, out);
}
