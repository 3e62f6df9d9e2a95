/* Near caches: leases, messages, acknowledgements, insertion (protocol.md sections 3.3 and 4).
 *
 * Two replicas, both with a near cache and a subscription, both listed and known to be so
 * (members.pml is about the list). Mutation m passes through replica m.
 *     NM          1 or 2: with 2, both replicas mutate at once
 *     LOST_LINKS  how often a subscription may break
 *     ALWAYS_COMMITS  the backend commits and says so, if it ever answers
 *     ONE_NEAR    replica 0 has no near cache (`near_cache.size: 0`)
 *     SLOW_HITS   a near hit looks at its lease in one step and at the drop counters in another
 */
#ifndef NF
#define NF 1
#endif
#ifndef NM
#define NM 1
#endif
#ifndef NT
#define NT 1
#endif
#ifndef MAX_BEGINS
#define MAX_BEGINS 1
#endif
#ifndef LOST_LINKS
#define LOST_LINKS 0
#endif
#ifdef INTENTS
#define WITHOUT_P2
#endif

/* One fill that takes its time; any number that do not. */
byte fill_state;
byte fill_version;
byte fill_gen[2];
#define held_elsewhere(t, g) (fill_gen[t] == g)

#include "backend.pml"
#include "store.pml"
#include "mutation_kinds.pml"

/* --- A replica -------------------------------------------------------------------------------- */

/* One entry. `*_limit`: 1 + the mutation whose intent it was read under (it lives until that
 * intent's deadline); 0: none. An insertion is a store read that hit and whose entry has not been
 * put into the near cache yet: a drop in between voids it, which here makes it vanish. */
bool near_there[2];
byte near_version[2];
byte near_limit[2];
bool insertion[2];
byte insertion_version[2];
byte insertion_limit[2];

/* The lease: whether it is still running, counted from the sending of the PING behind it. A PING is
 * executed when it is sent: sent earlier, it would only grant less. */
bool lease[2];
bool ping[2];       /* its PONG has not come */
bool ping_spent[2]; /* a whole lease has passed since it was sent */

/* What the server sends down the subscription, in this order (section 4). */
#define PONG          100
#define SUBSCRIBED    101
#define DROP(m, n)    ((m) * 10 + (n))
chan subscription[2] = [5] of { byte };
#define LINK_UP       0
#define LINK_BROKEN   1  /* and nobody has noticed */
#define LINK_DOWN     2
byte link[2];
byte links_lost;

/* A purger's wait for the other replica. */
byte publishes[NM];       /* the number of its last publish: each has an id of its own */
byte acknowledged[NM];    /* the last one acknowledged */
bool waits_for_lease[NM]; /* the other's lease was granted before the wait began */
bool waits_for_ping[NM];  /* its PING under way was sent before the wait began */

#define other(p) (1 - (p))

inline drop_near(p)
{
	near_there[p] = false; near_version[p] = 0; near_limit[p] = 0;
#ifndef NO_INSERTION_GUARD
	insertion[p] = false; insertion_version[p] = 0; insertion_limit[p] = 0
#endif
}

inline lose_lease(p)
{
	lease[p] = false;
	if
	:: other(p) < NM -> waits_for_lease[other(p)] = false
	:: else
	fi
}

#ifdef LEASE_BY_FLAG
/* A timer is to clear it; after SIGSTOP the socket may be served before the timer. */
bool flag[2];
#define has_lease(p) flag[p]
#else
#define has_lease(p) lease[p]
#endif

/* The first mutation's intent on the entry's wide tag, if any (with two: the earlier deadline is not
 * known, so either). */
#define intent_limit ((mark(0, 0) == INTENT) -> 1 : ((mark(0, 1) == INTENT) -> 2 : 0))
#define store_hits   (entry_there && is_valid(0) && (NT == 1 || is_valid(1)))
/* Replica 0's lease matters only when somebody else mutates. */
#define lease_matters(p) ((p) == 1 || NM == 2)

inline pong(p)
{
	if
	:: !ping_spent[p] ->
		printf("replica %d: the PONG grants a lease\n", p);
		lease[p] = true;
#ifdef LEASE_BY_FLAG
		flag[p] = true;
#endif
		if
		:: other(p) < NM -> waits_for_lease[other(p)] = waits_for_ping[other(p)]
		:: else
		fi
	:: else
	fi;
	ping[p] = false; ping_spent[p] = false;
	if
	:: other(p) < NM -> waits_for_ping[other(p)] = false
	:: else
	fi
}

#ifdef ONE_NEAR
#define has_near(p) (p == 1)
#else
#define has_near(p) true
#endif

proctype replica(byte p)
{
	byte message;

end:	do
	/* Reads. */
	:: d_step { near_there[p] && (has_lease(p) || !lease_matters(p)) ->
		printf("replica %d: a near hit, version %d\n", p, near_version[p]);
		answer_read(near_version[p], least) }
	:: d_step { has_near(p) && !insertion[p] && store_hits ->
		insertion[p] = true; insertion_version[p] = entry_version; insertion_limit[p] = intent_limit;
		printf("replica %d: reads version %d from the store\n", p, entry_version) }
	:: d_step { insertion[p] ->
		printf("replica %d: puts version %d into its near cache\n", p, insertion_version[p]);
		near_there[p] = true; near_version[p] = insertion_version[p]; near_limit[p] = insertion_limit[p];
		insertion[p] = false; insertion_version[p] = 0; insertion_limit[p] = 0 }
	/* Time. */
	:: d_step { lease_matters(p) && lease[p] -> printf("replica %d: its lease runs out\n", p); lose_lease(p) }
#ifdef LEASE_BY_FLAG
	:: d_step { flag[p] && !lease[p] -> flag[p] = false }
#endif
	/* The subscription. */
	:: d_step { lease_matters(p) && link[p] == LINK_UP && !ping[p] && nfull(subscription[p]) ->
		printf("replica %d: sends a PING\n", p);
		ping[p] = true; ping_spent[p] = false;
#ifndef PONG_OVERTAKES
		subscription[p]!PONG;
#endif
	   }
#ifdef PONG_OVERTAKES
	:: d_step { ping[p] -> pong(p) }
#endif
	:: atomic { subscription[p]?message ->
		if
		:: message == PONG -> pong(p)
		:: message == SUBSCRIBED -> printf("replica %d: is subscribed again\n", p); drop_near(p)
		:: else ->
			printf("replica %d: drops and acknowledges publish %d of mutation %d\n", p, message % 10, message / 10);
			drop_near(p);
			acknowledged[other(p)] = message % 10
		fi;
		message = 0 }
#if LOST_LINKS > 0
	:: atomic { lease_matters(p) && links_lost < LOST_LINKS && link[p] == LINK_UP ->
		printf("replica %d: its subscription breaks\n", p);
		links_lost++; link[p] = LINK_BROKEN;
		do
		:: subscription[p]?message
		:: empty(subscription[p]) -> break
		od;
		message = 0 }
	:: d_step { link[p] == LINK_BROKEN -> link[p] = LINK_DOWN;
		ping[p] = false; ping_spent[p] = false;
		if :: other(p) < NM -> waits_for_ping[other(p)] = false :: else fi;
		lose_lease(p) }
	:: d_step { link[p] == LINK_DOWN -> link[p] = LINK_UP;
#ifndef KEEP_AFTER_LOSS
		subscription[p]!SUBSCRIBED
#endif
	   }
#endif
	od
}

#ifdef SLOW_HITS
/* Near hits of replica 1 that are held up between their two looks. */
active proctype slow_hit()
{
	byte wanted, found; bool has;
end:	do
#ifdef COUNTERS_BEFORE_LEASE
	:: d_step { near_there[1] -> has = true; wanted = least; found = near_version[1] }
	   if
	   :: d_step { has_lease(1) -> answer_read(found, wanted) }
	   :: true
	   fi;
#else
	:: d_step { has_lease(1) -> wanted = least }
	   if
	   :: d_step { near_there[1] -> answer_read(near_version[1], wanted) }
	   :: true
	   fi;
#endif
	   atomic { has = false; wanted = 0; found = 0 }
	od
}
#endif

/* --- Reads through the store: as in core.pml -------------------------------------------------- */

active proctype quick_reads()
{
	byte g0, g1; bool marker;

end:	do
	:: d_step { store_hits && entry_version != least ->
		printf("a read hits the store: version %d\n", entry_version);
		answer_read(entry_version, least) }
#ifndef WITHOUT_P2
	:: d_step { least != db ->
		printf("a read is answered by the backend: version %d\n", db);
		answer_read(db, least) }
#endif
	:: d_step {
		printf("a whole fill: version %d\n", db);
		tag_snapshot(0, g0, marker);
#if NT == 2
		tag_snapshot(1, g1, marker);
#endif
		answer_read(db, least);
		if
		:: !marker -> store_entry(db, g0, g1)
		:: else
		fi;
		assert(store_hits || carries_mark(0) || (NM > 1 && carries_mark(1)));  /* P5 */
		g0 = 0; g1 = 0; marker = false }
	od
}

#if NF > 0
active proctype fill()
{
	bool marker;

end:	do
	:: d_step {
		tag_snapshot(0, fill_gen[0], marker);
		printf("a fill snapshots tag 0: generation %d\n", gen[0])
	   }
#if NT == 2
	   d_step { tag_snapshot(1, fill_gen[1], marker) }
#endif
	   if
	   :: atomic { marker -> marker = false; goto over }
	   :: d_step { !marker -> fill_version = db; fill_state = 1; answer_read(db, 0);
		printf("the fill is answered by the backend: version %d\n", db) }
	   fi;
over:	   atomic {
		if
		:: fill_state == 1 -> store_entry(fill_version, fill_gen[0], fill_gen[1]);
			printf("the fill stores version %d\n", fill_version)
		:: else
		fi;
		fill_state = 0; fill_version = 0; fill_gen[0] = 0; fill_gen[1] = 0
	   }
	od
}
#endif

/* --- Mutations -------------------------------------------------------------------------------- */

/* The wait counts from here on. Publishing is executed and answered at once: a later reply would
 * only make the wait longer. */
inline start_counting(m)
{
	waits_for_lease[m] = lease[other(m)];
#ifdef WAIT_FOR_REST_OF_LEASE
	waits_for_ping[m] = false
#else
	waits_for_ping[m] = ping[other(m)]
#endif
}

inline publish(m)
{
	printf("mutation %d is published (%d)\n", m, publishes[m] + 1);
	publishes[m]++;
	drop_near(m);
	if
	:: link[other(m)] == LINK_UP && lease_matters(other(m)) -> subscription[other(m)]!DROP(m, publishes[m])
	:: else
	fi
}

#ifdef ACK_NAMES_MUTATION
#define is_acknowledged(m) (acknowledged[m] != 0)
#else
#define is_acknowledged(m) (acknowledged[m] == publishes[m])
#endif

inline wait_for_the_other(m)
{
#ifndef NO_ACKNOWLEDGEMENT
	if
	:: d_step { is_acknowledged(m) -> waits_for_lease[m] = false; waits_for_ping[m] = false;
		acknowledged[m] = 0 }
	:: d_step { true ->
		/* A lease has passed since the count began, so those from before it are over. */
		printf("mutation %d has waited a lease\n", m);
		if :: waits_for_lease[m] -> lease[other(m)] = false :: else fi;
		if :: waits_for_ping[m] -> ping_spent[other(m)] = true :: else fi;
		waits_for_lease[m] = false; waits_for_ping[m] = false }
	fi
#else
	skip
#endif
}

inline mark_tags(m)
{
	d_step { if :: is_marked(0) && touches(m, 0) -> tag_begin(0, m, kind_of(0));
		printf("mutation %d begins on tag 0\n", m) :: else fi }
#if NT == 2
	d_step { if :: is_marked(1) && touches(m, 1) -> tag_begin(1, m, kind_of(1));
		printf("mutation %d begins on tag 1\n", m) :: else fi }
#endif
}

inline end_step(m, t, condition)
{
	if
	:: touches(m, t) && condition ->
		printf("mutation %d ends on tag %d (0 clear, 1 bump, 2 bump and keep): %d\n", m, t, end_action(t));
		tag_end(t, m, end_action(t), had);
		if
		:: end_action(t) != CLEAR && (!had || kind_of(t) != MARKER) -> suspect = true
		:: else
		fi;
		had = false
	:: else
	fi
}

proctype mutation(byte m)
{
	bool had; byte outcome; bool suspect;

send:
	atomic { age[m] = FRESH; begins[m]++ }
#ifdef PUBLISH_FIRST
	d_step { publish(m); start_counting(m) }
	wait_for_the_other(m);
	mark_tags(m)
#else
	mark_tags(m)
#ifdef WAIT_FROM_SENDING
	d_step { start_counting(m) }
	d_step { publish(m) }
#else
	d_step { publish(m); start_counting(m) }
#endif
#ifndef OVERLAP
	wait_for_the_other(m);
#endif
#endif
	if
	:: d_step { age[m] == FRESH -> printf("mutation %d is forwarded\n", m); request[m] = SENT }
	:: age[m] != FRESH -> goto send
	fi;
	if
	:: request[m] == COMMITTED -> outcome = CHANGED
#ifndef ALWAYS_COMMITS
	:: request[m] == DECLINED -> outcome = UNCHANGED
	:: outcome = UNKNOWN
#endif
	fi;
#ifdef OVERLAP
	wait_for_the_other(m);
#endif
	d_step { end_step(m, 0, end_action(0) != CLEAR) }
#if NT == 2
	d_step { end_step(m, 1, end_action(1) != CLEAR) }
	d_step { end_step(m, 1, end_action(1) == CLEAR) }
#endif
	d_step { end_step(m, 0, end_action(0) == CLEAR) }
#ifndef SILENT_END
	if
	:: suspect -> d_step { publish(m); start_counting(m) }
		wait_for_the_other(m)
	:: !suspect
	fi;
#endif
	d_step {
		printf("mutation %d: its client is answered (0 changed, 1 unchanged, 2 unknown: %d)\n", m, outcome);
		if
		:: request[m] == COMMITTED && counts(outcome) -> expect(version[m])  /* P1 */
		:: else
		fi;
		outcome = 0; suspect = false;
		publishes[m] = 9; acknowledged[m] = 0;
		answered[m] = true
	}
}

/* A near entry that was read under an intent is over at that intent's deadline: the clock is read
 * for each request. */
inline pass_near_limits(m)
{
#ifndef NEAR_IGNORES_INTENTS
	if :: near_limit[0] == m + 1 -> near_there[0] = false; near_version[0] = 0; near_limit[0] = 0 :: else fi;
	if :: near_limit[1] == m + 1 -> near_there[1] = false; near_version[1] = 0; near_limit[1] = 0 :: else fi;
	if :: insertion_limit[0] == m + 1 -> insertion[0] = false; insertion_version[0] = 0; insertion_limit[0] = 0 :: else fi;
	if :: insertion_limit[1] == m + 1 -> insertion[1] = false; insertion_version[1] = 0; insertion_limit[1] = 0 :: else fi
#else
	skip
#endif
}

#include "course.pml"

init
{
	atomic {
		lease[0] = lease_matters(0); lease[1] = true;
#ifdef LEASE_BY_FLAG
		flag[0] = lease[0]; flag[1] = true;
#endif
		run mutation(0); run course(0);
#if NM > 1
		run mutation(1); run course(1);
#endif
		run replica(0); run replica(1)
	}
}
