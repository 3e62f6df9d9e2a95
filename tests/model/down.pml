/* The store cannot be reached (protocol.md section 5).
 *
 * Replica 0 mutates, replica 1 has a near cache; links to the store go and come (OUTAGES times).
 * A near cache's lease is one that grants nothing new while its replica is cut off; near.pml has
 * searched what it rests on.
 *     REFUSE  on_down: refuse; otherwise on_down: forward
 */
#define NM 1
#define NT 1
#define MAX_BEGINS 1
#ifndef OUTAGES
#define OUTAGES 2
#endif
#define held_elsewhere(t, g) (fill_gen == g)
#define pass_near_limits(m) skip

#ifndef REFUSE
#define WITHOUT_P2
#endif

byte fill_gen;

#include "backend.pml"
#include "store.pml"
#include "mutation_kinds.pml"

bool cut[2];        /* the replica does not reach the store */
byte outages;

bool near_there;    /* replica 1's near cache, one entry */
byte near_version;
bool lease;         /* its lease is running */
bool lease_before;  /* ... and was granted before the mutation began to wait one out */
bool unread;        /* a publish */
bool acknowledged;

bool begun;
#define P3_holds(m) begun

bool covered;       /* replica 0 serves nothing under those tags: it owes their invalidation */
byte least_here;    /* what replica 0's reads may not fall behind, on top of `least` */
bool in_the_dark;   /* replica 1 has been cut off since before the mutation waited a lease out */
byte least_in_the_dark;

#define store_hits (entry_there && is_valid(0))

proctype links()
{
end:	do
	:: d_step { outages < OUTAGES && !cut[0] -> outages++; cut[0] = true; printf("replica 0 is cut off\n") }
	:: d_step { outages < OUTAGES && !cut[1] -> outages++; cut[1] = true; printf("replica 1 is cut off\n") }
	:: d_step { outages < OUTAGES && !cut[0] && !cut[1] -> outages++; cut[0] = true; cut[1] = true;
		printf("the store is down\n") }
	:: d_step { cut[0] -> cut[0] = false; printf("replica 0 reaches the store again\n") }
	:: d_step { cut[1] -> cut[1] = false; in_the_dark = false; printf("replica 1 reaches the store again\n") }
	od
}

#ifdef SERVE_WHAT_IS_OWED
#define may_serve true
#else
#define may_serve (!covered)
#endif

proctype reads()
{
	byte g0; bool marker;

end:	do
	/* Replica 1. */
	:: d_step { near_there && lease ->
		printf("replica 1: a near hit, version %d\n", near_version);
		assert(!in_the_dark || near_version >= least_in_the_dark);
		answer_read(near_version, least) }
	:: d_step { !cut[1] && store_hits ->
		answer_read(entry_version, least);
		/* Insertion in one step: what may come between is near.pml's. */
		near_there = true; near_version = entry_version }
	:: d_step { lease -> lease = false; lease_before = false }
	:: d_step { !cut[1] && !unread && (!lease || lease_before) -> lease = true; lease_before = false }
	:: d_step { !cut[1] && unread -> printf("replica 1: drops and acknowledges\n");
		unread = false; acknowledged = true; near_there = false; near_version = 0 }
	/* Replica 0. */
	:: d_step { !cut[0] && may_serve && store_hits ->
		printf("replica 0: a hit, version %d\n", entry_version);
		assert(entry_version >= least_here);
		answer_read(entry_version, least) }
#ifdef REFUSE
	:: d_step { least != db -> printf("a read is answered by the backend: version %d\n", db);
		answer_read(db, least) }
#endif
	/* Either one. */
	:: d_step { !cut[0] || !cut[1] ->
		tag_snapshot(0, g0, marker);
		if
		:: !marker -> printf("a whole fill: version %d\n", db); store_entry(db, g0, 0)
		:: else
		fi;
		assert(store_hits || carries_mark(0));  /* P5 */
		g0 = 0; marker = false }
	od
}
inline publish()
{
	acknowledged = false; unread = true; lease_before = lease
}

inline wait_for_replica_1()
{
	if
	:: acknowledged
	:: d_step { printf("replica 0 waits a lease\n");
		if :: lease_before -> lease = false; lease_before = false :: else fi }
	fi
}

proctype mutation()
{
	byte outcome; bool had; bool owed; bool in_vain;

	begins[0]++;
	if
	:: d_step { !cut[0] -> printf("the mutation begins\n"); tag_begin(0, 0, MARKER); begun = true; publish() }
		wait_for_replica_1()
	:: d_step { cut[0] -> lease_before = lease; in_the_dark = cut[1];
		printf("the mutation cannot begin\n") }
#ifdef REFUSE
		goto over;  /* 503 */
#else
#ifndef NO_LEASE_WAIT
		d_step { printf("replica 0 waits a lease\n");
			if :: lease_before -> lease = false; lease_before = false :: else fi }
#endif
		covered = true
#endif
	fi;
	d_step { printf("the mutation is forwarded\n"); request[0] = SENT }
	if
	:: request[0] == COMMITTED -> outcome = CHANGED
	:: request[0] == DECLINED -> outcome = UNCHANGED
	:: outcome = UNKNOWN
	fi;
	if
	:: d_step { !cut[0] -> printf("the mutation ends (0 changed, 1 unchanged, 2 unknown: %d)\n", outcome);
		tag_end(0, 0, end_action(0), had);
		if :: !had && outcome != UNCHANGED -> publish() :: else -> acknowledged = true fi }
		wait_for_replica_1()
#ifdef ANSWER_AT_ONCE
	:: d_step { owed = true; covered = true; in_vain = cut[0] }
#else
	:: d_step { cut[0] -> owed = true; covered = true; in_vain = true }  /* on_down_hold is over */
#endif
	fi;
	d_step {
		printf("its client is answered; owed: %d\n", owed);
		if
		:: request[0] == COMMITTED ->
			least_here = version[0];
			if
			:: !owed || begun || !in_vain -> expect(version[0])  /* P1 */
			:: else -> least_in_the_dark = version[0]
			fi
		:: else
		fi;
		answered[0] = true;
		if :: !owed -> covered = false :: else fi
	}
	if
	:: d_step { owed && !cut[0] -> printf("what is owed is paid\n");
		tag_end(0, 0, end_action(0), had);
		publish() }
#ifndef PAY_SILENTLY
		wait_for_replica_1();
#endif
		d_step { covered = false; owed = false;
			if :: request[0] == COMMITTED -> expect(version[0]) :: else fi }
	:: !owed
	fi;
over:	outcome = 0
}

#include "course.pml"

init
{
	atomic { lease = true; run mutation(); run course(0); run links(); run reads() }
}
