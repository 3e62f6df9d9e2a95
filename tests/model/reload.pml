/* Other rules in mid-mutation (protocol.md section 3.8).
 *
 * Replica 0 mutates by the old rules, which every member has at first: entries carry tag OLD_TAG and the
 * rule's tag, and the mutation names OLD_TAG. Replica 1 reloads (or joins) with new rules, by which the
 * same response carries tag NEW_TAG and the rule's tag: nothing that the old rules name.
 * Which of these holds is chosen by a switch; README, "Findings", tells what came out:
 *     (none)       as the protocol has it: begin reads the members, a reload is announced some time
 *     END_READS    end's last command reads the members again, bumps `rule:` for what is new; a
 *                  reload is announced before it is in force
 *     QUIET        a reload is announced, and in force only when a mark of then must be over
 */
#define NM 1
#define MAX_BEGINS 1

#define OLD_TAG  0
#define NEW_TAG  1
#define RULE_TAG 2

#include "backend.pml"

#define NONE   0
#define MARKER 1
#define SWEEP  3
bool tag_there[3];
byte gen[3];
byte mark[3];
bool old_there; byte old_version; byte old_gen; byte old_rule_gen;
bool new_there; byte new_version; byte new_gen; byte new_rule_gen;
byte fill_version; byte fill_gen; byte fill_rule_gen; bool filling;

#define held(t, g) ( \
	((t) == OLD_TAG && old_gen == g) || ((t) == NEW_TAG && (new_gen == g || fill_gen == g)) || \
	((t) == RULE_TAG && (old_rule_gen == g || new_rule_gen == g || fill_rule_gen == g)))

inline new_generation(t)
{
	gen[t] = 1;
	do
	:: held(t, gen[t]) -> gen[t] = gen[t] + 1
	:: else -> break
	od
}

inline tag_settle(t)
{
	if
	:: !tag_there[t] -> tag_there[t] = true; new_generation(t)
	:: tag_there[t] && mark[t] == SWEEP -> mark[t] = NONE; new_generation(t)
	:: else
	fi
}

inline tag_begin(t) { tag_settle(t); mark[t] = MARKER }

inline tag_bump(t, kept)
{
	tag_settle(t);
	new_generation(t);
	mark[t] = (kept -> MARKER : NONE)
}

#define carries_mark(m) (mark[OLD_TAG] == MARKER || mark[NEW_TAG] == MARKER || mark[RULE_TAG] == MARKER)
#define pass_near_limits(m) skip
inline pass_deadline(m)
{
	if :: mark[OLD_TAG] == MARKER -> mark[OLD_TAG] = SWEEP :: else fi;
	if :: mark[RULE_TAG] == MARKER -> mark[RULE_TAG] = SWEEP :: else fi
}

/* --- Replica 1 -------------------------------------------------------------------------------- */

bool announced;     /* the members' list says so */
bool in_force;
bool marks_rule;    /* the mutation has seen other rules at its begin */
bool begun_before;  /* a mutation that did not know of it may still be under way */

#if defined(QUIET)
#define may_come_in_force (announced && !begun_before)
#define may_be_announced  true
#elif defined(END_READS)
#define may_come_in_force announced
#define may_be_announced  true
#else
#define may_come_in_force true
#define may_be_announced  in_force
#endif

proctype reader()
{
end:	do
	:: d_step { !announced && may_be_announced -> printf("replica 1 announces its new rules\n");
		announced = true; begun_before = begins[0] > 0 && !marks_rule }
	/* ... for as long as any mark may stand. */
	:: d_step { begun_before && (age[0] == PAST || answered[0] && !carries_mark(0)) && request[0] != SENT ->
		begun_before = false }
	:: d_step { !in_force && may_come_in_force -> printf("replica 1 goes by its new rules\n"); in_force = true }
	/* By the old rules. */
	:: d_step { !in_force ->
		tag_settle(OLD_TAG); tag_settle(RULE_TAG);
		if
		:: mark[OLD_TAG] == NONE && mark[RULE_TAG] == NONE ->
			old_there = true; old_version = db; old_gen = gen[OLD_TAG]; old_rule_gen = gen[RULE_TAG]
		:: else
		fi }
	:: d_step { !in_force && old_there && mark[OLD_TAG] == NONE && mark[RULE_TAG] == NONE &&
		old_gen == gen[OLD_TAG] && old_rule_gen == gen[RULE_TAG] ->
		answer_read(old_version, least) }
	/* By the new ones: a fill takes its time. */
	:: d_step { in_force && !filling ->
		tag_settle(NEW_TAG); tag_settle(RULE_TAG);
		if
		:: mark[NEW_TAG] == NONE && mark[RULE_TAG] == NONE ->
			filling = true; fill_gen = gen[NEW_TAG]; fill_rule_gen = gen[RULE_TAG]; fill_version = db;
			printf("replica 1 fetches version %d for its new key\n", db)
		:: else
		fi }
	:: d_step { filling ->
		new_there = true; new_version = fill_version; new_gen = fill_gen; new_rule_gen = fill_rule_gen;
		filling = false; fill_version = 0; fill_gen = 0; fill_rule_gen = 0 }
	:: d_step { in_force && new_there && mark[NEW_TAG] == NONE && mark[RULE_TAG] == NONE &&
		new_gen == gen[NEW_TAG] && new_rule_gen == gen[RULE_TAG] ->
		printf("replica 1 hits its new key: version %d\n", new_version);
		answer_read(new_version, least) }
#ifndef WITHOUT_P2
	:: d_step { least != db -> printf("a read is answered by the backend: version %d\n", db);
		answer_read(db, least) }
#endif
	od
}

/* --- Replica 0's mutation --------------------------------------------------------------------- */

proctype mutation()
{
	byte outcome;

	/* The begin's last command reads the members: from there on it knows nothing of a newcomer. */
	d_step { printf("the mutation begins\n"); begins[0]++; age[0] = FRESH; tag_begin(OLD_TAG) }
	d_step { marks_rule = announced;
		if :: marks_rule -> tag_begin(RULE_TAG) :: else fi }
	d_step { printf("the mutation is forwarded\n"); request[0] = SENT }
	if
	:: request[0] == COMMITTED -> outcome = 0
	:: request[0] == DECLINED -> outcome = 1
	:: outcome = 2
	fi;
	d_step {
		if
		:: outcome == 1 -> tag_settle(OLD_TAG); mark[OLD_TAG] = NONE
		:: else -> tag_bump(OLD_TAG, outcome == 2)
		fi;
		if
		:: outcome == 1 && marks_rule -> tag_settle(RULE_TAG); mark[RULE_TAG] = NONE
		:: outcome != 1 && marks_rule -> tag_bump(RULE_TAG, outcome == 2)
		:: else
		fi }
#ifdef END_READS
	d_step {
		if
		:: announced && !marks_rule && outcome != 1 -> printf("end sees other rules\n"); tag_bump(RULE_TAG, outcome == 2)
		:: else
		fi }
#endif
	d_step {
		printf("the mutation's client is answered (0 changed, 1 unchanged, 2 unknown: %d)\n", outcome);
		if
		:: request[0] == COMMITTED && counts(outcome) -> expect(version[0])  /* P1 */
		:: else
		fi;
		outcome = 0;
		answered[0] = true
	}
}

#include "course.pml"

init
{
	atomic { run mutation(); run course(0); run reader() }
}
