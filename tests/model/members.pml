/* Who is waited for: the list of members (protocol.md section 4, "Renewal").
 *
 * Replica 0 mutates (NM times, one after the other), replica 1 has a near cache. Its lease is the
 * older of two: one granted by PONGs, one by renewals, whose execution lists it. near.pml has
 * searched the former; here a PONG that was sent after a publish is known to come behind it.
 *     LIST_EVICTIONS  how often the list is lost
 *     RESTARTS        how often either replica dies and starts again, under a new name
 */
#ifndef NM
#define NM 1
#endif
#define NT 1
#ifndef MAX_BEGINS
#define MAX_BEGINS 1
#endif
#ifndef LIST_EVICTIONS
#define LIST_EVICTIONS 1
#endif
#ifndef RESTARTS
#define RESTARTS 0
#endif
#define held_elsewhere(t, g) false
#define pass_near_limits(m) skip

#include "backend.pml"
#include "store.pml"
#include "mutation_kinds.pml"

/* --- The list, in the store ------------------------------------------------------------------- */

#define ABSENT 0
#define NEW    1  /* listed; the number of this joining has not been told to the member */
#define KNOWN  2  /* ... it has */
byte listed[2];
bool moved;       /* replica 1 has renewed since the purger read the list */
byte evictions, restarts;

/* --- A replica -------------------------------------------------------------------------------- */

bool renewal[2];          /* executed; its reply has not come */
bool renewal_was_listed[2];
bool renewal_spent[2];    /* a whole lease has passed since it was sent */
bool renewal_before[2];   /* it was sent before the other one began to distrust the list */
bool by_renewal[2];       /* the renewals' lease is running */
bool by_renewal_before[2];
bool distrusts[2];        /* it has joined less than a lease ago: waits every own lease out */

/* Replica 1's lease by PONGs. */
#define OVER   0
#define BEFORE 1  /* its PING was sent before the publish that it has not read */
#define AFTER  2
byte by_pong;
bool unread;       /* a publish */
bool pongs_spent;  /* a whole lease has passed since that publish */
bool acknowledged;

bool near_there;
byte near_version;
bool insertion;
byte insertion_version;

inline empty_near()
{
	near_there = false; near_version = 0; insertion = false; insertion_version = 0
}

#define store_hits (entry_there && is_valid(0))

proctype replica(byte p)
{
end:	do
	/* A renewal is executed when it is sent: sent earlier, it would only grant less. */
	:: d_step { !renewal[p] ->
		printf("replica %d: its renewal is executed (listed before: %d)\n", p, listed[p] != ABSENT);
		renewal[p] = true; renewal_spent[p] = false; renewal_before[p] = false;
		renewal_was_listed[p] = listed[p] != ABSENT;
		if :: listed[p] == ABSENT -> listed[p] = NEW :: else fi;
		if :: p == 1 && NM > 1 -> moved = true :: else fi }
	:: d_step { renewal[p] ->
		printf("replica %d: the renewal's reply comes\n", p);
		renewal[p] = false;
		if :: listed[p] == NEW -> listed[p] = KNOWN :: else fi;
		if
		:: !renewal_was_listed[p] ->
#ifndef KEEP_AFTER_LAPSE
			if :: p == 1 -> empty_near() :: else fi;
#endif
			distrusts[p] = p == 0;
			if :: p == 0 -> by_renewal_before[1] = by_renewal[1]; renewal_before[1] = renewal[1] :: else fi
		:: else
		fi;
		if
		:: p == 1 && !renewal_spent[p] -> by_renewal[p] = true; by_renewal_before[p] = renewal_before[p]
		:: else
		fi;
		renewal_was_listed[p] = false; renewal_spent[p] = false; renewal_before[p] = false }
	/* Time. */
	:: d_step { p == 1 && renewal[p] && !renewal_spent[p] && !by_renewal[p] -> renewal_spent[p] = true }
	:: d_step { by_renewal[p] -> by_renewal[p] = false; by_renewal_before[p] = false }
	:: d_step { p == 0 && distrusts[0] ->
		printf("replica 0: trusts the list again\n");
		distrusts[0] = false;
		if :: by_renewal_before[1] -> by_renewal[1] = false; by_renewal_before[1] = false :: else fi;
		if :: renewal_before[1] -> renewal_spent[1] = true :: else fi }
	/* A listing lapses no sooner than the lease that came with it (replica 0's lease is nobody's
	 * business here). */
	:: d_step { listed[p] != ABSENT && (p == 0 || (!by_renewal[p] && (!renewal[p] || renewal_spent[p]))) ->
		printf("replica %d: its listing lapses\n", p);
		listed[p] = ABSENT }
#if RESTARTS > 0
	:: d_step { restarts < RESTARTS && (p == 1 || begins[0] == 0) -> restarts++;
		printf("replica %d: dies and starts again\n", p);
		listed[p] = ABSENT; renewal[p] = false; renewal_was_listed[p] = false; renewal_spent[p] = false;
		renewal_before[p] = false; by_renewal[p] = false; by_renewal_before[p] = false;
		if
		:: p == 0 -> distrusts[0] = true; by_renewal_before[1] = by_renewal[1]; renewal_before[1] = renewal[1]
		:: p == 1 -> empty_near(); by_pong = OVER; unread = false; pongs_spent = false
		fi }
#endif
	od
}

proctype near()
{
end:	do
	:: d_step { near_there && by_renewal[1] && by_pong != OVER ->
		printf("replica 1: a near hit, version %d\n", near_version);
		answer_read(near_version, least) }
	:: d_step { !insertion && store_hits ->
		printf("replica 1: reads version %d from the store\n", entry_version);
		insertion = true; insertion_version = entry_version }
	:: d_step { insertion ->
		printf("replica 1: puts version %d into its near cache\n", insertion_version);
		near_there = true; near_version = insertion_version; insertion = false; insertion_version = 0 }
	:: d_step { by_pong != OVER -> by_pong = OVER }
	:: d_step { !unread && by_pong != AFTER -> by_pong = AFTER }
	:: d_step { unread && !pongs_spent && by_pong == OVER -> by_pong = BEFORE }
	:: d_step { unread -> printf("replica 1: drops and acknowledges\n");
		unread = false; pongs_spent = false; empty_near(); acknowledged = true;
		if :: by_pong == BEFORE -> by_pong = AFTER :: else fi }
#if LIST_EVICTIONS > 0
	:: d_step { evictions < LIST_EVICTIONS -> evictions++;
		printf("the list is evicted\n");
		listed[0] = ABSENT; listed[1] = ABSENT }
#endif
	od
}

proctype quick_reads()
{
	byte g0; bool marker;
end:	do
	:: d_step { least != db -> printf("a read is answered by the backend: version %d\n", db);
		answer_read(db, least) }
	:: d_step {
		printf("a whole fill: version %d\n", db);
		tag_snapshot(0, g0, marker);
		answer_read(db, least);
		if
		:: !marker -> store_entry(db, g0, 0)
		:: else
		fi;
		assert(store_hits || carries_mark(0) || (NM > 1 && carries_mark(1)));  /* P5 */
		g0 = 0; marker = false }
	od
}

/* --- The mutation ----------------------------------------------------------------------------- */

#ifdef NO_JOIN_NUMBER
#define knows_itself (listed[0] != ABSENT)
#else
#define knows_itself (listed[0] == KNOWN)
#endif
#ifdef TRUST_AFTER_JOINING
#define trusts_the_list knows_itself
#else
#define trusts_the_list (knows_itself && !distrusts[0])
#endif

#define NOTHING            0
#define AN_ACKNOWLEDGEMENT 1
#define A_LEASE            2
inline read_members()
{
	needs = (!trusts_the_list -> A_LEASE : (listed[1] != ABSENT -> AN_ACKNOWLEDGEMENT : NOTHING));
	moved = false
}

proctype mutation(byte m)
{
	bool had; byte outcome; byte needs;

	m == 0 || answered[0];
#ifdef MEMBERS_FIRST
	d_step { read_members() }
#endif
send:
	atomic { age[m] = FRESH; begins[m]++ }
	d_step { printf("mutation %d begins\n", m); tag_begin(0, m, MARKER) }
	d_step { printf("mutation %d is published\n", m);
		acknowledged = false;
		if :: !unread -> unread = true; pongs_spent = false :: else fi;
		if :: by_pong == AFTER -> by_pong = BEFORE :: else fi }
#ifndef MEMBERS_FIRST
	d_step { read_members() }
#endif
	if
	:: atomic { needs == NOTHING -> printf("mutation %d waits for nobody\n", m) }
	:: needs == AN_ACKNOWLEDGEMENT && acknowledged
	:: d_step { needs != NOTHING -> printf("mutation %d has waited a lease\n", m);
		if :: by_pong == BEFORE -> by_pong = OVER :: else fi;
		if :: unread -> pongs_spent = true :: else fi;
#ifdef REMOVE_BLINDLY
		if :: !acknowledged -> listed[1] = ABSENT :: else fi }
#else
		if :: !acknowledged && !moved -> listed[1] = ABSENT :: else fi }
#endif
	fi;
	atomic { needs = NOTHING; age[m] == FRESH -> printf("mutation %d is forwarded\n", m); request[m] = SENT }
	if
	:: request[m] == COMMITTED -> outcome = CHANGED
	:: request[m] == DECLINED -> outcome = UNCHANGED
	:: outcome = UNKNOWN
	fi;
	d_step { printf("mutation %d ends and is answered (0 changed, 1 unchanged, 2 unknown: %d)\n", m, outcome);
		tag_end(0, m, end_action(0), had);
		if
		:: request[m] == COMMITTED -> expect(version[m])  /* P1 */
		:: else
		fi;
		outcome = 0; had = false;
		answered[m] = true
	}
}

#include "course.pml"

init
{
	atomic {
		listed[0] = KNOWN; listed[1] = KNOWN; by_renewal[1] = true; by_pong = AFTER;
		run mutation(0); run course(0);
#if NM > 1
		run mutation(1); run course(1);
#endif
		run replica(0); run replica(1); run near(); run quick_reads()
	}
}
