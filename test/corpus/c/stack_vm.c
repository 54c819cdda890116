#include <stdint.h>
#include <stdio.h>

#define OPS(X) X(PUSH) X(ADD) X(SUB) X(MUL) X(DUP) X(SWAP) X(JNZ) X(PRINT) X(HALT)
enum op {
#define X(n) OP_##n,
	OPS(X)
#undef X
	OP_COUNT
};
static const char *const names[] = {
#define X(n) [OP_##n] = #n,
    OPS(X)
#undef X
};

struct vm {
	int64_t stack[64];
	int sp, pc;
	unsigned long counts[OP_COUNT];
};

static int run(struct vm *vm, const int32_t *code)
{
	for (;;) {
		enum op op = (enum op)code[vm->pc++];
		vm->counts[op]++;
		int64_t *top = &vm->stack[vm->sp];
		switch (op) {
		case OP_PUSH: vm->stack[++vm->sp] = code[vm->pc++]; break;
		case OP_ADD: top[-1] += top[0]; vm->sp--; break;
		case OP_SUB: top[-1] -= top[0]; vm->sp--; break;
		case OP_MUL: top[-1] *= top[0]; vm->sp--; break;
		case OP_DUP: top[1] = top[0]; vm->sp++; break;
		case OP_SWAP: { int64_t t = top[0]; top[0] = top[-1]; top[-1] = t; break; }
		case OP_JNZ: vm->sp--; vm->pc = *top != 0 ? code[vm->pc] : vm->pc + 1; break;
		case OP_PRINT: printf("%lld\n", (long long)*top); vm->sp--; break;
		case OP_HALT: return 0;
		default: return 1;
		}
	}
}

int main(void)
{
	// 15! : accumulator below, counter above
	static const int32_t code[] = {OP_PUSH, 1, OP_PUSH, 15, /*4*/ OP_DUP, OP_PRINT, OP_SWAP, OP_PUSH, 2, OP_MUL,
	                               OP_SWAP, OP_PUSH, 1, OP_SUB, OP_DUP, OP_JNZ, 4, OP_ADD, OP_PRINT, OP_HALT};
	struct vm vm = {.sp = 0};
	int status = run(&vm, code);
	for (int i = 0; i < OP_COUNT; i++)
		printf("%-5s %lu\n", names[i], vm.counts[i]);
	return status;
}
