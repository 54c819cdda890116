#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int jump[1000];

static int match(const char *code)
{
	int stack[100], top = 0;
	for (int i = 0; code[i] != '\0'; i++) {
		if (code[i] == '[') {
			stack[top++] = i;
		} else if (code[i] == ']') {
			if (top == 0)
				return -1;
			jump[i] = stack[--top];
			jump[jump[i]] = i;
		}
	}
	return top;
}

static long run(const char *code)
{
	unsigned char tape[300] = {0}, *cell = tape;
	long steps = 0;
	for (int i = 0; code[i] != '\0'; i++, steps++)
		switch (code[i]) {
		case '>': cell++; break;
		case '<': cell--; break;
		case '+': ++*cell; break;
		case '-': --*cell; break;
		case '.': putchar(*cell); break;
		case '[': if (*cell == 0) i = jump[i]; break;
		case ']': if (*cell != 0) i = jump[i]; break;
		default: break;
		}
	return steps;
}

int main(void)
{
	const char *hello = "++++++++[>++++[>++>+++>+++>+<<<<-]>+>+>->>+[<]<-]>>.>---.+++++++..+++.>>.<-.<.+++.------.--------.>>+.>++.";
	const char *squares = "++++[>+++++<-]>[<+++++>-]+<+[>[>+>+<<-]++>>[<<+>>-]>>>[-]++>[-]+>>>+[[-]++++++>>>]<<<[[<++++++++<++>>-]+<.<[>----<-]<]<<[>>>>>[>>>[-]+++++++++<[>-<-]+++++++++>[-[<->-]+[<<<]]<+>]<-]<<-]<[-]";
	if (match(hello) != 0 || match("]") != -1)
		return EXIT_FAILURE;
	match(hello);
	printf("%ld steps\n", run(hello));
	printf("%d open\n", match(squares) >= 0);
	return 0;
}
