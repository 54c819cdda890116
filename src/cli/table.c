#include "cli/command.h"

extern const struct spore__command spore__command_stubs;
extern const struct spore__command spore__command_exec, spore__command_notify, spore__command_log;
extern const struct spore__command spore__command_bridge, spore__command_cat, spore__command_dead, spore__command_fault,
    spore__command_record, spore__command_replay, spore__command_send, spore__command_serve, spore__command_tap,
    spore__command_why;
extern const struct spore__command spore__command_attach, spore__command_build, spore__command_check,
    spore__command_doctor, spore__command_down, spore__command_graph, spore__command_help, spore__command_inspect,
    spore__command_kill, spore__command_logs, spore__command_node, spore__command_plan, spore__command_ps,
    spore__command_restart, spore__command_rm, spore__command_rollback, spore__command_run, spore__command_start,
    spore__command_stop, spore__command_store, spore__command_top, spore__command_unwire, spore__command_up,
    spore__command_wait, spore__command_wire, spore__command_wires;

// clang-format off
const struct spore__command *const spore__commands[] = {
    &spore__command_run,
    &spore__command_build,
    &spore__command_stubs,
    &spore__command_start,
    &spore__command_stop,
    &spore__command_restart,
    &spore__command_kill,
    &spore__command_rm,
    &spore__command_ps,
    &spore__command_inspect,
    &spore__command_top,
    &spore__command_wait,
    &spore__command_logs,
    &spore__command_attach,
    &spore__command_exec,
    &spore__command_notify,
    &spore__command_log,
    &spore__command_up,
    &spore__command_down,
    &spore__command_plan,
    &spore__command_rollback,
    &spore__command_check,
    &spore__command_graph,
    &spore__command_wire,
    &spore__command_unwire,
    &spore__command_wires,
    &spore__command_why,
    &spore__command_fault,
    &spore__command_dead,
    &spore__command_tap,
    &spore__command_record,
    &spore__command_replay,
    &spore__command_cat,
    &spore__command_send,
    &spore__command_serve,
    &spore__command_bridge,
    &spore__command_store,
    &spore__command_node,
    &spore__command_doctor,
    &spore__command_help,
    NULL,
};
// clang-format on
