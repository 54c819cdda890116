#include "spore/spore.h"

const char *spore_err_text(enum spore_err e)
{
	switch (e) {
	case SPORE_OK:
		return "success";
	case SPORE_EINVALID:
		return "invalid argument";
	case SPORE_ENOMEM:
		return "out of memory";
	case SPORE_ETIMEOUT:
		return "timed out";
	case SPORE_ECLOSED:
		return "the other side is gone";
	case SPORE_ETOOBIG:
		return "too big";
	case SPORE_ETOODEEP:
		return "nested too deeply";
	case SPORE_EMALFORMED:
		return "malformed message";
	case SPORE_EVERSION:
		return "versions do not match";
	case SPORE_EBUSY:
		return "busy";
	case SPORE_ENOTFOUND:
		return "not found";
	case SPORE_EEXISTS:
		return "exists already";
	case SPORE_EDENIED:
		return "not allowed";
	case SPORE_ECANCELLED:
		return "cancelled";
	case SPORE_EUNSUPPORTED:
		return "not supported";
	case SPORE_ESYSTEM:
		return "system error";
	case SPORE_EAGAIN:
		return "not yet";
	case SPORE_ERETURNED:
		return "the other side has returned";
	case SPORE_EEND:
		return "the other side has finished";
	case SPORE_ENOTWIRED:
		return "not wired";
	case SPORE_EREMOTE:
		return "the other side reports an error";
	}
	return "unknown error";
}

const char *spore_version(void)
{
	return SPORE__VERSION;
}
