/* The backend, what clients may expect of it, and time. Included by every model.
 *
 * One resource. Its state is a number: how many mutations were committed. `least` is what P1, P2
 * and P3 together ask of a read that starts now; a read takes it down when it starts, and what it
 * returns is held against that.
 *
 * The printf's are what `check` tells as a story when it replays a counterexample.
 */

/* Where a setting gives promises up (protocol.md section 6). KNOWN_OUTCOMES: not even P1 of a 504
 * (README, "Findings"). */
#ifdef P1_ONLY
#define WITHOUT_P2
#define WITHOUT_P3
#endif
#ifdef KNOWN_OUTCOMES
#define counts(outcome) ((outcome) != 2)
#else
#define counts(outcome) true
#endif

byte db;     /* the resource's version */
byte least;  /* no read that starts from now on may return less */

inline expect(v)
{
	if
	:: v > least -> least = v
	:: else
	fi
}

/* A read that began when `wanted` was the least ends. */
inline answer_read(v, wanted)
{
	if
	:: v < wanted -> printf("... but a read that began after %d had been seen gets %d\n", wanted, v)
	:: else
	fi;
	assert(v >= wanted);
#ifndef WITHOUT_P2
	expect(v)
#endif
}

/* A mutation's request at the backend. It commits at a moment of the backend's choosing, whatever
 * the proxy does meanwhile, until the backend gives it up. */
#define UNSENT    0
#define SENT      1  /* may commit, may decline, may be lost */
#define COMMITTED 2
#define DECLINED  3  /* 404 and the like, or given up: it changed nothing and will change nothing */
byte request[NM];
byte version[NM];  /* after its commit */

/* Time since a mutation's last begin was sent. Each step may come at any moment, or never; what is
 * assumed of the order is in the guards of `course` (README, "Time"). */
#define FRESH 0
#define OLD   1  /* more than half of `margin` has passed */
#define PAST  2  /* the deadline of what that begin set has passed */
byte age[NM];
byte begins[NM];
bool forwarded_old[NM];   /* by a begin grown old: only a mutant does that */
bool waits_for_body[NM];  /* and renews its marks meanwhile: only a mutant does that */
bool answered[NM];
