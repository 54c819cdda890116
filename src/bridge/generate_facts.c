// Prints facts.c: what the codecs of the registry declare (facts.h). Run when spore is built.
#include <stdio.h>

#include "bridge/facts.h"

static void put_text(const char *text)
{
	if (text == NULL) {
		(void)printf("0");
		return;
	}
	(void)putchar('"');
	for (; *text != '\0'; text++) {
		if (*text == '"' || *text == '\\')
			(void)putchar('\\');
		(void)putchar(*text);
	}
	(void)putchar('"');
}

static const char *word(bool b)
{
	return b ? "true" : "false";
}

static void put_options(const struct spore__codec_ops *c, size_t index)
{
	if (c->options == NULL)
		return;
	(void)printf("static const struct spore__codec_option options_%zu[] = {\n", index);
	for (const struct spore__codec_option *o = c->options; o->name != NULL; o++) {
		(void)printf("\t{");
		put_text(o->name);
		(void)printf(", ");
		put_text(o->help);
		(void)printf(", ");
		put_text(o->fallback);
		(void)printf("},\n");
	}
	(void)printf("\t{0},\n};\n");
}

static void put_facts(const struct spore__codec_ops *c, size_t index)
{
	(void)printf("\t{");
	put_text(c->name);
	(void)printf(", ");
	put_text(c->help);
	if (c->options != NULL)
		(void)printf(", options_%zu", index);
	else
		(void)printf(", 0");
	(void)printf(", 0x%xU, %s, %s, %s, %s, ", c->losses, word(c->calls), word(c->ids), word(c->symmetric),
	             word(c->text));
	put_text(c->framing != NULL ? c->framing->name : NULL);
	(void)printf("},\n");
}

int main(void)
{
	(void)printf("#include \"bridge/facts.h\"\n\n");
	for (size_t i = 0; spore__codecs[i] != NULL; i++)
		put_options(spore__codecs[i], i);
	(void)printf("const struct spore__codec_facts spore__codec_facts[] = {\n");
	for (size_t i = 0; spore__codecs[i] != NULL; i++)
		put_facts(spore__codecs[i], i);
	(void)printf("\t{0},\n};\n");
	(void)printf("const char *const spore__loss_texts[SPORE__LOSS_BITS] = {\n");
	for (unsigned i = 0; i < SPORE__LOSS_BITS; i++) {
		unsigned bit = 1U << i;
		(void)printf("\t");
		put_text(spore__codec_loss_text(&bit));
		(void)printf(",\n");
	}
	(void)printf("};\n");
	return ferror(stdout) || fflush(stdout) != 0;
}
