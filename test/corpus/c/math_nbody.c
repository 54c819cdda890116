#include <math.h>
#include <stdio.h>

#define PI 3.141592653589793
#define SOLAR_MASS (4 * PI * PI)
#define DAYS 365.24

typedef struct { double x[3], v[3], mass; } body;

static body b[] = {
    {{0, 0, 0}, {0, 0, 0}, SOLAR_MASS},
    {{4.84143144246472090e+00, -1.16032004402742839e+00, -1.03622044471123109e-01},
     {1.66007664274403694e-03 * DAYS, 7.69901118419740425e-03 * DAYS, -6.90460016972063023e-05 * DAYS},
     9.54791938424326609e-04 * SOLAR_MASS},
    {{8.34336671824457987e+00, 4.12479856412430479e+00, -4.03523417114321381e-01},
     {-2.76742510726411899e-03 * DAYS, 4.99852801234917238e-03 * DAYS, 2.30417297573763929e-05 * DAYS},
     2.85885980666130812e-04 * SOLAR_MASS},
};
enum { N = sizeof b / sizeof *b };

static double energy(void)
{
    double e = 0;
    for (int i = 0; i < N; i++) {
        for (int k = 0; k < 3; k++)
            e += 0.5 * b[i].mass * b[i].v[k] * b[i].v[k];
        for (int j = i + 1; j < N; j++) {
            double d = 0;
            for (int k = 0; k < 3; k++)
                d += (b[i].x[k] - b[j].x[k]) * (b[i].x[k] - b[j].x[k]);
            e -= b[i].mass * b[j].mass / sqrt(d);
        }
    }
    return e;
}

static void advance(double dt)
{
    for (int i = 0; i < N; i++)
        for (int j = i + 1; j < N; j++) {
            double d[3], d2 = 0;
            for (int k = 0; k < 3; k++) {
                d[k] = b[i].x[k] - b[j].x[k];
                d2 += d[k] * d[k];
            }
            double mag = dt / (d2 * sqrt(d2));
            for (int k = 0; k < 3; k++) {
                b[i].v[k] -= d[k] * b[j].mass * mag;
                b[j].v[k] += d[k] * b[i].mass * mag;
            }
        }
    for (int i = 0; i < N; i++)
        for (int k = 0; k < 3; k++)
            b[i].x[k] += dt * b[i].v[k];
}

int main(void)
{
    printf("%.17g\n", energy());
    for (int i = 0; i < 5000; i++)
        advance(0.01);
    printf("%.17g\n", energy());
    for (int i = 0; i < N; i++)
        printf("%.17g %.17g %.17g\n", b[i].x[0], b[i].x[1], b[i].v[2]);
    return 0;
}
