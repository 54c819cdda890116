#include "cli/command.h"

int main(int argc, char *argv[])
{
	return spore__command_main(argc, argv);
}
