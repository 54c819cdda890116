#include <stdio.h>
#include <string.h>

struct small { char a; short b; };
struct floats { float x, y, z; };
struct both { double d; int i; char tail[3]; };
struct large { long v[6]; struct both inner[2]; };

static struct small bump(struct small s) { s.a++; s.b = (short)(s.b * 2); return s; }
static struct floats cross(struct floats a, struct floats b)
{
	return (struct floats){a.y * b.z - a.z * b.y, a.z * b.x - a.x * b.z, a.x * b.y - a.y * b.x};
}
static struct both mix(int n, struct both b, double scale, struct small s)
{
	b.d = b.d * scale + n;
	b.i += s.b;
	b.tail[0] = s.a;
	return b;
}
static struct large fill(struct large l, struct both b)
{
	for (int i = 0; i < 6; i++)
		l.v[i] += i * i;
	l.inner[1] = b;
	l.inner[0] = mix(1, l.inner[1], 0.5, (struct small){'q', 100});
	return l;
}

int main(void)
{
	struct small s = {'a', 21}, t = bump(bump(s));
	printf("%c %d %c %d\n", s.a, s.b, t.a, t.b);
	struct floats f = cross((struct floats){1, 2, 3}, (struct floats){4, 5.5f, -6});
	printf("%g %g %g\n", f.x, f.y, f.z);
	struct both b = mix(7, (struct both){1.25, 3, "ab"}, 4, s);
	printf("%g %d %.3s\n", b.d, b.i, b.tail);
	struct large l = {{1, 2, 3}, {{0, 0, ""}}}, m = fill(l, b);
	for (int i = 0; i < 6; i++)
		printf("%ld/%ld ", l.v[i], m.v[i]);
	printf("\n%g %d %.3s %g\n", m.inner[0].d, m.inner[0].i, m.inner[0].tail, fill(m, b).inner[1].d);
	struct large copies[2] = {m, l}, *p = &copies[1];
	*p = copies[0];
	p->v[5] = -1;
	printf("%ld %ld %zu\n", copies[0].v[5], copies[1].v[5], sizeof copies);
	return bump((struct small){'x', 30}).b;
}
