/* The shared store: one entry and its tags. Each inline is one script of proxy/store/scripts and so
 * is executed as one step (protocol.md section 1).
 *
 * A generation is a number that nothing else in the whole state holds: the smallest such, so that
 * states that differ only in names are one state. (Whoever includes this defines
 * `held_elsewhere(t, g)`: fills under way and the like.)
 *
 * A mark is NONE, MARKER, INTENT, or SWEEP: either of the two, past its deadline, not yet swept.
 */
#define NONE   0
#define MARKER 1
#define INTENT 2
#define SWEEP  3

bool tag_there[2];
byte gen[2];
byte marks[4];

bool entry_there;
byte entry_version;
byte entry_gen[2];

#define mark(t, m)      marks[(t) * 2 + (m)]
#define any(t, what)    (mark(t, 0) == what || mark(t, 1) == what)
#define is_alive(t, m)  (mark(t, m) == MARKER || mark(t, m) == INTENT)
#define carries_mark(m) (is_alive(0, m) || is_alive(1, m))
#define has_marks(t)    (mark(t, 0) != NONE || mark(t, 1) != NONE)

/* What a plain reader sees: it has no clock for markers, so a marker past its deadline stops it
 * too; an intent stops it from its deadline on. */
#define stops_hits(t)   (any(t, MARKER) || any(t, SWEEP))
#define is_valid(t)     (tag_there[t] && !stops_hits(t) && entry_gen[t] == gen[t])

inline new_generation(t)
{
#ifdef COUNTERS_FOR_GENERATIONS
	gen[t] = gen[t] + 1;
#else
	gen[t] = 1;
	do
	:: entry_gen[t] == gen[t] || held_elsewhere(t, gen[t]) -> gen[t] = gen[t] + 1
	:: else -> break
	od;
#endif
}

/* tag_value.lua, settle: makes a missing tag, sweeps marks past their deadline. */
inline tag_settle(t)
{
	if
	:: !tag_there[t] -> tag_there[t] = true; new_generation(t)
	:: tag_there[t] && any(t, SWEEP) ->
		if :: mark(t, 0) == SWEEP -> mark(t, 0) = NONE :: else fi;
		if :: mark(t, 1) == SWEEP -> mark(t, 1) = NONE :: else fi;
		new_generation(t)
	:: else
	fi
}

inline tag_snapshot(t, into_gen, saw_marker)
{
	tag_settle(t);
	into_gen = gen[t];
	saw_marker = saw_marker || any(t, MARKER)
}

inline tag_begin(t, m, kind)
{
	tag_settle(t);
	if
	:: mark(t, m) != MARKER -> mark(t, m) = kind
	:: else
	fi
}

#define CLEAR     0  /* the mark goes, the generation stays */
#define BUMP      1  /* a new generation, the mark goes */
#define BUMP_KEEP 2  /* a new generation, and a marker stays */

inline tag_end(t, m, action, had_mark)
{
	tag_settle(t);
	had_mark = mark(t, m) != NONE;
	if
	:: action != CLEAR -> new_generation(t)
	:: else
	fi;
	mark(t, m) = (action == BUMP_KEEP -> MARKER : NONE)
}

/* The deadline of all that `m` has set passes. */
inline pass_deadline(m)
{
	if :: is_alive(0, m) -> mark(0, m) = SWEEP :: else fi;
	if :: is_alive(1, m) -> mark(1, m) = SWEEP :: else fi
}

inline store_entry(v, g0, g1)
{
	entry_there = true; entry_version = v; entry_gen[0] = g0; entry_gen[1] = g1
}

inline evict_entry()
{
	entry_there = false; entry_version = 0; entry_gen[0] = 0; entry_gen[1] = 0
}

/* `volatile-*` spares what has no expiry: a tag with a mark (PERSIST in begin). */
#ifdef EVICT_MARKED
#define may_be_evicted(t) tag_there[t]
#else
#define may_be_evicted(t) (tag_there[t] && !has_marks(t))
#endif

inline evict_tag(t)
{
	tag_there[t] = false; gen[t] = 0; mark(t, 0) = NONE; mark(t, 1) = NONE
}
