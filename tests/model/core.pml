/* Hits, fills, coalescing and mutations through the store alone (protocol.md sections 1 to 3, with
 * `near_cache.size: 0` everywhere). README.md beside this file says how to read it.
 *
 * Any number of reads, at most NF fills under way at a time; NM mutations; NT tags; EVICTIONS.
 *     JOINER     a read that waits for another's fill
 *     PIECEWISE  a hit's entry and tags are read one by one in any order (Cluster)
 *     INTENTS, SPLIT: mutation_kinds.pml
 */
#ifndef NF
#define NF 2
#endif
#ifndef NM
#define NM 1
#endif
#ifndef NT
#define NT 1
#endif
#ifndef EVICTIONS
#define EVICTIONS 0
#endif
#ifndef MAX_BEGINS
#define MAX_BEGINS 1
#endif
#ifdef INTENTS
#define WITHOUT_P2  /* tags known only from the answer: P1 and P3 only (section 6) */
#endif

/* A fill, in the process's table from the snapshot until its entry is stored. */
#define NO_FILL  0
#define WAITING  1  /* its upstream request has not been sent */
#define FETCHING 2
#define FETCHED  3  /* answered; not stored yet */
byte fill_state[2];
bool fill_marked[2];
byte fill_version[2];
byte fill_gen[4];
#define filled_under(f, t) fill_gen[(f) * 2 + (t)]

/* A read that looks, or has looked and waits. */
byte look_gen[2];
bool look_clean;
byte look_wanted;
byte joined;  /* 1 + the fill it waits for */

#ifdef PIECEWISE
byte piece_gen[2];  /* of the entry that a piecewise read has read */
#else
#define piece_gen look_gen
#endif

#define held_elsewhere(t, g) \
	(filled_under(0, t) == g || filled_under(1, t) == g || look_gen[t] == g || piece_gen[t] == g)

#include "backend.pml"
#include "store.pml"

/* --- Reads ------------------------------------------------------------------------------------ */

/* Whatever a read can do in one step, any number of times: a hit; a fetch that is not stored; the
 * snapshot of a fill that comes to nothing; a whole fill that nobody disturbs. */
active proctype quick_reads()
{
	byte g0, g1; bool marker;

end:	do
	:: d_step { entry_there && is_valid(0) && (NT == 1 || is_valid(1)) ->
		printf("a read hits: version %d\n", entry_version);
		answer_read(entry_version, least) }
#ifndef WITHOUT_P2
	:: d_step { least != db ->
		printf("a read is answered by the backend: version %d\n", db);
		answer_read(db, least) }
#endif
	:: d_step { printf("a snapshot of tag 0\n"); tag_snapshot(0, g0, marker); g0 = 0; marker = false }
#if NT == 2
	:: d_step { printf("a snapshot of tag 1\n"); tag_snapshot(1, g1, marker); g1 = 0; marker = false }
#endif
	:: d_step {
		tag_snapshot(0, g0, marker);
#if NT == 2
		tag_snapshot(1, g1, marker);
#endif
		printf("a whole fill: version %d, marker %d\n", db, marker);
		answer_read(db, least);
		if
		:: !marker -> store_entry(db, g0, g1)
		:: else
		fi;
		/* P5: one fill makes a hit again, unless a marker stands that will yet go. */
		assert((entry_there && entry_version == db && is_valid(0) && (NT == 1 || is_valid(1)))
			|| (carries_mark(0) && !waits_for_body[0]) || (NM > 1 && carries_mark(1)));
		g0 = 0; g1 = 0; marker = false }
	od
}

proctype fill(byte f)
{
end:	do
	/* The free one with the lowest number is taken: which of them it is makes no difference. */
	:: d_step { f == 0 || fill_state[0] != NO_FILL ->
		tag_snapshot(0, filled_under(f, 0), fill_marked[f]);
		printf("fill %d snapshots tag 0: generation %d, marker %d\n", f, gen[0], fill_marked[f]);
		fill_state[f] = WAITING
	   }
#if NT == 2
	   d_step {
		tag_snapshot(1, filled_under(f, 1), fill_marked[f]);
		printf("fill %d snapshots tag 1: generation %d, marker %d\n", f, gen[1], fill_marked[f])
	   }
#endif
#ifdef JOINER
	   d_step { fill_state[f] = FETCHING }
#else
	   if
	   :: fill_marked[f] -> goto over  /* nobody will see it again */
	   :: !fill_marked[f]
	   fi;
#endif
	   d_step {
		printf("fill %d is answered by the backend: version %d\n", f, db);
		fill_version[f] = db;
		answer_read(db, 0);  /* never too old: what a read asks for was in the backend before it */
#ifdef JOINER
		if
		:: joined == f + 1 -> answer_read(db, look_wanted); joined = 0; look_wanted = 0
		:: else
		fi;
#endif
		fill_state[f] = FETCHED
	   }
over:	   atomic {
		if
		:: !fill_marked[f] ->
			printf("fill %d stores version %d\n", f, fill_version[f]);
			store_entry(fill_version[f], filled_under(f, 0), filled_under(f, 1))
		:: fill_marked[f]
		fi;
		fill_state[f] = NO_FILL; fill_marked[f] = false; fill_version[f] = 0;
		filled_under(f, 0) = 0; filled_under(f, 1) = 0
	   }
	od
}

#ifdef JOINER
#define same_ground(f) (look_gen[0] == filled_under(f, 0) && (NT == 1 || look_gen[1] == filled_under(f, 1)))
#if defined(JOIN_ANY_GENERATION)
#define may_join_under_way(f) (look_clean && !fill_marked[f])
#elif defined(JOIN_UNDER_A_MARKER)
#define may_join_under_way(f) (!fill_marked[f] && same_ground(f))
#elif defined(JOIN_MARKED_FILL)
#define may_join_under_way(f) (look_clean == !fill_marked[f] && same_ground(f))
#else
#define may_join_under_way(f) (look_clean && !fill_marked[f] && same_ground(f))
#endif
#define may_join(f) (fill_state[f] == WAITING || \
	((fill_state[f] == FETCHING || fill_state[f] == FETCHED) && may_join_under_way(f)))

/* A read that misses and joins a fill: one that is under way when it looks, or that comes later. */
active proctype joiner()
{
end:	do
	:: d_step {
		printf("a read looks and misses: generation %d\n", gen[0]);
		look_wanted = least;
		look_gen[0] = gen[0];
		look_gen[1] = gen[1];
		look_clean = tag_there[0] && !stops_hits(0) && (NT == 1 || (tag_there[1] && !stops_hits(1)))
	   }
	   if
	   :: d_step { may_join(0) -> printf("a read joins fill 0\n"); joined = 1; look_gen[0] = 0; look_gen[1] = 0; look_clean = false }
	   :: d_step { may_join(1) -> printf("a read joins fill 1\n"); joined = 2; look_gen[0] = 0; look_gen[1] = 0; look_clean = false }
	   :: d_step { look_wanted = 0; look_gen[0] = 0; look_gen[1] = 0; look_clean = false }
	   fi;
	   if
	   :: d_step { joined != 0 && fill_state[joined - 1] == FETCHED ->
		answer_read(fill_version[joined - 1], look_wanted); joined = 0; look_wanted = 0 }
	   :: joined == 0
	   fi
	od
}
#endif

#ifdef PIECEWISE
active proctype piecewise_read()
{
	bool had_entry, had_tag0, had_tag1; byte v;

end:	do
	:: d_step { !had_entry && !had_tag0 && !had_tag1 -> look_wanted = least }
	   do
	   :: d_step { !had_entry && entry_there ->
		had_entry = true; v = entry_version;
		piece_gen[0] = entry_gen[0]; piece_gen[1] = entry_gen[1] }
	   :: d_step { !had_tag0 && tag_there[0] && !stops_hits(0) -> had_tag0 = true; look_gen[0] = gen[0] }
	   :: d_step { !had_tag1 && NT == 2 && tag_there[1] && !stops_hits(1) ->
		had_tag1 = true; look_gen[1] = gen[1] }
	   :: d_step { had_entry && had_tag0 && (NT == 1 || had_tag1) &&
		piece_gen[0] == look_gen[0] && (NT == 1 || piece_gen[1] == look_gen[1]) ->
		answer_read(v, look_wanted) }
	   :: break
	   od;
	   atomic { had_entry = false; had_tag0 = false; had_tag1 = false; v = 0;
		look_wanted = 0; piece_gen[0] = 0; piece_gen[1] = 0; look_gen[0] = 0; look_gen[1] = 0 }
	od
}
#endif

/* --- Mutations -------------------------------------------------------------------------------- */

#include "mutation_kinds.pml"

inline begin_step(m, t)
{
	if
	:: touches(m, t) && is_marked(t) ->
		printf("mutation %d begins on tag %d\n", m, t);
#if defined(NO_MARKER) || defined(ONLY_BEFORE)
		tag_settle(t); new_generation(t)
#elif defined(ONLY_AFTER)
		skip
#else
		tag_begin(t, m, kind_of(t))
#endif
	:: else
	fi
}

inline end_step(m, t, condition)
{
	if
	:: touches(m, t) && condition ->
		printf("mutation %d ends on tag %d (0 clear, 1 bump, 2 bump and keep): %d\n", m, t, end_action(t));
#if defined(ONLY_BEFORE)
		skip
#elif defined(NO_MARKER) || defined(ONLY_AFTER)
		if
		:: outcome != UNCHANGED -> tag_settle(t); new_generation(t)
		:: else
		fi
#else
		tag_end(t, m, end_action(t), had)
#endif
	:: else
	fi
}

/* It may die after each step: that is a process that is never scheduled again. */
proctype mutation(byte m)
{
	bool had; byte outcome;

#ifdef BEGIN_BEFORE_BODY
	waits_for_body[m] = true;
#endif
send:
	atomic { age[m] = FRESH; begins[m]++ }
	d_step { begin_step(m, 0) }
#if NT == 2
	d_step { begin_step(m, 1) }
#endif
#ifdef BEGIN_BEFORE_BODY
	waits_for_body[m] = false;  /* it came, if it ever does */
#endif
	if
	:: d_step { age[m] == FRESH -> printf("mutation %d is forwarded\n", m); request[m] = SENT }
#ifdef OLD_BEGIN
	:: d_step { age[m] != FRESH -> printf("mutation %d is forwarded, late\n", m);
		request[m] = SENT; forwarded_old[m] = true }
#else
	:: age[m] != FRESH -> goto send
#endif
	fi;
	if
	:: request[m] == COMMITTED -> outcome = CHANGED
	:: request[m] == DECLINED -> outcome = UNCHANGED
	:: outcome = UNKNOWN  /* a timeout, a broken connection, 202, 502, 503, 504 */
#ifdef REPEAT
	:: request[m] == COMMITTED -> outcome = UNCHANGED  /* what the second DELETE is told */
#endif
	fi;
#if NT == 1
	d_step { end_step(m, 0, true); had = false }
#elif defined(CLEAR_FIRST)
	d_step { end_step(m, 0, end_action(0) == CLEAR); had = false }
	d_step { end_step(m, 1, end_action(1) == CLEAR); had = false }
	d_step { end_step(m, 0, end_action(0) != CLEAR); had = false }
	d_step { end_step(m, 1, end_action(1) != CLEAR); had = false }
#else
	/* Changed tags get a new generation, and only then do the other marks go. */
	d_step { end_step(m, 0, end_action(0) != CLEAR); had = false }
	d_step { end_step(m, 1, end_action(1) != CLEAR); had = false }
	d_step { end_step(m, 0, end_action(0) == CLEAR); had = false }
	d_step { end_step(m, 1, end_action(1) == CLEAR); had = false }
#endif
	d_step {
		printf("mutation %d: its client is answered (0 changed, 1 unchanged, 2 unknown: %d)\n", m, outcome);
		if
		:: request[m] == COMMITTED && counts(outcome) -> expect(version[m])  /* P1 */
		:: else
		fi;
		outcome = 0;
		answered[m] = true
	}
}

#define pass_near_limits(m) skip
#include "course.pml"

/* --- Eviction --------------------------------------------------------------------------------- */

#if EVICTIONS > 0
active proctype eviction()
{
	byte left = EVICTIONS;
end:	do
	:: d_step { left > 0 && entry_there -> left--; printf("the entry is evicted\n"); evict_entry() }
	:: d_step { left > 0 && may_be_evicted(0) -> left--; printf("tag 0 is evicted\n"); evict_tag(0) }
	:: d_step { left > 0 && NT == 2 && may_be_evicted(1) -> left--; printf("tag 1 is evicted\n"); evict_tag(1) }
	od
}
#endif

init
{
	atomic {
		run mutation(0); run course(0);
#if NM > 1
		run mutation(1); run course(1);
#endif
		run fill(0);
#if NF > 1
		run fill(1);
#endif
	}
}
