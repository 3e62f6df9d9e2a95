/* A server that is replaced: failover with lost writes, failback, restart (protocol.md section 1,
 * "Identity" and "Quarantine"; section 3.4 and 3.5 where they name the identity).
 *
 * Two servers, one of them primary. The other one's content is a state that the primary was in some
 * time ago. A failover makes it the primary, under a new identity; the old one stays reachable as a
 * replica, and whoever is connected to it goes on reading there until his next check of identity.
 * One tag, one entry, no near cache. The mutation passes through replica 0 of sidecache, reads
 * through replica 1.
 *     FAILOVERS  how often
 *     EMPTY      once the server comes back empty and under a new identity (a restart)
 *     SLOW_FILL     one fill takes its time
 *     FRESH_READER  replica 1 has just started: it has seen no identity yet
 */
#define NM 1
#ifndef FAILOVERS
#define FAILOVERS 1
#endif
#ifndef MAX_BEGINS
#define MAX_BEGINS 2
#endif

#include "backend.pml"

#define NONE   0
#define MARKER 1
#define SWEEP  3

/* --- The servers ------------------------------------------------------------------------------ */

byte primary;
byte identity[2];     /* of its present or last reign */
byte reigns = 1;
bool tag_there[2];
byte gen[2];
byte mark[2];
bool entry_there[2];
byte entry_version[2];
byte entry_gen[2];
byte entry_server[2]; /* the identity that its generation was read under */
byte named[2];        /* `sidecache:identity` */
#define NOT_SET 0
#define SET     1
#define EXPIRED 2
byte quarantine[6];   /* by identity: `sidecache:quarantine:IDENTITY` */
byte failovers;
bool emptied;

byte fill_gen;

inline new_generation(s)
{
	gen[s] = 1;
	do
	:: gen[s] == gen[1 - s] || gen[s] == entry_gen[0] || gen[s] == entry_gen[1] || gen[s] == fill_gen ->
		gen[s] = gen[s] + 1
	:: else -> break
	od
}

inline tag_settle(s)
{
	if
	:: !tag_there[s] -> tag_there[s] = true; new_generation(s)
	:: tag_there[s] && mark[s] == SWEEP -> mark[s] = NONE; new_generation(s)
	:: else
	fi
}

#define carries_mark(m)     (mark[0] == MARKER || mark[1] == MARKER)
#define pass_near_limits(m) skip
inline pass_deadline(m)
{
	if :: mark[0] == MARKER -> mark[0] = SWEEP :: else fi;
	if :: mark[1] == MARKER -> mark[1] = SWEEP :: else fi
}

#define standby (1 - primary)
#ifdef QUICK_RESYNC
#define quick_resync true
#else
#define quick_resync false
#endif
inline copy_to_standby()
{
	tag_there[standby] = tag_there[primary]; gen[standby] = gen[primary]; mark[standby] = mark[primary];
	entry_there[standby] = entry_there[primary]; entry_version[standby] = entry_version[primary];
	entry_gen[standby] = entry_gen[primary]; entry_server[standby] = entry_server[primary];
	named[standby] = named[primary]
}

inline clear_content(s)
{
	tag_there[s] = false; gen[s] = 0; mark[s] = NONE;
	entry_there[s] = false; entry_version[s] = 0; entry_gen[s] = 0; entry_server[s] = 0;
	named[s] = 0
}

/* --- What each replica of sidecache knows ----------------------------------------------------- */

byte server_of[2];   /* its connection leads there */
byte known[2];       /* the identity that it read last */
bool checked[2];     /* ... by a check that was sent less than a lease ago */
bool distrusts[2];   /* it met a new identity, or started, less than a lease ago */

inline take_reign(s)
{
	reigns++;
#ifdef RUN_ID_ONLY
	identity[s] = s + 1
#else
	identity[s] = reigns
#endif
}

/* A whole lease has passed since some moment after the last failover: no check from before it
 * counts any more. */
inline outlast_checks()
{
	if :: server_of[0] != primary -> checked[0] = false :: else fi;
	if :: server_of[1] != primary -> checked[1] = false :: else fi
}

byte reign_of_begin;  /* the reign that the last begin was really executed in */
/* A quarantine lasts as long as any marker, and begins after the failover. */
#define a_lost_marker_may_live \
	(begins[0] > 0 && reign_of_begin != reigns && age[0] != PAST && request[0] <= SENT)

proctype servers()
{
end:	do
	/* A demoted server takes longer than a lease to load the new primary's data (or its connections
	 * are closed, as Sentinel does): README, "Findings". */
	:: d_step { quick_resync || !((checked[0] && server_of[0] == standby) || (checked[1] && server_of[1] == standby)) ->
		copy_to_standby() }
	:: d_step { failovers < FAILOVERS -> failovers++;
		printf("failover: server %d is promoted\n", standby);
		primary = standby;
		/* It takes longer than a lease to come to power again. */
		if :: server_of[0] == primary -> checked[0] = false :: else fi;
		if :: server_of[1] == primary -> checked[1] = false :: else fi;
		take_reign(primary) }
#ifdef EMPTY
	:: d_step { !emptied -> emptied = true;
		printf("server %d is restarted, empty\n", primary);
		clear_content(primary);
		checked[0] = false; checked[1] = false;
		server_of[0] = 2; server_of[1] = 2;
		take_reign(primary) }
#endif
	:: d_step { quarantine[identity[primary]] == SET && !a_lost_marker_may_live ->
		printf("the quarantine of identity %d is over\n", identity[primary]);
		quarantine[identity[primary]] = EXPIRED }
	od
}

#define hits(p, s) (entry_there[s] && tag_there[s] && mark[s] == NONE && \
	entry_gen[s] == gen[s] && entry_server[s] == known[p])
#ifdef CHECKS_LAST_FOR_EVER
#define may_count_hits(p) true
#else
#define may_count_hits(p) checked[p]
#endif

proctype replica(byte p)
{
end:	do
	/* Connect, or heartbeat: the identity of the primary, and what follows from a new one. */
	:: d_step { !(server_of[p] == primary && checked[p] && known[p] == identity[primary]) ->
		printf("replica %d: reads identity %d\n", p, identity[primary]);
		if
		:: known[p] != identity[primary] ->
			distrusts[p] = p == 0;
#ifndef NO_QUARANTINE
			if
			:: (known[p] != 0 || (named[primary] != 0 && named[primary] != identity[primary])) &&
				quarantine[identity[primary]] == NOT_SET -> quarantine[identity[primary]] = SET
			:: else
			fi;
#endif
#ifdef FRESH_READER
			named[primary] = identity[primary]
#endif
		:: else
		fi;
		server_of[p] = primary; known[p] = identity[primary]; checked[p] = true }
	/* Time. */
	:: d_step { checked[p] -> checked[p] = false }
	:: d_step { p == 0 && distrusts[p] -> distrusts[p] = false; outlast_checks() }
	/* A hit. */
	:: d_step { p == 1 && server_of[p] != 2 && may_count_hits(p) && hits(p, server_of[p]) ->
		printf("replica %d: a hit on server %d, version %d\n", p, server_of[p], entry_version[server_of[p]]);
		answer_read(entry_version[server_of[p]], least) }
	/* A whole fill. */
	:: d_step { p == 1 && server_of[p] == primary ->
		tag_settle(primary);
		if
		:: mark[primary] == NONE && quarantine[known[p]] != SET ->
			printf("replica %d: a whole fill, version %d\n", p, db);
			entry_there[primary] = true; entry_version[primary] = db;
			entry_gen[primary] = gen[primary]; entry_server[primary] = known[p]
		:: else
		fi;
		assert(!checked[p] || hits(p, primary) || mark[primary] == MARKER || quarantine[known[p]] == SET);  /* P5 */
		answer_read(db, least) }
	od
}
#ifdef SLOW_FILL
/* A fill that takes its time, at replica 1. */
byte fill_server; byte fill_version; bool fill_clean;
proctype fill()
{
end:	do
	:: d_step { server_of[1] == primary ->
		tag_settle(primary);
		fill_clean = mark[primary] == NONE && quarantine[known[1]] != SET;
		fill_gen = gen[primary];
		fill_server = known[1];
		printf("a fill snapshots: clean %d\n", fill_clean) }
	   if
	   :: d_step { fill_clean -> printf("the fill is answered by the backend: version %d\n", db);
		fill_version = db; answer_read(db, 0) }
		if
		:: d_step { server_of[1] == primary ->
			printf("the fill stores version %d under identity %d\n", fill_version, fill_server);
			entry_there[primary] = true; entry_version[primary] = fill_version;
			entry_gen[primary] = fill_gen; entry_server[primary] = fill_server }
		:: true
		fi
	   :: true
	   fi;
	   atomic { fill_clean = false; fill_gen = 0; fill_server = 0; fill_version = 0 }
	od
}

#endif

proctype passing_read()
{
end:	do
	:: d_step { least != db -> printf("a read is answered by the backend: version %d\n", db);
		answer_read(db, least) }
	od
}

/* --- The mutation ----------------------------------------------------------------------------- */

/* A begin or an end counts only within one lease of an identity check's sending, as a hit does. */
#ifdef UNCHECKED_BEGIN
#define may_count_begin true
#else
#define may_count_begin checked[0]
#endif
#ifdef UNCHECKED_END
#define may_count_end true
#else
#define may_count_end checked[0]
#endif

#ifdef FORWARD_ANYWAY
#define same_identity true
#else
#define same_identity (begun_under == known[0])
#endif

proctype mutation()
{
	byte begun_under; byte outcome; bool had;

send:
	atomic { age[0] = FRESH; begins[0]++ }
	atomic { server_of[0] == primary && may_count_begin ->
		printf("the mutation begins on server %d\n", primary);
		tag_settle(primary);
		mark[primary] = MARKER;
		reign_of_begin = reigns;
		begun_under = known[0] }
#ifndef TRUST_NEW_IDENTITY
	if
	:: d_step { distrusts[0] -> printf("the mutation waits a lease\n"); outlast_checks() }
	:: !distrusts[0]
	fi;
#endif
	if
	:: d_step { age[0] == FRESH && same_identity -> printf("the mutation is forwarded\n"); request[0] = SENT }
	:: !(age[0] == FRESH && same_identity) && begins[0] < MAX_BEGINS -> goto send
	fi;
	if
	:: request[0] == COMMITTED -> outcome = 0
	:: request[0] == DECLINED -> outcome = 1
	:: outcome = 2
	fi;
	d_step { server_of[0] == primary && may_count_end ->
		printf("the mutation ends on server %d (0 changed, 1 unchanged, 2 unknown: %d)\n", primary, outcome);
		tag_settle(primary);
		had = mark[primary] == MARKER && known[0] == begun_under;
		if :: outcome != 1 -> new_generation(primary) :: else -> had = true fi;
		mark[primary] = (outcome == 2 -> MARKER : NONE) }
#ifndef SILENT_END
	if
	:: d_step { !had -> printf("the mutation waits a lease, since it has lost its marker\n"); outlast_checks() }
	:: had
	fi;
#endif
	d_step {
		printf("the mutation's client is answered\n");
		if
		:: request[0] == COMMITTED && counts(outcome) -> expect(version[0])  /* P1 */
		:: else
		fi;
		outcome = 0; had = false; begun_under = 0;
		answered[0] = true
	}
}
#include "course.pml"

init
{
	atomic {
		/* It has been running for long: server 0 reigns, everybody knows it. */
		identity[0] = 1;
#ifdef FRESH_READER
		named[0] = 1;
#endif
		known[0] = 1; server_of[0] = 0;
#ifdef FRESH_READER
		known[1] = 0; server_of[1] = 2;
#else
		known[1] = 1; server_of[1] = 0;
#endif
		copy_to_standby();
		run mutation(); run course(0); run servers(); run passing_read(); run replica(0); run replica(1);
#ifdef SLOW_FILL
		run fill();
#endif
	}
}
