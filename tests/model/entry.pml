/* A purge that asks another entry: `entry.RULE.PATH` finds the schema that a product is moved away
 * from (protocol.md sections 3.2 and 3.5).
 *
 * One product that lies in one of three schemas, and each schema's list. Mutation m moves it to
 * schema 2 + m and purges the product, the schema that it moves to (known from the request) and the
 * schema that it leaves, which only the product's cached entry tells.
 *     BOTH_SLOW  mutation 1 may be held up between any two of its steps as well
 *     ALL_LISTS  every list is read, not only that of schema 3
 * P1 and P3 only, as for every tag that is not known at begin (section 6).
 */
#define NM 2

byte where = 1;    /* the schema that the product lies in */
byte changes[4];   /* of each schema's list, so far */
byte least[4];     /* no read of that list that starts now may show fewer */

/* Tags: 0 the product, 1 to 3 the schemas, 4 `schema:*`. Marks and scripts as in store.pml. */
#define PRODUCT 0
#define WIDE    4
#define NONE    0
#define MARKER  1
#define INTENT  2
#define SWEEP   3
bool tag_there[5];
byte gen[5];
byte marks[10];
#define mark(t, m)       marks[(t) * 2 + (m)]
#define any(t, what)     (mark(t, 0) == what || mark(t, 1) == what)
#define stops_hits(t)    (any(t, MARKER) || any(t, SWEEP))
#define other_mark(t, m) (mark(t, 1 - (m)) == MARKER || mark(t, 1 - (m)) == SWEEP)
#define is_alive(t, m)   (mark(t, m) == MARKER || mark(t, m) == INTENT)
#define carries_mark(m)  (is_alive(0, m) || is_alive(1, m) || is_alive(2, m) || is_alive(3, m) || is_alive(4, m))

bool product_there;
byte product_where;
byte product_gen;
bool list_there[4];
byte list_shows[4];
byte list_gen[4];
byte list_wide_gen[4];

/* What a mutation's look has found. */
byte old_schema[2];  /* 0: unknown */
byte sight_gen[2];

#define held(t, g) ( \
	((t) == PRODUCT && (product_gen == g || sight_gen[0] == g || sight_gen[1] == g)) || \
	((t) == WIDE && (list_wide_gen[1] == g || list_wide_gen[2] == g || list_wide_gen[3] == g)) || \
	((t) == 1 && list_gen[1] == g) || ((t) == 2 && list_gen[2] == g) || ((t) == 3 && list_gen[3] == g))

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
	:: tag_there[t] && any(t, SWEEP) ->
		if :: mark(t, 0) == SWEEP -> mark(t, 0) = NONE :: else fi;
		if :: mark(t, 1) == SWEEP -> mark(t, 1) = NONE :: else fi;
		new_generation(t)
	:: else
	fi
}

inline tag_begin(t, m, kind)
{
	tag_settle(t);
	if :: mark(t, m) != MARKER -> mark(t, m) = kind :: else fi
}

#define CLEAR     0
#define BUMP      1
#define BUMP_KEEP 2
inline tag_end(t, m, action)
{
	tag_settle(t);
	if :: action != CLEAR -> new_generation(t) :: else fi;
	mark(t, m) = (action == BUMP_KEEP -> MARKER : NONE)
}

#define UNSENT    0
#define SENT      1
#define COMMITTED 2
#define DECLINED  3
byte request[NM];
byte left[NM];         /* the schema that the commit took it from */
byte left_shows[NM];   /* ... and what that list shows from then on */
byte joined_shows[NM];

#define target(m) ((m) + 2)

inline expect(m)
{
	if
	:: request[m] == COMMITTED ->
		if :: left_shows[m] > least[left[m]] -> least[left[m]] = left_shows[m] :: else fi;
		if :: joined_shows[m] > least[target(m)] -> least[target(m)] = joined_shows[m] :: else fi
	:: else
	fi
}

proctype product_fills()
{
end:	do
	:: d_step {
		tag_settle(PRODUCT);
		if
		:: !any(PRODUCT, MARKER) -> printf("the product is filled: schema %d\n", where);
			product_there = true; product_where = where; product_gen = gen[PRODUCT]
		:: else
		fi }
	od
}

proctype reads(byte s)
{
end:	do
	:: d_step { tag_settle(s); tag_settle(WIDE);
		if
		:: !any(s, MARKER) && !any(WIDE, MARKER) -> printf("the list of schema %d is filled\n", s);
			list_there[s] = true; list_shows[s] = changes[s];
			list_gen[s] = gen[s]; list_wide_gen[s] = gen[WIDE]
		:: else
		fi }
	:: d_step { list_there[s] && tag_there[s] && tag_there[WIDE] && !stops_hits(s) && !stops_hits(WIDE) &&
		list_gen[s] == gen[s] && list_wide_gen[s] == gen[WIDE] ->
		if
		:: list_shows[s] < least[s] -> printf("... but the list of schema %d hits as it was before\n", s)
		:: else
		fi;
		assert(list_shows[s] >= least[s]) }
	od
}

#define action (outcome == 1 -> CLEAR : (outcome == 2 -> BUMP_KEEP : BUMP))

#ifdef LOOK_UNDER_ANY_MARKER
#define disturbed(m) false
#else
#define disturbed(m) other_mark(PRODUCT, m)
#endif

inline begin_known(m)
{
	printf("mutation %d begins: the product, and schema %d\n", m, target(m));
	tag_begin(PRODUCT, m, MARKER);
	tag_begin(target(m), m, MARKER);
#ifndef NO_INTENT
	tag_begin(WIDE, m, INTENT);
#endif
}

/* An entry that is valid but for the own marker. */
inline look(m)
{
	if
	:: product_there && tag_there[PRODUCT] && product_gen == gen[PRODUCT] &&
		mark(PRODUCT, m) == MARKER && !disturbed(m) ->
		printf("mutation %d finds it in schema %d\n", m, product_where);
		old_schema[m] = product_where; sight_gen[m] = gen[PRODUCT]
	:: else -> widen = true; printf("mutation %d cannot tell its old schema\n", m)
	fi
}

inline begin_old(m)
{
	if
	:: old_schema[m] != 0 -> tag_begin(old_schema[m], m, MARKER)
	:: else -> tag_begin(WIDE, m, MARKER)
	fi
}

inline look_again(m)
{
#ifndef LOOK_ONCE
	if
	:: outcome == 0 && !widen && (!tag_there[PRODUCT] || gen[PRODUCT] != sight_gen[m] ||
		other_mark(PRODUCT, m) || mark(PRODUCT, m) != MARKER) ->
		printf("mutation %d: it has moved meanwhile\n", m);
		widen = true
	:: else
	fi
#else
	skip
#endif
}

inline end_product(m)
{
	tag_end(PRODUCT, m, action); sight_gen[m] = 0
}

inline end_old(m)
{
	if
	:: old_schema[m] != 0 && old_schema[m] != target(m) -> tag_end(old_schema[m], m, action)
	:: else
	fi;
	old_schema[m] = 0
}

inline end_wide_and_answer(m)
{
	printf("mutation %d ends and is answered (0 changed, 1 unchanged, 2 unknown: %d); every schema: %d\n",
		m, outcome, widen);
	if
	:: outcome == 0 && !widen -> tag_end(WIDE, m, CLEAR)
	:: else -> tag_end(WIDE, m, action)
	fi;
	expect(m);  /* P1 */
	outcome = 0; widen = false
}

#define take_outcome(m) \
	if \
	:: request[m] == COMMITTED -> outcome = 0 \
	:: request[m] == DECLINED -> outcome = 1 \
	:: outcome = 2 \
	fi

proctype mutation(byte m)
{
	byte outcome; bool widen;

	d_step { begin_known(m) }
	d_step { look(m) }
	d_step { begin_old(m) }
	d_step { printf("mutation %d is forwarded\n", m); request[m] = SENT }
	take_outcome(m);
	d_step { look_again(m) }
	/* One pipeline, bumps before clears; any of them may be the last. */
	d_step { end_product(m) }
	d_step { tag_end(target(m), m, action) }
	d_step { end_old(m) }
	d_step { end_wide_and_answer(m) }
}

/* One that dawdles nowhere but at the backend. */
proctype quick_mutation(byte m)
{
	byte outcome; bool widen;

	d_step { begin_known(m); look(m); begin_old(m);
		printf("mutation %d is forwarded\n", m); request[m] = SENT }
	take_outcome(m);
	d_step { look_again(m); end_product(m); tag_end(target(m), m, action); end_old(m); end_wide_and_answer(m) }
}

proctype course(byte m)
{
	byte t;

end:	do
	:: d_step { request[m] == SENT && where != target(m) ->
		printf("the backend commits mutation %d: from schema %d to %d\n", m, where, target(m));
		left[m] = where; changes[where] = changes[where] + 1; left_shows[m] = changes[where];
		where = target(m); changes[where] = changes[where] + 1; joined_shows[m] = changes[where];
		request[m] = COMMITTED }
	:: d_step { request[m] == SENT -> request[m] = DECLINED }
	:: d_step { request[m] > SENT && carries_mark(m) ->
		printf("mutation %d: its marks' deadline passes\n", m);
		t = 0;
		do
		:: t < 5 -> if :: is_alive(t, m) -> mark(t, m) = SWEEP :: else fi; t++
		:: else -> break
		od;
		t = 0;
		expect(m) }  /* P3 */
	od
}

init
{
	atomic {
		run mutation(0); run course(0);
#ifdef BOTH_SLOW
		run mutation(1);
#else
		run quick_mutation(1);
#endif
		run course(1);
		run product_fills(); run reads(3);
#ifdef ALL_LISTS
		run reads(1); run reads(2);
#endif
	}
}
