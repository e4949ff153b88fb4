/* Planets under gravitation, double precision: additions, products, a square root and a division each. */
#include <math.h>
#include <string.h>
#include "bench.h"

#define BODIES 5

struct body {
	double position[3], velocity[3], mass;
};

static struct body bodies[BODIES];

static void step(double dt)
{
	for (int i = 0; i < BODIES; i++)
		for (int j = i + 1; j < BODIES; j++) {
			struct body *a = &bodies[i], *b = &bodies[j];
			double delta[3], square = 0;
			for (int axis = 0; axis < 3; axis++) {
				delta[axis] = a->position[axis] - b->position[axis];
				square += delta[axis] * delta[axis];
			}
			double force = dt / (square * sqrt(square));
			for (int axis = 0; axis < 3; axis++) {
				a->velocity[axis] -= delta[axis] * b->mass * force;
				b->velocity[axis] += delta[axis] * a->mass * force;
			}
		}
	for (int i = 0; i < BODIES; i++)
		for (int axis = 0; axis < 3; axis++)
			bodies[i].position[axis] += dt * bodies[i].velocity[axis];
}

int main(int argc, char **argv)
{
	for (int i = 0; i < BODIES; i++)
		bodies[i] = (struct body){{3.0 * i, 1.5 - i, 0.25 * i * i}, {0.1 * (i - 2), 0.3, -0.05 * i}, 40.0 / (1 + 9 * i)};
	for (long n = bench_start("nbody", argc, argv); n > 0; n--)
		for (int i = 0; i < 1000; i++)
			step(0.001);
	uint64_t bits;
	memcpy(&bits, &bodies[0].position[0], sizeof bits);
	return bench_end("nbody", bits ^ bits >> 32);
}
