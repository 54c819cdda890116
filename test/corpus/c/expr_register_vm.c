// An assembler of a few instructions and the machine that runs them, by a table of functions.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct machine {
	int32_t r[8];
	uint32_t pc;
	uint64_t steps;
	int halted;
};

typedef void (*operation)(struct machine *, int a, int b, int c);

static void op_set(struct machine *m, int a, int b, int c)
{
	m->r[a] = b * 16 + c;
}
static void op_add(struct machine *m, int a, int b, int c)
{
	m->r[a] = m->r[b] + m->r[c];
}
static void op_sub(struct machine *m, int a, int b, int c)
{
	m->r[a] = m->r[b] - m->r[c];
}
static void op_mul(struct machine *m, int a, int b, int c)
{
	m->r[a] = (int32_t)((uint32_t)m->r[b] * (uint32_t)m->r[c]);
}
static void op_mod(struct machine *m, int a, int b, int c)
{
	if (m->r[c] == 0)
		m->halted = 2;
	else
		m->r[a] = m->r[b] % m->r[c];
}
static void op_jnz(struct machine *m, int a, int b, int c)
{
	if (m->r[a] != 0)
		m->pc = (uint32_t)(b * 16 + c);
}
static void op_out(struct machine *m, int a, int b, int c)
{
	printf("r%d=%d ", a, m->r[a]);
	(void)b, (void)c;
}
static void op_end(struct machine *m, int a, int b, int c)
{
	m->halted = 1;
	(void)a, (void)b, (void)c;
}

static const struct {
	const char *name;
	operation run;
} table[] = {{"set", op_set}, {"add", op_add}, {"sub", op_sub}, {"mul", op_mul}, {"mod", op_mod}, {"jnz", op_jnz}, {"out", op_out}, {"end", op_end}};

static int assemble(const char *text, uint16_t *code)
{
	char name[8];
	int n = 0, a, b, c, used;
	while (sscanf(text, " %7[a-z] %d %d %d%n", name, &a, &b, &c, &used) == 4) {
		text += used;
		uint16_t op = 0;
		while (strcmp(table[op].name, name) != 0)
			op++;
		code[n++] = (uint16_t)(op << 12 | a << 8 | b << 4 | c);
	}
	return n;
}

static void run(const char *text)
{
	uint16_t code[64];
	int n = assemble(text, code);
	struct machine m = {.pc = 0};
	while (!m.halted && m.pc < (uint32_t)n && m.steps < 100000) {
		uint16_t word = code[m.pc++];
		table[word >> 12].run(&m, word >> 8 & 7, word >> 4 & 15, word & 15);
		m.steps++;
	}
	printf("after %llu steps at %u, state %d\n", (unsigned long long)m.steps, m.pc, m.halted);
}

int main(void)
{
	run("set 0 0 10 set 1 0 1 set 2 0 1 mul 1 1 0 sub 0 0 2 jnz 0 0 3 out 1 0 0 end 0 0 0");
	run("set 0 6 15 set 1 2 10 mod 2 0 1 add 0 1 3 add 1 2 3 out 1 0 0 jnz 1 0 2 out 0 0 0 end 0 0 0");
	run("set 0 1 0 mod 1 0 2 end 0 0 0");
	run("set 0 0 1 jnz 0 0 0");
	run("set 0 7 15 mul 0 0 0 mul 0 0 0 mul 0 0 0 out 0 0 0");
	return 0;
}
