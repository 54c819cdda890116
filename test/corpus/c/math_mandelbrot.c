#include <stdio.h>

int main(void) {
  const char shades[] = " .:-=+*#%@";
  long total = 0;
  for (double y = -1.2; y <= 1.2; y += 0.1) {
    for (double x = -2.1; x <= 0.7; x += 0.04) {
      double a = 0, b = 0;
      int n = 0;
      while (a * a + b * b < 4 && n < 90) {
        double t = a * a - b * b + x;
        b = 2 * a * b + y;
        a = t;
        ++n;
      }
      total += n;
      putchar(shades[n % 10]);
    }
    putchar('\n');
  }
  float fx = 0.3f, fy = -0.55f, fa = 0, fb = 0;
  for (int i = 0; i < 40; i++) {
    float t = fa * fa - fb * fb + fx;
    fb = 2 * fa * fb + fy;
    fa = t;
    if (i % 8 == 7) printf("%.9g %.9g\n", fa, fb);
  }
  printf("%ld\n", total);
  return (int)(total % 251);
}
