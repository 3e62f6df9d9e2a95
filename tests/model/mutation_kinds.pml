/* What a mutation marks and changes. Included by core.pml and near.pml.
 *     INTENTS  tag 0 is a widening that carries an intent; tag 1 only the answer tells
 *     SPLIT    mutation m is about tag m alone
 */
#define CHANGED   0
#define UNCHANGED 1
#define UNKNOWN   2

#ifdef SPLIT
#define touches(m, t) ((m) == (t))
#else
#define touches(m, t) ((t) < NT)
#endif
#ifdef INTENTS
#define kind_of(t) ((t) == 0 -> INTENT : NONE)
#define changes(t) ((t) == 1)
#else
#define kind_of(t) MARKER
#define changes(t) true
#endif
#ifdef NO_INTENT
#define is_marked(t) (kind_of(t) == MARKER)
#else
#define is_marked(t) (kind_of(t) != NONE)
#endif

/* What end does to a tag, by the outcome (sections 3.5 to 3.7). */
#define end_action(t) \
	(outcome == UNCHANGED -> CLEAR : (outcome == UNKNOWN -> BUMP_KEEP : (changes(t) -> BUMP : CLEAR)))
