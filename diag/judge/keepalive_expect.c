/*
 * For how long the cloud cannot reach a device, as the expectation over losses and retransmission
 * times. A cycle runs from one answered ping to the next. In it the device has a flow that the NAT
 * treats as young (one answer so far) or as old (in use for more than 2 s); the chain of cycles
 * moves between the two, and its stationary shares weigh them.
 */
#include "sallyport/keepalive.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

enum flow_age { YOUNG, OLD, AGE_COUNT };
enum { MAX_SENT = KEEPALIVE_MAX_RETRANSMIT + 1 };
/* A mapping is lost only for a part of a retransmission's spread, so its first ones need many
 * points; later ones are rarely reached. */
static const unsigned points[KEEPALIVE_MAX_RETRANSMIT] = { 16, 8, 4, 2 };
#define LOSS_MAX 0.999

struct model {
	const struct keepalive_ping *ping;
	double life[AGE_COUNT];
	double up, down;  /* probability that a packet of this direction gets through */
	double lo, hi;    /* the silence before a ping */
	double answer_s, again_s; /* from a ping to closing the socket, and to the next one's first packet */
	unsigned n_sent;
	double sent_s[MAX_SENT]; /* transmissions of one ping, after its first */
};

/* Expectations of a cycle, or of one ping and what comes until the next. */
struct tally {
	double unreachable, time, gaps;
	double to[AGE_COUNT]; /* probability that it ends in an answer, with the flow that old */
	double closed;        /* that it ends without one */
};

/* The state of one ping while its transmissions go by; weights are probabilities. */
struct walk {
	const struct model *m;
	bool deaf;                         /* a new socket: nothing reaches it before it has sent */
	enum flow_age age;                 /* of the flow before the ping */
	double unheard;                    /* nothing got through yet */
	double heard[MAX_SENT][AGE_COUNT]; /* the last to get through, and the flow's age since */
	struct tally *out;
	double share; /* weight of this choice of retransmission times */
};

/* X, uniform from a to b: the probability that it is above 0, and the mean of what is above. */
static double above(double a, double b, double *mean)
{
	if (b <= 0 || a >= 0 || b <= a) {
		bool is = (a + b) / 2 > 0;
		*mean = is ? (a + b) / 2 : 0;
		return is;
	}
	*mean = b * b / (2 * (b - a));
	return b / (b - a);
}

/* A packet gets through at t with weight w: its answer too (the cycle ends), or not. */
static void arrives(struct walk *k, unsigned j, enum flow_age age, double w)
{
	const struct model *m = k->m;
	double silence = k->deaf ? 0 : (m->lo + m->hi) / 2;
	k->heard[j][age] += w * (1 - m->down);
	k->out->to[age] += k->share * w * m->down;
	k->out->time += k->share * w * m->down * (silence + m->sent_s[j]);
}

static void is_deaf(struct walk *k, double w, double seconds)
{
	k->out->unreachable += k->share * w * seconds;
}

/* The mapping was gone by `seconds` when the packet came. Where the far end does not know the
 * device again it stays silent, until the device begins anew. */
static void comes_late(struct walk *k, unsigned j, double w, double seconds)
{
	is_deaf(k, w, seconds);
	k->out->gaps += k->share * w;
	if (k->m->ping->rebinds) {
		arrives(k, j, YOUNG, w);
		return;
	}
	is_deaf(k, w, k->m->again_s - k->m->sent_s[j]);
	k->out->closed += k->share * w;
	k->out->time += k->share * w * ((k->m->lo + k->m->hi) / 2 * !k->deaf + k->m->again_s);
}

/* The first packet of a ping to get through. */
static void first_arrives(struct walk *k, unsigned j, double w)
{
	const struct model *m = k->m;
	double t = m->sent_s[j], life = m->life[k->age], mean;
	if (k->deaf) {
		is_deaf(k, w, t);
		arrives(k, j, YOUNG, w);
		return;
	}
	double late = above(m->lo + t - life, m->hi + t - life, &mean);
	if (late > 0)
		comes_late(k, j, w * late, mean / late);
	arrives(k, j, OLD, w * (1 - late));
}

static void transmit(struct walk *k, unsigned j)
{
	const struct model *m = k->m;
	for (unsigned i = 0; i < j; i++)
		for (int age = 0; age < AGE_COUNT; age++) {
			double w = k->heard[i][age] * m->up, gap = m->sent_s[j] - m->sent_s[i];
			k->heard[i][age] -= w;
			if (gap > m->life[age])
				comes_late(k, j, w, gap - m->life[age]);
			else
				arrives(k, j, (enum flow_age)age, w); /* no answer yet: it ages no further */
		}
	double w = k->unheard * m->up;
	k->unheard -= w;
	first_arrives(k, j, w);
}

/* No answer: what was still alive dies with the socket. */
static void give_up(struct walk *k)
{
	const struct model *m = k->m;
	double silence = k->deaf ? 0 : (m->lo + m->hi) / 2, mean = m->answer_s, left = k->unheard;
	if (!k->deaf)
		above(m->lo + m->answer_s - m->life[k->age], m->hi + m->answer_s - m->life[k->age], &mean);
	is_deaf(k, k->unheard, mean);
	for (unsigned i = 0; i < m->n_sent; i++)
		for (int age = 0; age < AGE_COUNT; age++) {
			left += k->heard[i][age];
			is_deaf(k, k->heard[i][age], fmax(m->answer_s - m->sent_s[i] - m->life[age], 0));
		}
	is_deaf(k, left, m->again_s - m->answer_s);
	k->out->gaps += k->share * (k->deaf ? left - k->unheard : left); /* else the gap goes on */
	k->out->closed += k->share * left;
	k->out->time += k->share * left * (silence + m->again_s);
}

static void one_ping(const struct model *m, bool deaf, enum flow_age age, double share,
		     struct tally *out)
{
	struct walk k = { .m = m, .deaf = deaf, .age = age, .unheard = 1, .out = out, .share = share };
	for (unsigned j = 0; j < m->n_sent; j++)
		transmit(&k, j);
	give_up(&k);
}

/* Every choice of retransmission times, from the j-th on: each wait is uniform from its timeout to
 * ack_random_factor times that, independently of the others. */
static void each_schedule(struct model *m, unsigned j, double share, struct tally cycle[AGE_COUNT],
			  struct tally *anew)
{
	const struct keepalive_ping *p = m->ping;
	if (j > p->max_retransmit || j == MAX_SENT || m->sent_s[j - 1] >= m->answer_s) {
		m->n_sent = j > 1 && m->sent_s[j - 1] >= m->answer_s ? j - 1 : j;
		for (int age = 0; age < AGE_COUNT; age++)
			one_ping(m, false, (enum flow_age)age, share, &cycle[age]);
		one_ping(m, true, YOUNG, share, anew);
		return;
	}
	unsigned n = p->ack_random_factor > 1 ? points[j - 1] : 1;
	double timeout = p->ack_timeout_s * (double)(1U << (j - 1));
	for (unsigned i = 0; i < n; i++) {
		double at = (i + 0.5) / n * (fmax(p->ack_random_factor, 1) - 1);
		m->sent_s[j] = m->sent_s[j - 1] + timeout * (1 + at);
		each_schedule(m, j + 1, share / n, cycle, anew);
	}
}

/* What follows a closed socket goes on until an answer comes. */
static void add_anew(struct tally *t, const struct tally *anew)
{
	double times = t->closed / (1 - anew->closed);
	t->unreachable += times * anew->unreachable;
	t->time += times * anew->time;
	t->gaps += times * anew->gaps;
	for (int age = 0; age < AGE_COUNT; age++)
		t->to[age] += times * anew->to[age];
}

static void weigh(const struct tally cycle[AGE_COUNT], struct keepalive_expected *out)
{
	double grows = cycle[YOUNG].to[OLD], falls = cycle[OLD].to[YOUNG];
	double old = grows > 0 ? grows / (grows + falls) : 0;
	double deaf = old * cycle[OLD].unreachable + (1 - old) * cycle[YOUNG].unreachable;
	double time = old * cycle[OLD].time + (1 - old) * cycle[YOUNG].time;
	double gaps = old * cycle[OLD].gaps + (1 - old) * cycle[YOUNG].gaps;
	out->unreachable = fmin(fmax(deaf / time, 0), 1);
	out->gaps_per_month = fmax(gaps / time * KEEPALIVE_MONTH_S, 0);
}

/* Pings that nobody answers and nobody repeats: what counts is how many in a row are lost. */
static void unanswered(const struct model *m, struct tally cycle[AGE_COUNT])
{
	for (int age = 0; age < AGE_COUNT; age++) {
		double w = m->up, mean, mid = (m->lo + m->hi) / 2, half = (m->hi - m->lo) / 2;
		for (unsigned n = 1; w > 1e-12; n++, w *= 1 - m->up) {
			double sum = n * mid - m->life[age], spread = half * sqrt(n);
			double late = above(sum - spread, sum + spread, &mean);
			cycle[age].unreachable += w * mean;
			cycle[age].time += w * n * mid;
			cycle[age].gaps += w * late;
			cycle[age].to[YOUNG] += w * late;
			cycle[age].to[OLD] += w * (1 - late);
		}
	}
}

/* Where no answer is waited for by the device, CoAP itself does: until the last timeout is over. */
static double patience_s(const struct keepalive_ping *p)
{
	double all = p->ack_timeout_s * p->ack_random_factor * ((1U << (p->max_retransmit + 1)) - 1);
	return p->answer_s > 0 ? p->answer_s : all;
}

void keepalive_expect(const struct keepalive_ping *p, const struct keepalive_path *n,
		      double interval_s, struct keepalive_expected *out)
{
	double through = 1 - fmin(fmax(n->loss, 0), LOSS_MAX);
	struct model m = { .ping = p, .life = { n->replied_s, n->established_s }, .up = through,
			   .down = through, .lo = p->randomised ? 0.8 * interval_s : interval_s,
			   .hi = interval_s };
	struct tally cycle[AGE_COUNT] = { 0 }, anew = { 0 };
	if (!p->max_retransmit && p->answer_s <= 0) {
		unanswered(&m, cycle);
		weigh(cycle, out);
		return;
	}
	m.answer_s = patience_s(p);
	m.again_s = m.answer_s + p->reconnect_s;
	each_schedule(&m, 1, 1, cycle, &anew);
	for (int age = 0; age < AGE_COUNT; age++)
		add_anew(&cycle[age], &anew);
	weigh(cycle, out);
}
