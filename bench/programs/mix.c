/*
 * What CoreMark mixes, in our own words: linked lists, a small integer matrix, a state machine over
 * text, and a CRC over all of it.
 */
#include "bench.h"

#define NODES 400
#define SIDE 24

struct node {
	struct node *next;
	int16_t key;
	int16_t data;
};

static struct node nodes[NODES];
static int16_t a[SIDE][SIDE], b[SIDE][SIDE];
static int32_t c[SIDE][SIDE];

static uint16_t crc16(uint16_t crc, uint32_t value)
{
	for (int bit = 0; bit < 16; bit++, value >>= 1)
		crc = (crc ^ value) & 1 ? (crc >> 1) ^ 0xa001 : crc >> 1;
	return crc;
}

static struct node *merge(struct node *x, struct node *y)
{
	struct node head, *tail = &head;
	while (x && y) {
		struct node **from = x->key <= y->key ? &x : &y;
		tail = tail->next = *from;
		*from = tail->next;
	}
	tail->next = x ? x : y;
	return head.next;
}

static struct node *sort(struct node *list)
{
	struct node *slow = list, *fast = list;
	if (!list || !list->next)
		return list;
	while (fast->next && fast->next->next) {
		slow = slow->next;
		fast = fast->next->next;
	}
	struct node *rest = slow->next;
	slow->next = NULL;
	return merge(sort(list), sort(rest));
}

static uint16_t lists(uint32_t *seed, uint16_t crc)
{
	for (int i = 0; i < NODES; i++) {
		nodes[i].key = random32(seed) & 0x7fff;
		nodes[i].data = i;
		nodes[i].next = i + 1 < NODES ? &nodes[i + 1] : NULL;
	}
	int rank = 0;
	for (struct node *n = sort(nodes); n; n = n->next)
		if (rank++ % 8 == 0)
			crc = crc16(crc, n->data);
	return crc;
}

static uint16_t matrices(uint32_t *seed, uint16_t crc)
{
	for (int i = 0; i < SIDE; i++)
		for (int j = 0; j < SIDE; j++) {
			a[i][j] = random32(seed) % 100;
			b[i][j] = random32(seed) % 100;
		}
	for (int i = 0; i < SIDE; i++)
		for (int j = 0; j < SIDE; j++) {
			int32_t sum = 0;
			for (int k = 0; k < SIDE; k++)
				sum += a[i][k] * b[k][j];
			c[i][j] = sum;
		}
	for (int i = 0; i < SIDE; i++)
		crc = crc16(crc, c[i][SIDE - 1 - i]);
	return crc;
}

enum state { START, SIGN, DIGITS, FRACTION, EXPONENT, WRONG, STATES };

/* Counts which words of a text are integers, fractions or neither. */
static uint16_t words(uint32_t *seed, uint16_t crc)
{
	static const char alphabet[] = "0123456789012345+-..eEx ,,,";
	uint32_t count[STATES] = {0};
	enum state state = START;
	for (int i = 0; i < 2000; i++) {
		char ch = alphabet[random32(seed) % (sizeof alphabet - 1)];
		int digit = ch >= '0' && ch <= '9';
		if (ch == ',' || ch == ' ') {
			count[state]++;
			state = START;
			continue;
		}
		switch (state) {
		case START:
			state = digit ? DIGITS : ch == '+' || ch == '-' ? SIGN : ch == '.' ? FRACTION : WRONG;
			break;
		case SIGN:
			state = digit ? DIGITS : ch == '.' ? FRACTION : WRONG;
			break;
		case DIGITS:
			state = digit ? DIGITS : ch == '.' ? FRACTION : ch == 'e' || ch == 'E' ? EXPONENT : WRONG;
			break;
		case FRACTION:
			state = digit ? FRACTION : ch == 'e' || ch == 'E' ? EXPONENT : WRONG;
			break;
		case EXPONENT:
			state = digit || ch == '-' || ch == '+' ? EXPONENT : WRONG;
			break;
		default:
			break;
		}
	}
	for (int i = 0; i < STATES; i++)
		crc = crc16(crc, count[i]);
	return crc;
}

int main(int argc, char **argv)
{
	uint32_t seed = 2463534242u;
	uint16_t crc = 0xffff;
	for (long n = bench_start("mix", argc, argv); n > 0; n--)
		crc = words(&seed, matrices(&seed, lists(&seed, crc)));
	return bench_end("mix", crc);
}
