#include "pump/pump.h"

int main(int argc, char *argv[])
{
	return spore__pump_main(argc, argv);
}
