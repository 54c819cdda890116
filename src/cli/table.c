#include "cli/command.h"

extern const struct spore__command spore__command_build, spore__command_check, spore__command_doctor,
    spore__command_graph, spore__command_help, spore__command_logs, spore__command_node, spore__command_run,
    spore__command_store;

const struct spore__command *const spore__commands[] = {
    &spore__command_run,  &spore__command_build, &spore__command_check,  &spore__command_graph, &spore__command_store,
    &spore__command_logs, &spore__command_node,  &spore__command_doctor, &spore__command_help,  NULL,
};
